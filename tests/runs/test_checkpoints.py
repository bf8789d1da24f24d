"""Files of networks: the same bits back, nothing that is in them is run, and what is unclear is one sentence."""

import errno
import itertools
import json
import os
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from practicum import ParameterError, StorageError  # noqa: E402
from practicum.networks import MLP, SeparatedTeacher, Students  # noqa: E402
from practicum.runs.checkpoints import about_network, load_network, save_network  # noqa: E402

TEACHER = SeparatedTeacher(inputs=6, hidden=3, outputs=2, output_bias=None)


def networks():
    for activation, slope in (("relu", 0.0), ("leaky-relu", 0.1), ("erf", 0.0), ("linear", 0.0)):
        teacher = TEACHER.replace(activation=activation, slope=slope)
        for dtype in ("float32", "float64"):
            yield teacher.build([3, 5], dtype=dtype)
    for normalisation, widths in (("before", (4, 3)), ("after", (7, 2))):
        students = Students(widths=widths, normalisation=normalisation).build((6, 3, 3, 2), [0, 4, 9])
        students(torch.randn(3, 50, 6, dtype=torch.float64))  # moves the running moments away from their start
        yield students


@pytest.mark.parametrize("network", list(networks()), ids=lambda n: f"{n.activation}-{n.normalisation}-{n.dtype}")
def test_the_same_bits_come_back(tmp_path, network):
    path = save_network(network, tmp_path / "deep" / "network", about={"run": "0123"})
    assert path == tmp_path / "deep" / "network.safetensors"
    again = load_network(path)
    for name in ("sizes", "seeds", "activation", "slope", "normalisation", "dtype", "training"):
        assert getattr(again, name) == (False if name == "training" else getattr(network, name)), name
    before, after = network.state_dict(), again.state_dict()
    assert list(before) == list(after)
    for name in before:
        assert before[name].numpy().tobytes() == after[name].numpy().tobytes(), name
    inputs = torch.randn(20, 6, dtype=network.dtype)
    assert torch.equal(network.eval()(inputs), again(inputs))
    assert about_network(path)["run"] == "0123"
    assert save_network(again, tmp_path / "b.safetensors", about={"run": "0123"}).read_bytes() == path.read_bytes()


def test_other_programs_read_the_file(tmp_path):
    network = TEACHER.build([0])
    tensors = load_file(save_network(network, tmp_path / "a.safetensors"))
    assert {name: tuple(t.shape) for name, t in tensors.items()} == {
        "weights.0": (1, 3, 6),
        "weights.1": (1, 2, 3),
        "biases.0": (1, 3),
    }


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path, monkeypatch):
    path = save_network(TEACHER.build([0]), tmp_path / "a.safetensors")
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"cannot be written to .*a\.safetensors: no space left on device\."):
        save_network(TEACHER.build([1]), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("name", ["a.pt", "a.pkl", "a.npz"])
def test_networks_are_not_saved_as_anything_else(tmp_path, name):
    with pytest.raises(ParameterError, match=r"saved as \.safetensors"):
        save_network(TEACHER.build([0]), tmp_path / name)
    with pytest.raises(ParameterError, match="Only an MLP can be saved"):
        save_network(nn.Linear(2, 2), tmp_path / "a.safetensors")


def test_every_truncation_is_noticed(tmp_path):
    path = save_network(TEACHER.build([0]), tmp_path / "a.safetensors")
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError) as caught:
            load_network(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole + b"\0")
    with pytest.raises(StorageError, match="damaged"):
        load_network(path)


def test_files_of_another_version_are_not_guessed_at(tmp_path):
    network = TEACHER.build([0])
    path = save_network(network, tmp_path / "a.safetensors")
    metadata = about_network(path)
    tensors = load_file(path)

    def write(**changes):
        save_file(tensors, path, {"practicum": json.dumps({**metadata, **changes})})

    write(format="mlp-2")
    with pytest.raises(StorageError, match=r"format 'mlp-2', and this version of practicum reads"):
        load_network(path)
    for name, value in (("sizes", [6, 3]), ("activation", "tanh"), ("slope", "x"), ("normalisation", "layer")):
        write(**{name: value})
        with pytest.raises(StorageError, match="cannot be read"):
            load_network(path)
    tensors["more"] = torch.zeros(1)
    write()
    with pytest.raises(StorageError, match="cannot be read"):
        load_network(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    network = TEACHER.build([0, 1])
    network.weights[1].data[1, 0, 0] = value
    path = save_network(network, tmp_path / "a.safetensors")
    with pytest.raises(ParameterError, match=r"not finite in weights\.1, so that"):
        load_network(path)


class Program:
    """What a pickle may hold: a call of anything."""

    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.pkl", "a.pickle", "a.joblib", "a.safetensors", "a"])
@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_no_pickled_program_runs(tmp_path, monkeypatch, name, how):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    content = {"0.weight": torch.zeros(2, 2), "x": Program()}
    if how == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(StorageError) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02", b"not a network", b"\xff" * 100])
def test_what_is_no_network_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="checkpoint"):
        load_network(path)
    with pytest.raises(StorageError, match="cannot be read: no such file"):
        load_network(tmp_path / "nowhere.safetensors")
    with pytest.raises(StorageError, match="cannot be read: is a directory"):
        load_network(tmp_path)


