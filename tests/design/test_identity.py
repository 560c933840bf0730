"""Which network weights are of, as their name, their hash or a description beside them says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from depthwise import UserError, graph
from depthwise.cli import main
from depthwise.config import Config
from depthwise.data.preprocessing import Preprocessing
from depthwise.design import architecture
from depthwise.design.checkpoints import CHECKPOINTS, identify, identity, load, sources, to_library, with_network
from depthwise.progress import Silent
from depthwise.runs import Run
from weight_files import save, weights_of

# as timm writes it beside weights, shortened
DESCRIPTION: dict[str, Any] = {
    "architecture": "tf_mobilenetv3_small_075",
    "num_classes": 5,
    "pretrained_cfg": {"input_size": [3, 160, 160], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}


def repository(folder: Path, description: object = DESCRIPTION) -> Path:
    """A copy of a repository of the hub, with a network of 5 classes."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(description), encoding="utf-8")
    network = replace(architecture("mobilenet_v3_small", 0.75, 32, classes=5), padding="same")
    save(folder / "model.safetensors", to_library(weights_of(network), network, "timm"))
    return folder


def test_a_description_beside_the_file(tmp_path: Path) -> None:
    folder = repository(tmp_path / "net")
    for source in (folder, folder / "model.safetensors"):
        known = identify(str(source), Silent())
        assert (known.model, known.width, known.depth) == ("mobilenet_v3_small", 0.75, 1)
        assert (known.resolution, known.normalization) == (160, ((0.5,) * 3, (0.25,) * 3))
        assert (known.naming.library, known.naming.padding, known.naming.epsilon) == ("timm", "same", 1e-3)
    loaded = load(folder)
    network = loaded.architecture
    assert (network.name, network.width, network.resolution) == ("mobilenet_v3_small", 0.75, 160)
    assert (network.classes, network.channels) == (5, 3)
    assert (loaded.start.padding, loaded.start.std, loaded.start.new_classifier) == ("same", (0.25,) * 3, False)


def test_a_description_of_the_first_form(tmp_path: Path) -> None:
    """Everything on one level, as timm wrote it at first; what is not said is as usual."""
    known = identify(str(repository(tmp_path / "net", {"architecture": "mnasnet_100", "std": [1, 1, 1]})), Silent())
    assert (known.model, known.resolution, known.normalization) == (
        "mnasnet_b1",
        224,
        ((0.485, 0.456, 0.406), (1, 1, 1)),
    )


def test_the_hub_is_asked_for_the_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    folder = repository(tmp_path / "net")
    monkeypatch.setattr(hub, "hf_hub_download", lambda _, file: str(folder / file))
    known = identify("hf:someone/net", Silent())
    assert (known.model, known.width, known.recipe) == (
        "mobilenet_v3_small",
        0.75,
        "https://huggingface.co/someone/net",
    )

    def without(repository: str, file: str) -> str:
        if file != "model.safetensors":
            raise hub.errors.EntryNotFoundError(f"no {file} in {repository}")
        return str(folder / file)

    (folder / "config.json").unlink()
    monkeypatch.setattr(hub, "hf_hub_download", without)
    with pytest.raises(UserError, match="hf:someone/net do not say which network they are of: name it"):
        identify("hf:someone/net", Silent())


def test_a_published_name_and_a_known_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = identify("mnasnet0_5.imagenet1k_v1", Silent())  # nothing is fetched
    assert (known.model, known.width) == ("mnasnet_b1", 0.5)
    network = architecture("mobilenet_v1", 0.25, 32)
    path = save(tmp_path / "renamed.pth", to_library(weights_of(network), network, "timm"))
    with pytest.raises(UserError, match=r"renamed\.pth do not say which network"):
        identify(str(path), Silent())
    first = replace(CHECKPOINTS["mobilenetv1_100.ra4_e3600_r224_in1k"], sha256=sources.hash_of(path), width=0.25)
    monkeypatch.setattr(identity, "CHECKPOINTS", {"first": first})
    assert identify(str(path), Silent()) is first


