"""A warm worker has nothing left to load when its first cell comes."""

import subprocess
import sys

import pytest

CELL = {
    "solve": ["students=2", "teachers=2", "learning_rate=0.3", "until=1"],
    "simulate": ["students=2", "teachers=2", "learning_rate=0.3", "dimension=200", "until=1"],
}
COUNT = """
import sys
from practicum.runs.execute import execute
from practicum.runs.settings import configuration
from practicum.runs.sweeps.warm import start_warm
kind, warmed, *settings = sys.argv[1:]
config = configuration(kind, None, settings)
start_warm(kind if warmed == "warm" else "")
before = set(sys.modules)
execute(config, workers=1)
print(len(set(sys.modules) - before))
"""


def loaded_by_the_first_cell(kind, warmed):
    arguments = [sys.executable, "-c", COUNT, kind, warmed, *CELL[kind]]
    return int(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("kind", list(CELL))
def test_the_first_cell_loads_nothing(kind):
    assert loaded_by_the_first_cell(kind, "warm") == 0
    assert loaded_by_the_first_cell(kind, "cold") > 100, "power: a cold worker loads hundreds of modules"


def test_what_cannot_be_loaded_is_left_to_the_cell(monkeypatch):
    from practicum.runs.sweeps import warm

    def missing(kind):
        raise ImportError(kind)

    monkeypatch.setattr(warm, "warm", missing)
    warm.start_warm("train")
