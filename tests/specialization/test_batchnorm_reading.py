"""Checkpoints in every format they come in; what is refused, in one sentence; and that nothing of a file ever runs."""

import contextlib
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from practicum.errors import ParameterError, PracticumError, StorageError
from practicum.specialization import batchnorm
from specialization.batchnorm_states import norm, signs

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


def tensors(seed=0, n=(16, 24), dtype=torch.float32):
    """A small Conv-BatchNorm-ReLU network's state dict as tensors."""
    rng = np.random.default_rng(seed)
    state, below = {}, 3
    for index, width in enumerate(n):
        state[f"features.{3 * index}.weight"] = rng.standard_normal((width, below, 3, 3))
        arrays = norm(f"features.{3 * index + 1}", width, rng.standard_normal(width), rng.random(width) + 0.5)
        state |= arrays
        below = width
    state["features.6.weight"] = rng.standard_normal((4, below, 1, 1))
    return {
        name: torch.tensor(value) if "tracked" in name else torch.tensor(np.asarray(value)).to(dtype)
        for name, value in state.items()
    }


def saved(path, state, how):
    if how == "safetensors":
        safetensors.save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "zip")
    return path


HOWS = ("safetensors", "zip", "legacy")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("how", HOWS)
def test_every_format_gives_the_same_report(tmp_path, how, dtype):
    state = tensors(dtype=dtype)
    layers = batchnorm.report(saved(tmp_path / "weights.any", state, how), keep=["beta", "gamma"])
    assert layers.layer.values.tolist() == ["features.1", "features.4"]
    for name, n in (("features.1", 16), ("features.4", 24)):
        for variable, part in (("beta", "bias"), ("gamma", "weight")):
            expected = state[f"{name}.{part}"].double().numpy()
            assert np.array_equal(layers[variable].sel(layer=name).values[:n], expected)
    assert set(layers.position.values) == {"before-relu"}
    direct = batchnorm.report(state, keep=["beta", "gamma"])
    assert layers.drop_attrs().identical(direct.drop_attrs())


def test_layers_of_safetensors_come_in_the_order_of_their_numbers(tmp_path):
    state = tensors(n=(16,) * 5)
    layers = batchnorm.report(saved(tmp_path / "a.safetensors", state, "safetensors"))
    assert layers.layer.values.tolist() == [f"features.{i}" for i in (1, 4, 7, 10, 13)]


def test_safetensors_whose_first_byte_is_that_of_a_pickle(tmp_path):
    """The file begins with the length of its header, and a length that ends in 0x80 is as likely as any other."""
    state, path = tensors(), tmp_path / "a"
    for filling in range(0, 256, 8):
        safetensors.save_file(state, path, metadata={"note": "x" * filling})
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert batchnorm.report(path).negative.equals(batchnorm.report(state).negative)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net"])
def test_a_state_dict_inside_a_training_checkpoint(tmp_path, key):
    state, other = tensors(), tensors(1)
    inside = {
        "epoch": 3,
        "names": ["a", "b"],
        "ema": other,
        key: state,
        "optimizer": {"state": {0: {"m": torch.ones(3)}}},
    }
    path = saved(tmp_path / "a.pt", inside, "zip")
    expected = batchnorm.report(state)
    assert batchnorm.report(path).negative.equals(expected.negative)
    assert batchnorm.report(path, key=key).negative.equals(expected.negative)
    assert batchnorm.report(path, key="ema").negative.equals(batchnorm.report(other).negative)
    deeper = saved(tmp_path / "b.pt", {"checkpoint": {"weights": state}}, "zip")
    assert batchnorm.report(deeper).negative.equals(expected.negative)
    assert batchnorm.report(deeper, key="checkpoint/weights").negative.equals(expected.negative)


def test_several_networks_have_to_be_chosen_from(tmp_path):
    path = saved(
        tmp_path / "a.pt", {"generator": tensors(), "critic": tensors(1), "codes": {"x": torch.ones(2)}}, "zip"
    )
    with pytest.raises(ParameterError, match=r"holds 2 state dicts .*; choose one: key='generator' or key='critic'\.$"):
        batchnorm.report(path)
    with pytest.raises(ParameterError, match=r"no state dict at the key 'x'; it has 'generator', 'critic', 'codes'\."):
        batchnorm.report(path, key="x")
    flat = saved(tmp_path / "b.pt", tensors(), "zip")
    with pytest.raises(ParameterError, match=r"no state dict at the key 'x'; it is one state dict, so leave the key"):
        batchnorm.report(flat, key="x")
    with pytest.raises(ParameterError, match="There is no BatchNorm with a beta"):
        batchnorm.report(path, key="codes")


