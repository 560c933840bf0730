"""Weights of other libraries: their names, what they were trained with, and every way in which they do not fit."""

import http.server
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from depthwise import UserError, create, graph
from depthwise.design import MODELS, Architecture, architecture
from depthwise.design.checkpoints import CHECKPOINTS, load, loading, sources, to_library
from depthwise.design.checkpoints.loading import from_library
from depthwise.design.checkpoints.names import Naming
from depthwise.design.source import load_model
from depthwise.graph import preprocessing_of
from depthwise.progress import Silent


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def weights_of(network: Architecture, seed: int = 1) -> dict[str, np.ndarray]:
    return graph.initialize(network.layers(), seed)


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    if path.suffix == ".safetensors":
        path.write_bytes(safetensors.numpy.save(arrays))
    else:
        torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path)
    return path


def naming(model: str, library: str) -> Naming:
    return next(one.naming for one in CHECKPOINTS.values() if (one.model, one.naming.library) == (model, library))


# our layer -> theirs, as the libraries' own code builds their modules
NAMES = {
    ("mobilenet_v1", "timm"): {
        "stem.conv": "conv_stem",
        "blocks.0.0.depthwise": "blocks.0.0.conv_dw",
        "blocks.0.0.depthwise_norm": "blocks.0.0.bn1",
        "blocks.3.5.pointwise": "blocks.3.5.conv_pw",
        "blocks.4.1.pointwise_norm": "blocks.4.1.bn2",
        "head.classifier": "classifier",
    },
    ("mobilenet_v2", "torchvision"): {
        "stem.norm": "features.0.1",
        "blocks.0.0.depthwise": "features.1.conv.0.0",
        "blocks.0.0.projection": "features.1.conv.1",
        "blocks.0.0.projection_norm": "features.1.conv.2",
        "blocks.1.0.expansion": "features.2.conv.0.0",
        "blocks.1.1.depthwise_norm": "features.3.conv.1.1",
        "blocks.6.0.projection": "features.17.conv.2",
        "blocks.6.0.projection_norm": "features.17.conv.3",
        "head.conv": "features.18.0",
        "head.classifier": "classifier.1",
    },
    ("mobilenet_v2", "timm"): {
        "blocks.0.0.projection": "blocks.0.0.conv_pw",
        "blocks.0.0.projection_norm": "blocks.0.0.bn2",
        "blocks.2.1.expansion": "blocks.2.1.conv_pw",
        "blocks.2.1.projection": "blocks.2.1.conv_pwl",
        "blocks.2.1.projection_norm": "blocks.2.1.bn3",
        "head.conv": "conv_head",
        "head.norm": "bn2",
    },
    ("mobilenet_v3_large", "torchvision"): {
        "blocks.0.0.projection": "features.1.block.1.0",
        "blocks.3.0.squeeze_excite.reduction": "features.4.block.2.fc1",
        "blocks.3.0.projection_norm": "features.4.block.3.1",
        "head.norm": "features.16.1",
        "head.features": "classifier.0",
        "head.classifier": "classifier.3",
    },
    ("mobilenet_v3_large", "timm"): {
        "blocks.1.0.expansion": "blocks.1.0.conv_pw",
        "blocks.2.0.expansion": "blocks.1.1.conv_pw",
        "blocks.3.2.squeeze_excite.excitation": "blocks.2.2.se.conv_expand",
        "blocks.3.2.projection_norm": "blocks.2.2.bn3",
        "blocks.6.1.depthwise": "blocks.3.3.conv_dw",
        "blocks.8.2.projection": "blocks.5.2.conv_pwl",
        "head.conv": "blocks.6.0.conv",
        "head.norm": "blocks.6.0.bn1",
        "head.features": "conv_head",
    },
    ("mobilenet_v3_small", "torchvision"): {
        "blocks.0.0.squeeze_excite.excitation": "features.1.block.1.fc2",
        "blocks.0.0.projection": "features.1.block.2.0",
        "head.conv": "features.12.0",
    },
    ("mobilenet_v3_small", "timm"): {
        "blocks.0.0.squeeze_excite.reduction": "blocks.0.0.se.conv_reduce",
        "blocks.0.0.projection": "blocks.0.0.conv_pw",
        "blocks.4.1.depthwise": "blocks.2.2.conv_dw",
        "head.conv": "blocks.5.0.conv",
    },
    ("efficientnet_lite0", "efficientnet_pytorch"): {
        "stem.conv": "_conv_stem",
        "blocks.0.0.projection_norm": "_blocks.0._bn2",
        "blocks.1.1.depthwise": "_blocks.2._depthwise_conv",
        "blocks.6.0.projection": "_blocks.15._project_conv",
        "head.norm": "_bn1",
        "head.classifier": "_fc",
    },
}


@pytest.mark.parametrize(("model", "library"), NAMES, ids=" of ".join)
@pytest.mark.parametrize("width", [1.0, 0.35])
def test_names(model: str, library: str, width: float) -> None:
    """At small widths neighbouring stages have the same channels: numbers must not depend on them."""
    modules = naming(model, library).modules(architecture(model, width, 32, classes=3))
    assert {ours: modules[ours] for ours in NAMES[model, library]} == NAMES[model, library]
    assert len(set(modules.values())) == len(modules)


