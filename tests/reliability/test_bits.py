"""The same bits for any workers, order and company; and a matrix that can say no."""

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.reliability import bits

from practicum.runs import Store, netcdf
from practicum.runs.files import write_sealed


def nothing_differs(found):
    return {(kind, way): count for kind, row in found.items() for way, count in row.items() if count} == {}


@pytest.mark.slow
def test_one_cell_of_each_kind(tmp_path):
    ways = {name: bits.WAYS[name] for name in ("4 processes", "--workers 4")}
    found = bits.matrix(1, tmp_path, ways)
    assert nothing_differs(found), found
    assert all(len(row) == 3 for row in found.values())


@pytest.mark.slow
def test_four_cells_of_each_kind_in_every_way(tmp_path):
    found = bits.matrix(4, tmp_path)
    assert nothing_differs(found), found


def test_one_bit_is_noticed(tmp_path):
    """The power of the matrix: one element of one seed of one cell, by one rounding."""
    configs = bits.cells(2)["chain"]
    whole, other = (bits.one_worker(tmp_path / name, configs) for name in ("whole", "other"))
    assert bits.differing(whole, other, configs) == 0
    assert bits.alone(whole, tmp_path / "alone", configs) == 0
    dataset = other.run(configs[1])
    dataset["Q"][3, -1, 0, 1] = np.nextafter(float(dataset["Q"][3, -1, 0, 1]), np.inf)
    write_sealed(other.path(configs[1]), netcdf.to_bytes(dataset))
    assert bits.differing(whole, other, configs) == 1
    assert bits.alone(Store(other.folder), tmp_path / "alone", configs) == 1