class Hostile:
    """Unpickling this makes a file."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return Path.touch, (self.proof,)


@pytest.mark.parametrize("how", ["zip", "legacy", "pickle", "pickle protocol 0"])
def test_a_hostile_pickle_does_not_run(tmp_path, how):
    proof, path = tmp_path / "proof", tmp_path / "model.pt"
    hostile = tensors() | {"extra": Hostile(proof)}
    if how in ("zip", "legacy"):
        torch.save(hostile, path, _use_new_zipfile_serialization=how == "zip")
    else:
        path.write_bytes(pickle.dumps(Hostile(proof), protocol=0 if "0" in how else None))
    with pytest.raises(StorageError) as error:
        batchnorm.report(path)
    assert not proof.exists()
    assert "\n" not in str(error.value)
    says = {"pickle": "refused, because it is a pickle of something else", "pickle protocol 0": "is no checkpoint"}
    assert says.get(how, "refused, because it holds a pickled object (") in str(error.value)
    # The power of the test: read carelessly, it runs.
    if how == "zip":
        torch.load(path, weights_only=False)
        assert proof.exists()


def test_a_whole_module_is_refused_and_the_remedy_named(tmp_path):
    torch.save(torch.nn.Sequential(torch.nn.BatchNorm1d(3)), tmp_path / "a.pt")
    with pytest.raises(StorageError, match=r"\(torch\.nn\.\S+Sequential\), .*; save model\.state_dict\(\) alone"):
        batchnorm.report(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no checkpoint: it is empty, and a file of"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "is no checkpoint: it begins with 89 48 44 46, and"),
        (b"GIF", "is no checkpoint: it begins with 47 49 46"),
        (b"PK\x03\x04" + bytes(99), "is damaged or truncated: it begins as a file of torch.save"),
        (b"\x80\x02\x8a\n", "is damaged or truncated: it begins as a file of torch.save"),
        (b"\x80\x02", "is refused, because it is a pickle of something else than a state dict, and unpickling can"),
        (b"\xff\xff\0\0\0\0\0\0{" + bytes(99), "is damaged or truncated: it begins as a file of safetensors"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, content, says):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(StorageError) as error:
        batchnorm.report(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere\.pt cannot be read: no such file or directory\.$"):
        batchnorm.report(tmp_path / "nowhere.pt")
    with pytest.raises(StorageError, match=r"cannot be read: is a directory\.$"):
        batchnorm.report(tmp_path)


def test_an_archive_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(StorageError, match="is damaged or truncated"):
        batchnorm.report(tmp_path / "a.pt")
    torch.save([1, 2, "three"], tmp_path / "b.pt")
    with pytest.raises(StorageError, match=r"b\.pt holds no arrays; save model\.state_dict\(\)\.$"):
        batchnorm.report(tmp_path / "b.pt")


@pytest.mark.parametrize("how", HOWS)
def test_a_truncated_file_is_always_one_sentence(tmp_path, how):
    whole = saved(tmp_path / "whole", tensors(), how).read_bytes()
    path = tmp_path / "part"
    for cut in [*range(40), *range(40, len(whole), len(whole) // 40), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(StorageError) as error:
            batchnorm.report(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("how", HOWS)
def test_a_flipped_bit_never_gives_anything_but_a_report_or_a_sentence(tmp_path, how):
    whole = saved(tmp_path / "whole", tensors(), how).read_bytes()
    path = tmp_path / "flipped"
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, min(3000, len(whole)), 120), *rng.integers(0, len(whole), 60)]
    refused = 0
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        with contextlib.suppress(PracticumError):
            batchnorm.report(path)
            continue
        refused += 1
    assert refused > 10


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from practicum.specialization import batchnorm
layers = batchnorm.report(sys.argv[1])
print(*layers.negative.values, *layers.position.values)
try:
    batchnorm.report(sys.argv[2])
except ImportError as error:
    print(error)
"""


def test_safetensors_need_no_torch(tmp_path):
    state = tensors(dtype=torch.bfloat16)
    files = [saved(tmp_path / how, state, how) for how in ("safetensors", "zip")]
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    numbers, sentence = run.stdout.splitlines()
    expected = batchnorm.report(state)
    assert numbers == " ".join(map(str, [*expected.negative.values, "before-relu", "before-relu"]))
    assert "need the package 'torch', which is not installed" in sentence