@pytest.mark.parametrize("name", list(CHECKPOINTS))
def test_there_and_back(name: str) -> None:
    known = CHECKPOINTS[name]
    network = replace(architecture(known.model, 0.25, 32, classes=3), padding=known.naming.padding)
    network = replace(network, epsilon=known.naming.epsilon or network.epsilon)
    weights = weights_of(network)
    theirs = to_library(weights, network, known.naming.library)
    back, new = from_library(theirs, network, known.naming, name)
    assert not new
    assert back.keys() == weights.keys()
    assert all(np.array_equal(back[key], weights[key]) for key in weights)


def test_every_model_has_weights_somewhere() -> None:
    assert {one.model for one in CHECKPOINTS.values()} <= set(MODELS)
    for one in CHECKPOINTS.values():
        assert one.source.startswith(("hf:", "https://")) or one.sha256
        assert one.naming.padding in ("symmetric", "same")


def test_another_epsilon_changes_no_output() -> None:
    """timm's has 1e-5, ours 1e-3: the sums under the root stay what they were."""
    network = architecture("mobilenet_v3_small", 0.5, 32, classes=3)
    weights = weights_of(network)
    theirs = to_library(weights, network, "timm")["bn1.running_var"]
    np.testing.assert_allclose(theirs + 1e-5, weights["stem.norm.running_var"] + network.epsilon, rtol=1e-6)
    assert network.epsilon == 1e-3


def test_a_layer_of_matrices_is_a_convolution_in_timm() -> None:
    network = architecture("mobilenet_v3_small", 0.5, 32, classes=3)
    theirs = to_library(weights_of(network), network, "timm")
    assert theirs["conv_head.weight"].ndim == 4
    assert theirs["classifier.weight"].ndim == 2


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_an_unknown_file_is_read_by_its_names(tmp_path: Path, suffix: str) -> None:
    network = architecture("mobilenet_v2", 0.25, 32, classes=3)
    arrays = to_library(weights_of(network), network, "torchvision")
    notes = Notes()
    loaded = load(save(tmp_path / f"some{suffix}", arrays), network, notes)
    assert loaded.weights.keys() == weights_of(network).keys()
    assert (loaded.start.library, loaded.start.name, loaded.start.top1) == ("torchvision", None, None)
    assert "does not say how its network was trained" in notes.lines[0]


def test_a_known_file_brings_padding_epsilon_and_preprocessing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = architecture("efficientnet_lite0", 0.25, 32)
    same = replace(network, padding="same")
    path = save(tmp_path / "renamed.pth", to_library(weights_of(same), same, "efficientnet_pytorch"))
    known = replace(CHECKPOINTS["efficientnet_lite0.efficientnet_pytorch"], sha256=sources.hash_of(path)[:8])
    monkeypatch.setattr(loading, "CHECKPOINTS", {"lite": known})
    loaded = load(path, network)
    assert (loaded.architecture.padding, loaded.architecture.epsilon) == ("same", 1e-3)
    assert loaded.start.name == "lite"
    assert loaded.preprocessing.size == 32
    assert loaded.preprocessing.mean == pytest.approx((127 / 255,) * 3)
    module = create("efficientnet_lite0", path, width=0.25, resolution=32)
    form = preprocessing_of(load_model(module))
    assert form == loaded.preprocessing


def test_other_classes_make_a_new_classifier_and_say_so(tmp_path: Path) -> None:
    network = architecture("mobilenet_v1", 0.25, 32, classes=10)
    path = save(tmp_path / "ten.safetensors", to_library(weights_of(network), network, "timm"))
    notes = Notes()
    loaded = load(path, replace(network, classes=3), notes)
    assert any("classifier is new" in line and "has 10 classes, the network 3" in line for line in notes.lines)
    assert loaded.start.new_classifier
    assert weights_of(network).keys() - loaded.weights.keys() == {"head.classifier.weight", "head.classifier.bias"}


def test_keys_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    network = architecture("mobilenet_v2", 0.25, 32, classes=3)
    arrays = to_library(weights_of(network), network, "timm")
    arrays = {name: array for name, array in arrays.items() if not name.startswith("blocks.3")}
    arrays |= {"extra.weight": np.zeros(3, np.float32), "conv_stem.weight": np.zeros((8, 1, 3, 3), np.float32)}
    with pytest.raises(UserError) as caught:
        load(save(tmp_path / "odd.pth", arrays), network)
    message = str(caught.value)
    assert "missing (blocks.3.0.conv_pw.weight, " in message
    assert " more)" in message
    assert "1 unexpected (extra.weight)" in message
    assert "1 misshapen (conv_stem.weight [8, 1, 3, 3], not [8, 3, 3, 3])" in message
    assert "\n" not in message


