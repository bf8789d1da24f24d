"""``import practicum`` and ``practicum --help`` cost next to nothing: heavy packages wait until they are used."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "safetensors", "sklearn", "pooch", "numba", "matplotlib", "xarray", "scipy", "dask", "pandas", "h5py")
HEAVY += ("h5netcdf", "fastapi")


def loaded_after(code: str) -> set[str]:
    """The top-level packages in ``sys.modules`` of a fresh interpreter after `code`."""
    script = f"{code}\nimport sys\nprint('LOADED', *sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("LOADED")[2].split())


HELP = """
from practicum.cli import main
try:
    code = main({arguments})
except SystemExit as ended:
    code = ended.code
assert code in (None, 0), code
"""


def test_the_package_loads_nothing_heavy():
    loaded = loaded_after("import practicum")
    assert "practicum" in loaded
    assert not loaded & {*HEAVY, "numpy", "pydantic", "typer", "rich", "jinja2"}


def test_the_check_sees_a_heavy_package():
    assert "numba" in loaded_after("import practicum, numba")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([verb, "--help"] for verb in ("solve", "simulate", "train", "specialization", "batchnorm", "reproduce")),
    ],
)
def test_help_loads_nothing_heavy(arguments):
    assert not loaded_after(HELP.format(arguments=[*arguments, "--help"])) & set(HEAVY)


def test_describing_a_problem_loads_nothing_heavy():
    """Values are checked before anything is compiled: a misspelt parameter is answered at once."""
    code = (
        "from practicum import Committee, LearningRule, OrderParameters\n"
        "Committee(students=2, teachers=2), LearningRule(learning_rate=0.1)\n"
        "OrderParameters.near_symmetric(2, 2)"
    )
    assert not loaded_after(code) & set(HEAVY)


def test_describing_a_training_loads_nothing_heavy():
    """A misspelt setting of a training is answered at once, and a configuration is known without PyTorch."""
    code = (
        "from practicum.runs.train_settings import training_configuration\n"
        "training_configuration(None, ['hidden=3', 'multiple=2']).id"
    )
    assert not loaded_after(code) & set(HEAVY)


def test_every_public_name_exists():
    code = "import practicum\nfor name in practicum.__all__: getattr(practicum, name)"
    assert "practicum" in loaded_after(code)


def test_an_unknown_public_name_is_an_attribute_error():
    import practicum

    with pytest.raises(AttributeError, match="no attribute 'slove'"):
        practicum.slove
