"""How an image becomes the network's input: the part of a model that is lost most often, so it travels with it."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

ResizeRule = Literal["squash", "crop", "pad"]


@dataclass(frozen=True)
class Preprocessing:
    """From an image file to the tensor that the network was trained on.

    Attributes:
        size: height in pixels, and width unless that is given.
        channels: 1 (grey, "L") or 3 ("RGB", in that order).
        resize: "squash" both sides to what they shall be; "crop": as little as covers that, then centre crop; "pad": as
            much as fits into it, black bars.
        mean, std: per channel, of pixel values scaled to 0..1. The network sees (pixel / 255 - mean) / std.
        width: in pixels; 0 becomes `size`.
    """

    size: int
    channels: int = 3
    resize: ResizeRule = "crop"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    width: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", self.width or self.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.size, self.width, self.channels

    def normalize(self, pixels: np.ndarray) -> np.ndarray:
        """From uint8 pixels [N, H, W, C] to the float32 input of the network [N, C, H, W]."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def to_json(self) -> str:
        """One line of JSON, as it stands in the ONNX metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Preprocessing":
        """The inverse of `to_json`."""
        fields = json.loads(text)
        return cls(**{**fields, "mean": tuple(fields["mean"]), "std": tuple(fields["std"])})
