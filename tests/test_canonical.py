"""Canonical JSON: one text for one meaning, and the meaning back from the text."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum import ParameterError
from practicum.canonical import canonical_json, sha256

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_round_trip(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back_to_the_last_bit(x):
    back = float(json.loads(canonical_json(x)))
    assert back == x
    assert math.copysign(1, back) == math.copysign(1, x) or x == 0


@given(st.dictionaries(st.text(), numbers, max_size=6), st.randoms())
def test_the_order_of_keys_is_no_matter(values, random):
    keys = list(values)
    random.shuffle(keys)
    assert canonical_json({key: values[key] for key in keys}) == canonical_json(values)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_has_one_form(n):
    assert canonical_json(float(n)) == canonical_json(n) == str(n)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_different_numbers_have_different_forms(x, y):
    assert (canonical_json(x) == canonical_json(y)) == (x == y)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1.0, "a": [True, None, 0.1]}, '{"a":[true,null,0.1],"b":1}'),
        (-0.0, "0"),
        (1e-10, "1e-10"),
        (1e22, "1e+22"),
        (0.1 + 0.2, "0.30000000000000004"),
        ("η", '"\\u03b7"'),
        ((1, 2), "[1,2]"),
    ],
)
def test_known_forms(value, text):
    assert canonical_json(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [1.0, math.nan], {"a": math.inf}])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(ParameterError, match="only finite numbers"):
        canonical_json(value)


@pytest.mark.parametrize("value", [np.zeros(2), {1: 2}, object(), {"a": {3}}])
def test_what_json_does_not_know_is_refused(value):
    with pytest.raises(ParameterError, match="A configuration"):
        canonical_json(value)


def test_sha256_is_the_published_one():
    # FIPS 180-2, appendix B.1.
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
