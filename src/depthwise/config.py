"""What a user asked of `fit`, checked: one frozen record, stored as config.json in the run folder."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from depthwise.device import RESOURCES, Budget
from depthwise.errors import UserError
from depthwise.registry import choose
from depthwise.units import parse_time

_TEXTS = {"train_time": parse_time} | {name: resource.parse for name, resource in RESOURCES.items()}
"""How choices that may be text become numbers."""


class Record(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Config(Record):
    """What the user asked for: with the versions, all that is needed to repeat the run.

    Attributes:
        data: path or name of the data set, as given but for a slash at its end.
        data_dir: where a named set lies, if not at its usual place.
        model: None: that of `weights`, or without them a search finds the network. width, depth: its multipliers; depth
            of the repeats of its stages.
        families: the models that the search tries, names or patterns; None: those that are tried unasked.
        deployable: without squeeze-excite, hard-swish and SiLU, the named network or every candidate.
        weights: what its training starts from: a file, an address or a published name; None: random weights.
        resolution, channels: of its input (None: from the data).
        ram, flash (bytes), latency (seconds), macs, parameters: limits of the network, beside the device's own.
        epochs, train_time: one of the two; train_time in seconds is turned into epochs at the start.
        batch_size, learning_rate, seed: the training recipe's open ends.
        device: name or TOML path of the target.
        precision: of what ships; "auto": 8 bits if they cost at most `max_drop` points of accuracy and no time.
        max_drop: points of accuracy on the validation images.
        input: element type of the compiled network's input.
        split: fractions (validation, test) cut from data that comes unsplit.
    """

    data: str
    data_dir: str | None = None
    model: str | None = None
    weights: str | None = None
    width: float = 1.0
    depth: float = 1.0
    families: tuple[str, ...] | None = None
    deployable: bool = False
    resolution: int | None = None
    channels: int | None = None
    epochs: int | None = Field(None, ge=1)
    train_time: float | None = Field(None, gt=0, allow_inf_nan=False)
    batch_size: int = Field(64, ge=2)
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    seed: int = Field(0, ge=0, lt=2**32)
    device: str = "host"
    ram: int | None = None
    flash: int | None = None
    latency: float | None = None
    macs: int | None = None
    parameters: int | None = None
    precision: Literal["auto", "float32", "int8"] = "auto"
    max_drop: float = Field(1.0, ge=0, le=100)
    input: Literal["uint8", "float"] = "uint8"
    split: tuple[float, float] = (0.15, 0.15)

    @field_validator("data", "weights", mode="before")
    @classmethod
    def _plain(cls, path: Any) -> Any:
        """PHOTOS/ is PHOTOS: shells add the slash, and one run must not become two."""
        text = str(path) if isinstance(path, Path) else path
        return text.rstrip("/") or text if isinstance(text, str) else text

    @field_validator("families", mode="before")
    @classmethod
    def _names(cls, families: Any) -> Any:
        """Text is names with commas between."""
        if not isinstance(families, str):
            return families
        return tuple(name.strip() for name in families.split(",") if name.strip()) or None

    @property
    def unasked(self) -> set[str]:
        """Fields that came after the first runs, where they are not used: what is done once is not done again."""
        return {name for name in ("families", "deployable") if not getattr(self, name)}

    @property
    def budget(self) -> Budget:
        """The limits. Raises UserError if one is not above 0."""
        return Budget(**{field.name: getattr(self, field.name) for field in fields(Budget)})

    @classmethod
    def of(cls, **choices: Any) -> "Config":
        """A config of what a user wrote. Raises UserError that names the first choice which cannot be used."""
        if choices.get("epochs") is not None and choices.get("train_time") is not None:
            raise UserError("epochs and train time exclude each other: give one")
        if choices.get("model") is None:
            for name in ("width", "depth"):
                if choices.get(name) is not None:
                    raise UserError(
                        f"{name} {choices[name]} is given without a model: name one, or leave it to the search"
                    )
        named = choices.get("model") or choices.get("weights")
        if named is not None and choices.get("families") is not None:
            raise UserError(
                f"families {choices['families']} are what a search tries, and {named} is to be trained: leave one out"
            )
        if choices.get("precision") == "float32" and choices.get("max_drop") is not None:
            raise UserError(
                f"max drop {choices['max_drop']:g} is what 8 bits may cost, and float32 is asked for: leave one out"
            )
        choices = {name: value for name, value in choices.items() if value is not None}
        for name, parse in _TEXTS.items():
            if isinstance(choices.get(name), str):
                choices[name] = parse(name, choices[name])
        try:
            return cls(**choices)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                choose("option", name, cls.model_fields)
            reason = first["msg"].removeprefix("Input ")
            raise UserError(f"{name.replace('_', ' ')} {first['input']} cannot be used: it {reason}") from None