def test_every_name_of_timms_says_which() -> None:
    for name, one in CHECKPOINTS.items():
        if one.naming.library == "timm":
            found = identity._described({"architecture": name.partition(".")[0]}, "somewhere")
            assert found is not None, name
            assert (found.model, found.width, found.naming) == (one.model, one.width, one.naming)


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ({"architecture": "resnet50"}, "do not say which network they are of"),
        ({"architectures": ["ViT"]}, "do not say which network they are of"),
        ({"architecture": "mobilenetv2_100", "pretrained_cfg": {"mean": "grey"}}, "has no mean, std or input_size"),
        ({"architecture": "mobilenetv2_100", "pretrained_cfg": {"input_size": []}}, "has no mean, std or input_size"),
        ([1, 2], "do not say which network they are of"),
    ],
)
def test_descriptions_that_do_not_help(description: object, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        identify(str(repository(tmp_path / "net", description)), Silent())
    assert "\n" not in str(caught.value)


def test_a_description_that_is_no_json(tmp_path: Path) -> None:
    folder = repository(tmp_path / "net")
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"the config\.json beside the weights .*net cannot be read"):
        identify(str(folder), Silent())


def test_another_model_than_the_weights_say(tmp_path: Path) -> None:
    folder = repository(tmp_path / "net")
    with pytest.raises(UserError, match=r"net are those of mobilenet_v3_small, not of mobilenet_v2"):
        load(folder, architecture("mobilenet_v2"))
    with pytest.raises(UserError, match=r"net are those of mobilenet_v3_small at width 0\.75, not 1"):
        load(folder, architecture("mobilenet_v3_small"))
    with pytest.raises(UserError, match=r"at depth 1, not 2"):
        load(folder, architecture("mobilenet_v3_small", 0.75, depth=2))


def test_the_config_takes_over_what_the_weights_say(tmp_path: Path) -> None:
    folder = repository(tmp_path / "net")
    asked = Config.of(data="photos", weights=str(folder), epochs=1)
    config = with_network(asked, None, Silent())
    assert (config.model, config.width, config.depth) == ("mobilenet_v3_small", 0.75, 1)
    named = Config.of(data="photos", weights=str(folder), epochs=1, model="mobilenet_v1")
    assert with_network(named, None, Silent()) is named
    nothing = Config.of(data="photos", epochs=1)
    assert with_network(nothing, None, Silent()) is nothing
    simpler = with_network(asked.model_copy(update={"deployable": True}), None, Silent())
    assert simpler == config.model_copy(update={"deployable": True})
    run = Run.create(tmp_path / "run", config)
    (folder / "model.safetensors").unlink()
    assert with_network(asked, run.path, Silent()) == config
    with pytest.raises(UserError, match="do not exist"):
        with_network(asked, tmp_path / "another", Silent())


def test_a_run_says_its_network(tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "run", Config.of(data="photos", model="mobilenetv3_small_050", deployable=True, depth=2, epochs=1)
    )
    network = architecture("mobilenet_v3_small", 0.5, 48, classes=3, channels=1, depth=2, deployable=True)
    weights, form = weights_of(network), Preprocessing(48, 1, mean=(0.25,), std=(0.5,))
    save(run.path / "weights.safetensors", weights)
    graph.save(graph.build(network.layers(), weights, preprocessing=form), run.path / "model.onnx")
    loaded = load(run.path)
    assert loaded.architecture == network
    assert loaded.preprocessing == form
    asked = Config.of(data="photos", weights=str(run.path), epochs=1)
    config = with_network(asked, None, Silent())
    assert (config.model, config.width, config.depth, config.deployable) == ("mobilenet_v3_small", 0.5, 2, True)


def test_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "--weights"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if " resnet18 " in line] == ["resnet18.a1_in1k", "resnet18.imagenet1k_v1"]
    main(["models", "--weights", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(lines) == len(CHECKPOINTS)
    assert rows[0].keys() >= {"name", "model", "width", "resolution", "normalization", "padding", "top1", "source"}
