"""``practicum attack``: tables, documents and files against the functions behind them, and mistakes in one sentence."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from test_lightness import HEAVY, HELP, loaded_after

torch = pytest.importorskip("torch")

from practicum.cli import main  # noqa: E402
from practicum.networks import LowRankInputs, SeparatedTeacher, Students  # noqa: E402
from practicum.networks.inputs import GaussianInputs  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402
from practicum.robustness import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.errors import robust_errors  # noqa: E402
from practicum.runs import load_network, save_network  # noqa: E402

ALL = [
    "fixed_label_error",
    "oracle_error",
    "margin_gated_oracle_error",
    "fixed_squared_error",
    "oracle_squared_error",
]
QUICK = ["--attack", "pgd", "--steps", "3", "--restarts", "1", "--samples", "40"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def practicum(here, capsys):
    """Call a command; returns exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


def files(seeds=1, outputs=4):
    """A teacher and students that differ from it a little, as files."""
    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=outputs, bias=0.1).build(range(seeds))
    rng = np.random.default_rng(0)

    def near(tensor):
        return tensor.detach() + 0.2 * torch.from_numpy(rng.standard_normal(tensor.shape))

    students = MLP([near(w) for w in teacher.weights], [near(b) for b in teacher.biases])
    return save_network(teacher, "t"), save_network(students, "s")


def networks():
    return [load_network(f"{name}.safetensors").double() for name in ("t", "s")]


def gaussian(samples=40, seed=0, scale=1.0):
    return GaussianInputs(dimension=6, scale=scale).sample(generator(seed, "held-out"), samples)


def test_the_table_names_every_error(practicum):
    code, out, err = practicum("attack", *files(), *QUICK, "--norm", "l2", "--epsilon", "0.2,0.5")
    assert (code, err) == (0, "")
    head = next(line for line in out.splitlines() if "epsilon" in line)
    names = ["fixed label error", "oracle error", "margin-gated oracle error", "fixed squared error"]
    names += ["oracle squared error"]
    assert [part.strip() for part in re.split(r"  +", head.strip())] == ["epsilon", *names]
    teacher, student = networks()
    expected = robust_errors(
        student, gaussian(), [0.2, 0.5], teacher=teacher, attack=PGD(norm="l2", steps=3), clean=True
    ).squeeze("seed")
    for row, first in enumerate(("0 (clean)", "0.2", "0.5")):
        (line,) = [line for line in out.splitlines() if line.strip().startswith(f"{first} ")]
        cells = re.split(r"  +", line.strip())
        assert cells == [first, *(f"{float(expected[name][row]):.4g}" for name in ALL)]
    margin = expected.margin_gated_oracle_error.attrs["margin"]
    assert f"margin-gated: only where the teacher's largest output exceeds its second by {margin:.4g}\n" in out
    assert out.endswith("40 inputs, norm l2\n")


def test_the_document(practicum):
    paths = files(seeds=2)
    arguments = ["--seed", "3", "--scale", "1.5", "--epsilon", "0.3", "--margin", "0.25", "--json"]
    code, out, err = practicum("attack", *paths, *QUICK, *arguments)
    assert (code, err) == (0, "")
    document = json.loads(out)
    teacher, student = networks()
    expected = robust_errors(
        student, gaussian(seed=3, scale=1.5), 0.3, teacher=teacher, attack=PGD(steps=3), clean=True, margin=0.25, seed=3
    )
    assert list(document["errors"]) == ALL
    assert (document["epsilon"], document["margin"], document["saved"]) == ([0.0, 0.3], 0.25, None)
    assert (document["samples"], document["norm"]) == (40, "linf")
    assert document["student"] == str(Path("s.safetensors").resolve())
    for name, found in document["errors"].items():
        np.testing.assert_allclose(found["networks"], expected[name].values.T, rtol=1e-12)
        np.testing.assert_allclose(found["mean"], expected[name].mean("seed"), rtol=1e-12)
        assert found["attack"] == expected[name].attrs["attack"]
        assert found["units"]
    # One row of both files, and the mean over several in the table.
    one = json.loads(practicum("attack", *paths, *QUICK, *arguments, "--row", "1")[1])
    assert one["errors"]["oracle_error"]["networks"] == document["errors"]["oracle_error"]["networks"][1:]
    assert "means over 2 networks, --json has each" in practicum("attack", *paths, *QUICK)[1]
    code, out, err = practicum("attack", *paths, *QUICK, "--row", "2")
    assert (code, out) == (2, "")
    assert "holds 2 networks, rows 0 to 1. Got --row 2 instead." in err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--oracle"], ["oracle_error", "margin_gated_oracle_error", "oracle_squared_error"]),
        (["--labels"], ["fixed_label_error", "fixed_squared_error"]),
        (["--loss", "mse"], ["fixed_squared_error", "oracle_squared_error"]),
        (["--oracle", "--loss", "mse"], ["oracle_squared_error"]),
        (["--loss", "margin"], ALL),
    ],
)
def test_who_judges_and_what_is_compared(practicum, arguments, names):
    document = json.loads(practicum("attack", *files(), *QUICK, *arguments, "--json")[1])
    assert list(document["errors"]) == names
    if arguments == ["--loss", "margin"]:
        assert "loss='margin'" in document["errors"]["fixed_label_error"]["attack"]


