"""Full disks, read-only and forbidden folders: the older files stay, one line is said, and reading goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reliability" / "refusing_disks.py"
FEW = [
    "full/solve",
    "read-only/solve",
    "forbidden/save_network",
    "forbidden/figures.save .svg",
    "a file/report",
    "nowhere",
]


def table(*only):
    """Lines of the script's table, as it prints it; it leaves with the number of bad ones."""
    command = [sys.executable, SCRIPT, *(f"--only={words}" for words in only)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    return [line for line in lines if "left out" not in line], [line for line in lines if "left out" in line]


def test_some_of_every_place():
    rows, left_out = table(*FEW)
    places = {"forbidden", "a file", "nowhere"} | (set() if left_out else {"full", "read-only"})
    assert {place for place in places if any(row.startswith(place) for row in rows)} == places


@pytest.mark.soak
def test_every_way_in_every_place():
    rows, left_out = table()
    assert len(rows) == (42 if left_out else 88)
    if left_out:
        pytest.skip(left_out[0])


def test_power_a_careless_writer_loses_what_was_there(tmp_path):
    """The same look at a place, of a writer that opens its file for writing at once."""
    sys.path.insert(0, str(SCRIPT.parent))
    import refusing_disks

    place = tmp_path / "place"
    place.mkdir()
    (place / "a.svg").write_bytes(b"old")

    def careless():
        with open(place / "a.svg", "wb") as file:
            file.write(b"half")
        raise SystemExit(1)

    row = refusing_disks.attempt("full", "careless", careless, place, tmp_path / "words")
    assert (row.code, row.lost, row.good) == (1, ["a.svg"], False)
    row = refusing_disks.attempt("full", "silent", lambda: None, place, tmp_path / "words")
    assert (row.code, row.good) == (0, False)
