"""Weights of other libraries: what they were trained with, and every way in which they do not fit."""

import http.server
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from depthwise import UserError, create
from depthwise.design import architecture
from depthwise.design.checkpoints import CHECKPOINTS, identity, load, sources, to_library
from depthwise.design.source import load_model
from depthwise.graph import preprocessing_of
from depthwise.progress import Silent
from weight_files import Notes, save, weights_of


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
    known = replace(
        CHECKPOINTS["efficientnet_lite0.efficientnet_pytorch"], sha256=sources.hash_of(path)[:8], width=0.25
    )
    monkeypatch.setattr(identity, "CHECKPOINTS", {"lite": known})
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
        patch.setattr(identity, "CHECKPOINTS", {"known": known})
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
    network = architecture("mobilenet_v2", 0.5, 32)
    path = save(tmp_path / "model.safetensors", to_library(weights_of(network), network, "timm"))
    asked = []

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(path)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    loaded = load("mobilenetv2_050.lamb_in1k", network)
    assert asked == [("timm/mobilenetv2_050.lamb_in1k", "model.safetensors")]
    assert (loaded.start.name, loaded.start.top1) == ("mobilenetv2_050.lamb_in1k", 65.95)

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
