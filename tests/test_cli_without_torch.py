"""Networks on the command line without PyTorch: one sentence with the remedy, and help all the same."""

import re
import sys

import pytest

from practicum.cli import main

SET = ["--set", "hidden=3", "--set", "epochs=4"]


@pytest.fixture
def practicum(tmp_path, monkeypatch, capsys):
    """Call a command in an empty folder; returns exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


@pytest.fixture
def no_torch(monkeypatch):
    """As if PyTorch were not installed, whatever was imported before."""
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.parametrize(
    "arguments",
    [["train", *SET], ["specialization", "a.safetensors", "b.safetensors"], ["batchnorm", "a.pt"]],
    ids=lambda arguments: arguments[0],
)
def test_without_torch_it_is_one_sentence_with_the_remedy(practicum, tmp_path, no_torch, arguments):
    (tmp_path / "a.pt").write_bytes(b"PK\x03\x04 whatever it holds")
    code, out, err = practicum(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(
        r"practicum: .*'torch', which is not installed; run pip install 'practicum\[networks\]'.*\n", err
    )
    assert not (tmp_path / "practicum-runs").exists()


def test_a_misspelt_setting_needs_no_torch(practicum, no_torch):
    code, out, err = practicum("train", "--set", "learnin_rate=1")
    assert (code, out) == (2, "")
    assert "Did you mean 'learning_rate'?" in err


@pytest.mark.parametrize("verb", ["train", "specialization", "batchnorm"])
def test_help(practicum, verb, no_torch):
    code, out, _ = practicum(verb, "--help")
    assert code == 0
    assert f"Usage: practicum {verb}" in out