def test_one_output_has_squared_errors_only(practicum):
    paths = files(outputs=1)
    for more, names in (([], ALL[3:]), (["--oracle"], ALL[4:])):
        assert list(json.loads(practicum("attack", *paths, *QUICK, *more, "--json")[1])["errors"]) == names


def test_low_rank_inputs_and_a_side(practicum):
    options = ["--rank", "2", "--subspace-seed", "4", "--scale", "2", "--norm", "l2", "--side", "outside"]
    document = json.loads(practicum("attack", *files(), *QUICK, *options, "--json")[1])
    law = LowRankInputs(dimension=6, rank=2, scale=2.0, subspace_seed=4)
    teacher, student = networks()
    expected = robust_errors(
        student, law.sample(generator(0, "held-out"), 40), 0.1, teacher=teacher, attack=PGD(norm="l2", steps=3),
        side="outside", subspace=law.subspace(), clean=True,
    )  # fmt: skip
    for name in ALL:
        np.testing.assert_allclose(document["errors"][name]["mean"], expected[name][:, 0], rtol=1e-12)
    assert "side='outside'" in document["errors"]["oracle_error"]["attack"]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], APGD(steps=50, restarts=2)),
        (["--steps", "7"], APGD(steps=7, restarts=2)),
        (["--attack", "pgd"], PGD(steps=40, restarts=5)),
        (["--attack", "pgd", "--restarts", "2", "--norm", "l2"], PGD(norm="l2", steps=40, restarts=2)),
        (["--attack", "fgsm", "--loss", "dlr", "--box=-9,9"], FGSM(loss="dlr", box=(-9.0, 9.0))),
        (["--attack", "noise", "--restarts", "3"], RandomNoise(tries=3)),
        (["--attack", "worst", "--loss", "margin"], Worst(attacks=(APGD(loss="margin"), TargetedAPGD()))),
    ],
)
def test_the_attack_that_is_named(practicum, arguments, value):
    paths = files()
    document = json.loads(practicum("attack", *paths, "--samples", "3", "--labels", *arguments, "--json")[1])
    found = document["errors"]["fixed_label_error"]["attack"]
    assert found == repr(value)


def test_the_perturbed_inputs_are_written(practicum):
    paths = files(seeds=2)
    arguments = ["--epsilon", "0.2,0.4", "--save", "new/found.npz"]
    code, out, err = practicum("attack", *paths, *QUICK, *arguments)
    assert (code, err) == (0, "")
    path = Path("new/found.npz").resolve()
    assert out.endswith(f"perturbed inputs: {path}\n")
    assert [each.name for each in path.parent.iterdir()] == ["found.npz"]  # nothing half written is left
    with np.load(path) as found:
        assert set(found.files) == {"inputs", "epsilon", *ALL, *(name.replace("_error", "_inputs") for name in ALL)}
        np.testing.assert_array_equal(found["inputs"], gaussian())
        assert found["oracle_inputs"].shape == (3, 2, 40, 6)
        teacher, student = networks()
        points = torch.from_numpy(found["oracle_inputs"])
        with torch.no_grad():
            for index in range(3):
                wrong = student(points[index]).argmax(-1) != teacher(points[index]).argmax(-1)
                np.testing.assert_allclose(wrong.double().mean(-1), found["oracle_error"][index])
    assert json.loads(practicum("attack", *paths, *QUICK, *arguments, "--json")[1])["saved"] == str(path)
    assert "40 inputs" in practicum("specialization", *paths, "--data", path)[1]


def test_a_file_that_cannot_be_written_stays_as_it_was(practicum, monkeypatch):
    paths = files()
    Path("x.npz").write_bytes(b"before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    code, out, err = practicum("attack", *paths, *QUICK, "--save", "x.npz")
    assert (code, out) == (1, "")
    assert "The perturbed inputs cannot be written to x.npz: no space left on device" in err
    assert Path("x.npz").read_bytes() == b"before"
    assert not list(Path().glob(".*.part"))


def test_files_by_others_and_inputs_from_a_file(practicum):
    from torch import nn

    teacher, _ = files()
    torch.manual_seed(0)
    torch.save(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)).state_dict(), "s.pt")
    np.save("x.npy", gaussian(30))
    code, out, err = practicum("attack", teacher, "s.pt", *QUICK, "--data", "x.npy", "--activation", "erf")
    assert (code, err) == (0, "")
    assert out.endswith("30 inputs, norm linf\n")


