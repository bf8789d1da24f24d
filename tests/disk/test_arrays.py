"""The first rows of arrays are those that NumPy reads, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.disk.arrays import read_rows


def first(names):
    return names[0]


def anything(_):
    return None


@settings(max_examples=60)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    kind=st.sampled_from(["<f8", ">f4", "i2", "u1", "?"]),
    order=st.sampled_from("CF"),
    rows=st.integers(1, 7),
    how=st.sampled_from(["npy", "npz", "compressed"]),
)
def test_rows_are_those_of_numpy(tmp_path_factory, shape, kind, order, rows, how):
    path = tmp_path_factory.mktemp("any") / "x"
    values = np.asarray(np.random.default_rng(0).integers(0, 2, shape), kind, order=order)
    with open(path, "wb") as file:
        {"npy": np.save, "npz": np.savez, "compressed": np.savez_compressed}[how](file, values)
    found = read_rows(path, rows, first, anything)
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values[:rows])


def test_the_check_sees_the_header_before_anything_is_read(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 4), np.float32))

    class Enough(Exception):
        pass

    def check(layout):
        assert (layout.dtype, layout.shape) == (np.float32, (3, 4))
        raise Enough

    with pytest.raises(Enough):
        read_rows(tmp_path / "x.npy", 1, first, check)


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_cut_off_is_missed(tmp_path, order, packed):
    path = tmp_path / "x.npy"
    values = np.asarray(np.random.default_rng(0).normal(size=(50, 30)), order=order)
    with open(path, "wb") as file:
        (np.savez_compressed if packed else np.save)(file, values)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(Exception):  # noqa: B017  (of many kinds)
            read_rows(path, 50, first, anything)


@pytest.mark.parametrize("values", [np.array([{}], object), np.array(["a"]), np.array(1.0), np.zeros(2, "i4,f8")])
def test_other_things_than_rows_of_numbers(tmp_path, values):
    np.save(tmp_path / "x.npy", values, allow_pickle=True)
    with pytest.raises(ValueError, match=r"pickled objects|no rows of numbers"):
        read_rows(tmp_path / "x.npy", 1, first, anything)
