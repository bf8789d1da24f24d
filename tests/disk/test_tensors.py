"""Headers that fit their files pass; what safetensors itself refuses, and a little more, does not."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

safetensors = pytest.importorskip("safetensors")

from safetensors.numpy import load, save  # noqa: E402

from practicum.disk.regular import open_regular  # noqa: E402
from practicum.disk.tensors import header_of, read_header  # noqa: E402


@given(
    st.dictionaries(st.text(max_size=5), st.lists(st.integers(0, 4), max_size=3), max_size=4),
    st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?"]),
)
def test_honest_files_pass(tmp_path_factory, shapes, kind):
    content = save({name: np.zeros(shape, kind) for name, shape in shapes.items()}, {"about": "x"})
    header = header_of(content)
    assert header.pop("__metadata__") == {"about": "x"}
    assert {name: entry["shape"] for name, entry in header.items()} == shapes
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(content)
    with open_regular(path) as file:
        assert read_header(file) == header_of(content)


def changed(entry, value, size=24):
    header = {"a": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}, "b": None}
    header["b"] = {"dtype": "F64", "shape": [0], "data_offsets": [24, 24]}
    header["a"] = {**header["a"], entry: value} if entry else header["a"]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    ("entry", "value", "size"),
    [
        ("data_offsets", [0, 32], 24),
        ("data_offsets", [8, 32], 32),
        ("data_offsets", [24, 0], 24),
        ("data_offsets", [-24, 0], 24),
        ("data_offsets", [0.0, 24.0], 24),
        ("data_offsets", [0], 24),
        ("shape", [4], 24),
        ("shape", [2**32, 2**32], 24),
        ("shape", [-3, -1], 24),
        ("shape", [3, *[1] * 100], 24),
        ("shape", "3", 24),
        ("dtype", 3, 24),
        (None, None, 25),
        (None, None, 23),
    ],
)
def test_headers_that_do_not_fit(entry, value, size):
    header_of(changed(None, None))  # power
    content = changed(entry, value, size)
    with pytest.raises(ValueError):
        header_of(content)


def test_lengths_that_are_not_there():
    whole = changed(None, None)
    for length in (2**60, 2**64 - 1, len(whole), 2**23 + 1):
        with pytest.raises(ValueError, match=f"claims {length} bytes, and at most"):
            header_of(struct.pack("<Q", length) + whole[8:])
    for short in range(8):
        with pytest.raises(ValueError):
            header_of(whole[:short])


def test_where_safetensors_refuses_so_does_the_check():
    """Random changes of a true file. Which types of numbers there are is left to safetensors, which learns new ones."""
    whole, refused = save({"a": np.zeros((2, 3)), "b": np.ones(4, np.float32)}), 0
    for seed in range(5000):
        rng, spoilt = np.random.default_rng(seed), bytearray(whole)
        for place in rng.integers(0, 130, rng.integers(1, 4)):
            spoilt[place] = rng.integers(0, 256)
        try:
            load(bytes(spoilt))
        except Exception as error:
            if "unknown variant" in str(error):
                continue
            refused += 1
            with pytest.raises(ValueError):
                header_of(bytes(spoilt))
    assert refused > 3000
