"""Hostile files through every reader: refused in one sentence, no program run, little memory taken."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reliability" / "hostile_files.py"
SMALL = "1e9"
"""Bytes in a bomb: three times what may be taken."""
FEW = [
    "arrays/a pickle in .npz",
    "arrays/zeros in a zip, of another",
    "arrays/zeros packed by bzip2",
    "tensors/a header of 2^60 bytes/batchnorm",
    "tensors/offsets that overlap/load_pruned",
    "tensors/a name that is given twice/prune",
    "state dicts/a pickle in a",
    "state dicts/bytearray(10^9)/batchnorm",
    "state dicts/one number that is converted in 10^9 places/prune",
    "stored runs/10^15 numbers in chunks that are not there",
    "stored runs/zeros compressed by gzip, of xarray/runs list",
    "stored runs/one text that is named 10^5 times, ours/runs show",
    "stored runs/a link to another file, ours/report",
    "image sets/zeros without end in a gzip",
    "image sets/a list of 10^9 holes",
    "image sets/a member called ../../x",
    "texts/lists nested 10^5 deep/solve",
    "texts/a pipe/solve",
    "texts/runs show, a path",
    "places/a pipe called as a run",
    "places/a sweep of paths as .sweep/doctor",
]


def rows(*arguments):
    done = subprocess.run([sys.executable, SCRIPT, "--json", *arguments], capture_output=True, text=True, timeout=3000)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def bad(found):
    return [(row["kind"], row["case"], row["reader"], row["outcome"], row["peak"], row["words"]) for row in found]


def test_some_of_every_kind():
    found = rows("--bytes", SMALL, *(f"--only={word}" for word in FEW))
    assert len(found) >= len(FEW)
    assert {row["kind"] for row in found} == {word.partition("/")[0] for word in FEW}
    assert bad([row for row in found if not row["good"]]) == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["arrays", "tensors", "state dicts", "stored runs", "image sets", "texts", "places"])
def test_all_with_bombs_of_ten_gigabytes(kind):
    found = rows("--bytes", "1e10", f"--only={kind}/")
    assert len(found) > 15
    assert bad([row for row in found if not row["good"]]) == []


@pytest.mark.slow
def test_power_careless_readers_are_found_out():
    """The same table, of what one writes without a thought: each program runs, and each bomb and pipe is noticed."""
    found = {row["case"]: row for row in rows("--bytes", SMALL, "--careless")}
    programs = {name for name, row in found.items() if row["outcome"] == "runs a program"}
    assert programs == {"a pickle in .npy", "a pickle in .pt", "a bare pickle, protocol 4"}
    large = {name for name, row in found.items() if row["peak"] > 300e6}
    assert large == {
        "zeros in a zip, of another shape",
        "bytearray(10^9)",
        "zeros compressed by gzip, of xarray",
        "zeros without end in a gzip",
    }
    assert found["a pipe"]["outcome"] == "hangs"
    assert not any(row["good"] for row in found.values())
