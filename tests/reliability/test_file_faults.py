"""Writers that are killed, bits that turn, files that end too early: what is stored is whole or refused by name."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "reliability"))

import file_faults

KILLED = {"unreadable": 0, "wrong": 0, "lost": 0}
NOTICED = {"unnoticed": 0, "not named": 0, "where": {}}


def some(figures, names):
    return {name: figures[name] for name in names}


def test_killed_writers_leave_whole_files(tmp_path):
    figures = file_faults.kill_writers(tmp_path, 12)
    assert some(figures, KILLED) == KILLED
    assert figures["interrupted"] > 0, "no kill came while a file was written"


def test_power_writing_in_place_is_found_out(tmp_path):
    """The same kills: a file that is changed where it stands opens, and holds numbers of two runs."""
    figures = file_faults.kill_in_place(tmp_path, 12, file_faults.IN_PLACE["written anew by xarray"])
    assert figures["damaged"] > 0


@pytest.mark.slow
def test_every_kind_of_file_notices_every_damage(tmp_path):
    figures = file_faults.damages(tmp_path / "runs", 64)
    assert some(figures, NOTICED) == NOTICED
    kinds = ("run, solve", "run, simulate", "run, study", "failed run", "sweep", "consolidated copy")
    assert all(kind in figures["tried"] for kind in kinds)


@pytest.mark.soak
def test_a_hundred_killed_writers(tmp_path):
    figures = file_faults.kill_writers(tmp_path, 100)
    assert some(figures, KILLED) == KILLED
    assert figures["interrupted"] >= 10


@pytest.mark.soak
def test_a_thousand_damages(tmp_path):
    figures = file_faults.damages(tmp_path / "runs", 1000)
    assert some(figures, NOTICED) == NOTICED


@pytest.mark.soak
def test_power_files_that_are_changed_in_place_open_without_an_error(tmp_path):
    figures = file_faults.kill_in_place(tmp_path, 25, file_faults.IN_PLACE["changed by h5py"])
    assert figures["of which opened without an error"] > 0