def test_weights_of_another_network(tmp_path: Path) -> None:
    v2 = architecture("mobilenet_v2", 0.25, 32)
    with pytest.raises(UserError, match=r"are those of mobilenet_v2, not of mobilenet_v1"):
        run_model(tmp_path, "mobilenet_v1")
    path = save(tmp_path / "v2.pth", to_library(weights_of(v2), v2, "torchvision"))
    with pytest.raises(UserError, match=r"not those of mobilenet_v1: no key of theirs is known \(features"):
        load(path, architecture("mobilenet_v1"))
    with pytest.raises(UserError, match=r"width 0.5 .*misshapen"):
        load(path, architecture("mobilenet_v2", 0.5, 32))


def run_model(folder: Path, model: str) -> None:
    """Loads a file that is known as weights of another model."""
    network = architecture("mobilenet_v2", 0.25, 32)
    path = save(folder / "known.pth", to_library(weights_of(network), network, "timm"))
    known = replace(CHECKPOINTS["mobilenetv2_100.ra_in1k"], sha256=sources.hash_of(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "CHECKPOINTS", {"known": known})
        load(path, architecture(model, 0.25, 32))


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("1 + 1",))


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    network = architecture("mobilenet_v1", 0.25, 32)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"weight": Evil()}))
    torch.save({"weight": Evil()}, tmp_path / "evil2.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x40\0\0\0\0\0\0\0{")
    (tmp_path / "text.pth").write_text("hello")
    for name in ("evil.pth", "evil2.pth", "cut.safetensors", "text.pth"):
        with pytest.raises(UserError, match=f"{name} cannot be read as") as caught:
            load(tmp_path / name, network)
        assert "\n" not in str(caught.value)
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(UserError, match="holds no weights"):
        load(tmp_path / "empty.pth", network)
    with pytest.raises(UserError, match="do not exist"):
        load(tmp_path / "none.pth", network)
    with pytest.raises(UserError, match="Did you mean 'mobilenet_v2"):
        load("mobilenet_v2.imagenet1k_v3", network)
    with pytest.raises(UserError, match="have no address: give their file"):
        load("efficientnet_lite0.efficientnet_pytorch", architecture("efficientnet_lite0"))


def test_what_training_scripts_wrap_around_weights(tmp_path: Path) -> None:
    network = architecture("mobilenet_v1", 0.25, 32)
    arrays = to_library(weights_of(network), network, "timm")
    tensors = {f"module.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    tensors["module.bn1.num_batches_tracked"] = torch.tensor(7)
    torch.save({"epoch": 3, "state_dict": tensors}, tmp_path / "script.pth")
    assert load(tmp_path / "script.pth", network).weights.keys() == weights_of(network).keys()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves the test's folder; its address."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def test_an_address_is_fetched_once_and_checked(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path / "cache"))
    network = architecture("mobilenet_v1", 0.25, 32)
    path = save(tmp_path / "v1.pth", to_library(weights_of(network), network, "timm"))
    notes = Notes()
    loaded = load(f"{server}/v1.pth", network, notes)
    assert notes.lines[0] == f"downloading {server}/v1.pth"
    assert loaded.start.sha256 == sources.hash_of(path)
    path.unlink()
    again = load(f"{server}/v1.pth", network)
    assert again.start == loaded.start
    with pytest.raises(UserError, match=r"cannot be downloaded .*: download it and give the file"):
        load(f"{server}/v1b.pth", network)
    (tmp_path / "other.pth").write_text("something else")
    with pytest.raises(UserError, match=r"gave another file than was published: its SHA-256 begins \w{8}, not abcd"):
        sources.fetch(f"{server}/other.pth", "abcd", Silent())
    assert not [left for left in (tmp_path / "cache" / "weights").iterdir() if "other" in left.name]


def test_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    network = architecture("mobilenet_v2", 0.25, 32)
    path = save(tmp_path / "model.safetensors", to_library(weights_of(network), network, "timm"))
    asked = []

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(path)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    loaded = load("mobilenetv2_100.ra_in1k", network)
    assert asked == [("timm/mobilenetv2_100.ra_in1k", "model.safetensors")]
    assert (loaded.start.name, loaded.start.top1) == ("mobilenetv2_100.ra_in1k", 72.91)

    def refuse(repository: str, file: str) -> str:
        raise ConnectionError("no network\nand more")

    monkeypatch.setattr(hub, "hf_hub_download", refuse)
    with pytest.raises(UserError, match=r"the weights 'hf:someone/net' cannot be loaded: no network$"):
        load("hf:someone/net", network)


def test_a_network_padded_otherwise_is_not_written_for_a_library() -> None:
    network = replace(architecture("mobilenet_v2", 0.25, 32), padding="same")
    with pytest.raises(UserError, match="torchvision pads mobilenet_v2 by 'symmetric'"):
        to_library(weights_of(network), network, "torchvision")
    with pytest.raises(UserError, match="'torchvision' has no mobilenet_v1 that is known here: timm"):
        to_library(weights_of(network), architecture("mobilenet_v1"), "torchvision")