def sequential(*sizes, bias=True, activation=nn.ReLU):
    torch.manual_seed(1)
    steps = [step for a, b in itertools.pairwise(sizes) for step in (nn.Linear(a, b, bias=bias), activation())]
    return nn.Sequential(*steps[:-1])


class Named(nn.Module):
    def __init__(self, *names, sizes):
        super().__init__()
        for name, a, b in zip(names, sizes[:-1], sizes[1:], strict=True):
            self.add_module(name, nn.Linear(a, b))


@pytest.mark.parametrize("ending", ["safetensors", "pt", "pth"])
@pytest.mark.parametrize("sizes", [(6, 4, 2), (5, 5, 5, 5), tuple([4] * 14)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_plain_perceptrons_of_others_are_understood(tmp_path, ending, sizes, bias):
    module = sequential(*sizes, bias=bias)
    path = tmp_path / f"a.{ending}"
    if ending == "safetensors":
        save_file(module.state_dict(), path)  # sorts by name: 10.weight before 2.weight
    else:
        torch.save({"state_dict": module.state_dict(), "epoch": 3}, path)
    network = load_network(path)
    assert isinstance(network, MLP)
    assert (network.sizes, network.activation, network.dtype) == (sizes, "relu", torch.float64)
    inputs = torch.randn(30, sizes[0])
    expected = module(inputs)
    np.testing.assert_allclose(network(inputs.double())[0].numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_the_activation_of_others_is_asked_for(tmp_path):
    module = sequential(6, 4, 2, activation=lambda: nn.LeakyReLU(0.2))
    save_file(module.state_dict(), tmp_path / "a.safetensors")
    network = load_network(tmp_path / "a.safetensors", activation="leaky-relu", slope=0.2)
    inputs = torch.randn(30, 6)
    np.testing.assert_allclose(
        network(inputs.double())[0].numpy(), module(inputs).detach().numpy(), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(ParameterError, match=r"'activation' parameter must be one of .* Got 'tanh'"):
        load_network(tmp_path / "a.safetensors", activation="tanh")
    ours = save_network(network, tmp_path / "ours")
    assert load_network(ours, activation="leaky-relu").slope == 0.2
    with pytest.raises(ParameterError, match=r"has the activation 'leaky-relu', as its file says"):
        load_network(ours, activation="relu")


def test_names_without_numbers_are_understood_where_widths_tell_the_order(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(Named("low", "high", "end", sizes=(6, 5, 4, 3)).state_dict(), path)
    assert load_network(path).sizes == (6, 5, 4, 3)
    save_file(Named("low", "high", "end", sizes=(6, 5, 5, 5)).state_dict(), path)
    with pytest.raises(ParameterError, match=r"several orders of its layers fit together \(end\.weight \(5, 5\)"):
        load_network(path)
    torch.save(Named("low", "high", "end", sizes=(6, 5, 5, 5)).state_dict(), tmp_path / "a.pt")  # keeps the order
    assert load_network(tmp_path / "a.pt").sizes == (6, 5, 5, 5)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"0.weight": (4, 6), "1.weight": (4,), "1.bias": (4,), "2.weight": (2, 4)}, r"Got 1\.weight \(4,\) instead"),
        ({"0.weight": (4, 1, 3, 3), "2.weight": (2, 4)}, r"Got 0\.weight \(4, 1, 3, 3\) instead"),
        ({"0.weight": (4, 6), "0.bias": (5,), "2.weight": (2, 4)}, r"Got 0\.bias \(5,\) instead"),
        ({"0.weight": (4, 6), "0.scale": (4, 6)}, r"Got 0\.scale \(4, 6\) instead"),
        ({"0.weight": (4, 6), "2.weight": (2, 5)}, "its layers do not follow each other"),
        ({"weight": (4, 6)}, "holds one layer"),
        ({"bias": (4,)}, r"Got bias \(4,\) instead"),
    ],
)
def test_other_networks_are_one_sentence(tmp_path, tensors, sentence):
    save_file({name: torch.ones(shape) for name, shape in tensors.items()}, tmp_path / "a.safetensors")
    with pytest.raises(ParameterError, match=sentence) as caught:
        load_network(tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)


def test_weights_of_others_that_are_not_finite_are_refused(tmp_path):
    tensors = {"0.weight": torch.full((4, 6), float("nan")), "2.weight": torch.ones(2, 4)}
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(ParameterError, match="not finite"):
        load_network(tmp_path / "a.safetensors")


def test_what_a_file_says_about_itself(tmp_path):
    path = save_network(TEACHER.build([0]), tmp_path / "a.safetensors", about={"run": "0123"})
    expected = {"activation": "relu", "format": "mlp-1", "normalisation": None, "run": "0123", "sizes": [6, 3, 2]}
    assert about_network(path) == {**expected, "slope": 0}
    assert about_network(tmp_path / "nowhere") == {}
    save_file({"x": torch.zeros(1)}, path, {"practicum": "3"})
    assert about_network(path) == {}
