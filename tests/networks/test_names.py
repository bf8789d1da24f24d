"""The names of the package: light until they are used, and clear where PyTorch is missing."""

import subprocess
import sys

import pytest

import practicum.networks


def answer(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


VALUES = """
import sys
import practicum.networks as networks
networks.SeparatedTeacher(), networks.BalancedTeacher(), networks.Students(multiple=2)
networks.GaussianInputs(), networks.TeacherAwareInputs(), networks.ImageInputs()
"""


def test_values_are_written_without_torch():
    assert "no torch" in answer(VALUES + "print('no torch' if 'torch' not in sys.modules else 'torch')")


@pytest.mark.parametrize(
    "use",
    [
        "networks.MLP",
        "networks.fit",
        "networks.SeparatedTeacher().build([0])",
        "networks.BalancedTeacher(samples=2).build([0], law=networks.GaussianInputs(dimension=20))",
        "networks.Students().build((3, 2, 1), [0])",
        "networks.from_arrays([[[1.0]]])",
        "networks.from_module(None)",
    ],
)
def test_without_torch_what_needs_it_is_one_sentence(use):
    """Both an ImportError, as programs expect, and a PracticumError, which the command line shows as a sentence."""
    code = f"""
import sys
sys.modules["torch"] = None
from practicum.errors import PracticumError
{VALUES}
try:
    {use}
except ImportError as error:
    assert isinstance(error, PracticumError), repr(error)
    print(error)
"""
    text = answer(code)
    assert "pip install 'practicum[networks]'" in text
    assert "choose-a-torch-wheel.md" in text
    assert text.count("\n") == 1


def test_every_public_name_exists():
    pytest.importorskip("torch")
    assert sorted(practicum.networks.__all__) == sorted(practicum.networks._HOMES)
    for name in practicum.networks.__all__:
        assert getattr(practicum.networks, name).__name__ == name
        assert name in dir(practicum.networks)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'practicum.networks' has no attribute 'GausianInputs'"):
        practicum.networks.GausianInputs