@pytest.mark.skipif(not hasattr(torch, "float8_e4m3fn"), reason="this PyTorch has no floats of eight bits")
def test_a_type_that_numpy_does_not_have(tmp_path):
    state = {name: value.to(torch.float8_e4m3fn) for name, value in tensors().items()}
    with pytest.raises(StorageError, match=r"as F8_E4M3, a type that is not read; convert it to float32"):
        batchnorm.report(saved(tmp_path / "weights.any", state, "safetensors"))


def test_without_a_batchnorm_one_sentence_says_why(tmp_path):
    plain = {name: value for name, value in tensors().items() if "running" not in name}
    with pytest.raises(ParameterError, match=r"no prefix has a weight, a bias, .* of one length\.$"):
        batchnorm.report(saved(tmp_path / "a.pt", plain, "zip"))
    fused = {
        f"c{i}.{part}": torch.ones(4, *(3, 3, 3)[: 3 * (part == "weight")])
        for i in (1, 2)
        for part in ("weight", "bias")
    }
    with pytest.raises(ParameterError, match=r"2 of its 2 convolutions have a bias, so that one may have been fused"):
        batchnorm.report(saved(tmp_path / "b.pt", fused, "zip"))
    bare = {"bn.running_mean": torch.ones(4), "bn.running_var": torch.ones(4)}
    with pytest.raises(
        ParameterError, match=r"'bn' normalises without a weight and a bias of its own \(affine=False\)"
    ):
        batchnorm.report(bare)
    uneven = norm("bn", 4) | {"bn.bias": np.ones(5)}
    with pytest.raises(ParameterError, match="There is no BatchNorm"):
        batchnorm.report(uneven)


@pytest.mark.parametrize(("part", "symbol"), [("bias", "beta"), ("weight", "gamma")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(part, symbol, value):
    state = norm("bn1", 8) | norm("bn2", 8)
    state[f"bn2.{part}"] = np.where(np.arange(8) < 3, value, 1.0)
    with pytest.raises(
        ParameterError, match=rf"'bn2' of the state dict has 3 of 8 values of {symbol} that are not fin"
    ):
        batchnorm.report(state)


def test_a_spoilt_running_mean_only_takes_its_evidence_away():
    state = norm("bn1", 32, mean=np.full(32, np.nan))
    assert batchnorm.report(state).position.item() == "unknown"


@pytest.mark.parametrize(("normalisation", "position"), [("before", "before-relu"), ("after", "after-relu")])
def test_files_of_practicum_say_where_their_norms_stand(tmp_path, normalisation, position):
    from practicum.runs.checkpoints import save_network
    from specialization.made import network

    mlp = network((3, 5, 4, 2), seeds=2, activation="relu", normalisation=normalisation)
    layers = batchnorm.report(save_network(mlp, tmp_path / "a.safetensors"))
    assert layers.position.values.tolist() == [position] * 2
    assert layers.evidence.values.tolist() == ["metadata"] * 2
    assert layers.drop_vars("evidence").drop_attrs().identical(batchnorm.report(mlp).drop_vars("evidence").drop_attrs())


@pytest.mark.parametrize("text", ["", "{", "3", "[]", "{}", '{"normalisation": null, "activation": "relu"}'])
def test_other_metadata_are_no_evidence(tmp_path, text):
    safetensors.save_file(tensors(), tmp_path / "a", metadata={"practicum": text})
    assert set(batchnorm.report(tmp_path / "a").evidence.values) == {"names"}


def test_seeds_side_by_side(tmp_path):
    """A checkpoint of practicum's own perceptrons."""
    state = {"norms.0.weight": torch.ones(2, 8), "norms.0.bias": torch.tensor(np.stack([signs(8, 3), signs(8, 8)]))}
    state |= {"norms.0.running_mean": torch.ones(2, 8), "norms.0.running_variance": torch.ones(2, 8)}
    layers = batchnorm.report(saved(tmp_path / "a.safetensors", state, "safetensors"))
    assert np.allclose(layers.negative.values, [[3 / 8], [1]])
    assert layers.position.values.tolist() == ["after-relu"]
    with pytest.raises(ParameterError, match=r"must have as many seeds as each other. Got \[2, 1\] in the state dict"):
        batchnorm.report(state | norm("bn", 4))
