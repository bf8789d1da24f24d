"""Many stored runs as one dataset: the figures of ``many_runs.py``, and memory that stays small."""

import pytest
from benchmarks.reliability.many_runs import listing, opening, overhead, report, store_all

from measuring import peak


@pytest.mark.slow
def test_opening_is_measured(tmp_path):
    """Seconds are for the soak test: here the machine may be busy with other tests."""
    figures = {**store_all(tmp_path, 256), **opening(tmp_path, 256)}
    assert figures["runs"] == 256
    assert figures["size of the copy (MB)"] > 0.5 * figures["size (MB)"]
    assert report(figures, 10**9) == [], "each figure is there, and has its bar"


def test_power_a_figure_over_its_bar_is_noticed():
    assert report({"open as one dataset, again (s)": 5.1}, 10_000) == ["open as one dataset, again (s)"]


@pytest.mark.slow
def test_listing_is_measured_too(tmp_path):
    store_all(tmp_path, 16)
    figures = {**listing(tmp_path), **overhead(tmp_path, 16)}
    assert len(figures) == 7
    assert all(figure > 0 for figure in figures.values())


@pytest.mark.soak
def test_ten_thousand_runs(tmp_path):
    figures = {**store_all(tmp_path, 10_000), **overhead(tmp_path, 10_000)}
    figures |= {**listing(tmp_path), **opening(tmp_path, 10_000)}
    assert report(figures, 10_000) == []


COPY = """
import numpy as np, tempfile, xarray as xr
from practicum.runs import Store, StudyConfig
from practicum.runs.sweeps import results

results.PART_BYTES, results._FEW = {part}, 0
store = Store(tempfile.mkdtemp(dir={folder!r}))
def put(first, count):
    configs = [StudyConfig(study="s", part=str(first + i)) for i in range(count)]
    for number, config in enumerate(configs):
        store.put(config, xr.Dataset({{"x": (("a", "b"), np.full((512, 256), float(number)))}}))
    return [config.id for config in configs]
few, many = put(0, 20), put(100, 64)
def small():
    results.open_runs(store, few)["x"].sum().compute(scheduler="synchronous")
def large():
    found = results.open_runs(store, many)["x"]
    assert found.sizes["run"] == 64
    assert found.mean().compute(scheduler="synchronous") == 31.5
"""


@pytest.mark.slow
def test_the_copy_of_many_runs_is_made_in_the_memory_of_a_part(tmp_path):
    """64 MiB in parts of 8: arrays, image and what HDF5 holds of one part at once, and no more for more parts."""
    part = 8 * 2**20
    taken = peak(COPY.format(part=part, folder=str(tmp_path)))
    assert taken < 4 * part
    # Power: with everything in one part the same measurement is beyond that.
    assert peak(COPY.format(part=128 * 2**20, folder=str(tmp_path))) > 4 * part