def damaged(name="x", content=b""):
    Path(name).write_bytes(content)
    return name


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["--attack", "pdg"],
            2,
            "--attack must be one of apgd, pgd, fgsm, worst, noise. Got 'pdg' instead. Did you mean",
        ),
        (["--attack", "fgsm", "--steps", "3"], 2, "--steps belongs to apgd, pgd. Got it with fgsm"),
        (["--attack", "worst", "--restarts", "3"], 2, "--restarts belongs to apgd, pgd, noise"),
        (["--steps", "0"], 2, "Invalid value for '--steps'"),
        (["--norm", "l1"], 2, "'norm' parameter of APGD must be one of 'linf' or 'l2'. Got 'l1'"),
        (["--loss", "hinge"], 2, "'loss' parameter of APGD must be one of"),
        (["--epsilon", "0.1;0.2"], 2, "--epsilon must be numbers separated by commas"),
        (["--epsilon", ""], 2, "--epsilon must be numbers separated by commas"),
        (["--epsilon", "-1"], 2, "must be finite numbers >= 0"),
        (["--epsilon", "nan"], 2, "must be finite numbers >= 0"),
        (["--box", "1"], 2, "--box must be two numbers LOW,HIGH"),
        (["--box", "1,0"], 2, "'box' parameter of APGD must be (lowest, highest)"),
        (["--box", "0,1"], 2, "must lie in its box (0.0, 1.0)"),
        (["--margin", "-1"], 2, "'margin' parameter of APGD must be >= 0"),
        (["--rank", "7"], 2, "'rank' parameter of LowRankInputs must be <= 6"),
        (["--rank", "2", "--data", "digits"], 2, "The networks have 6 inputs"),
        (["--rank", "2", "--side", "outsid"], 2, "Did you mean 'outside'?"),
        (["--side", "outside"], 2, "needs a subspace; give its dimension with --rank"),
        (["--rank", "2", "--side", "inside", "--box", "-9,9"], 2, "takes a 'box' or a 'side'"),
        (["--data", "gaussian:7"], 2, "The networks have 6 inputs"),
        (["--save", "x.txt"], 2, "--save writes a file .npz"),
        (["--save", lambda: damaged() + "/x.npz"], 1, "cannot be written to x/x.npz: "),
        (["--atack", "pgd"], 2, "No such option"),
    ],
    ids=lambda value: " ".join("made" if callable(v) else str(v) for v in value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_sentence(practicum, arguments, code, sentence):
    words = [word() if callable(word) else word for word in arguments]
    paths = files()
    got, out, err = practicum("attack", *paths, "--samples", "20", *words)
    assert (got, out) == (code, "")
    assert sentence in err
    assert err.startswith("practicum: ")
    assert err.count("\n") == 1


def test_low_rank_inputs_are_gaussian(practicum):
    np.save("x.npy", gaussian(30))
    code, out, err = practicum("attack", *files(), "--rank", "2", "--data", "x.npy")
    assert (code, out) == (2, "")
    assert "--rank makes Gaussian inputs, and --data 'x.npy' names others; leave out one." in err


@pytest.mark.parametrize("which", ["missing", "damaged", "others"])
def test_networks_that_cannot_be_used(practicum, which):
    teacher, student = files()
    if which == "missing":
        code, out, err = practicum("attack", teacher, "no.safetensors")
        assert (code, out) == (1, "")
        assert "no.safetensors cannot be read: no such file" in err
    elif which == "damaged":
        student.write_bytes(student.read_bytes()[:-50])
        code, out, err = practicum("attack", teacher, student)
        assert (code, out) == (1, "")
        assert "damaged or truncated" in err
    else:
        save_network(Students().build((6, 3, 2), [0]), "other")
        code, out, err = practicum("attack", teacher, "other.safetensors")
        assert (code, out) == (2, "")
        assert "must have the same outputs" in err
    assert err.count("\n") == 1


def test_without_torch_it_is_one_sentence_with_the_remedy(practicum, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    code, out, err = practicum("attack", "a.safetensors", "b.safetensors")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"practicum: .*'torch', which is not installed; run pip install .*\n", err)
    code, _, err = practicum("attack", "a.safetensors", "b.safetensors", "--attack", "pdg")
    assert (code, "Did you mean 'pgd'?" in err) == (2, True)


def test_help_loads_nothing_heavy():
    assert not loaded_after(HELP.format(arguments=["attack", "--help"])) & set(HEAVY)
