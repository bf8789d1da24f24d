"""What is swept, as a person writes it: lists and ranges, in the spelling of Python and NumPy."""

import numpy as np
import pytest

from practicum import ParameterError
from practicum.runs.sweeps.axes import axis, split, values_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1,0.5", [0.1, 0.5]),
        (" 1 , 2 ", [1, 2]),
        ("erf,relu", ["erf", "relu"]),
        ("true,false", [True, False]),
        ("[1.0,2.0],[3.0]", [[1.0, 2.0], [3.0]]),
        ("{kind='random'},{kind='explicit'}", [{"kind": "random"}, {"kind": "explicit"}]),
        ("'a,b',c", ["a,b", "c"]),
        ("2..5", [2, 3, 4, 5]),
        ("-1..1", [-1, 0, 1]),
        ("range(3)", [0, 1, 2]),
        ("range(2, 9, 3)", [2, 5, 8]),
        ("range(3, 0, -1)", [3, 2, 1]),
        ("0,2..4,10", [0, 2, 3, 4, 10]),
    ],
)
def test_lists_and_whole_ranges(text, values):
    assert values_of("x", text) == values
    assert [type(value) for value in values_of("x", text)] == [type(value) for value in values]


@pytest.mark.parametrize(("first", "last", "count"), [(0, 1, 11), (-2.5, 7, 5), (1e-3, 1e3, 2), (5, -5, 21)])
def test_linspace_is_numpys_to_twelve_digits(first, last, count):
    found = values_of("x", f"linspace({first}, {last}, {count})")
    np.testing.assert_allclose(found, np.linspace(first, last, count), rtol=1e-11, atol=1e-15)
    assert (found[0], found[-1]) == (first, last)


@pytest.mark.parametrize(("first", "last", "count"), [(1e-3, 1, 7), (100, 1e-9, 12), (-1, -8, 4)])
def test_geomspace_is_numpys_to_twelve_digits(first, last, count):
    found = values_of("x", f"geomspace({first},{last},{count})")
    np.testing.assert_allclose(found, np.geomspace(first, last, count), rtol=1e-11)
    assert (found[0], found[-1]) == (first, last)


def test_a_range_hits_the_decimals_that_a_person_would_write():
    """So that a cell of a range and one that was written out are the same run."""
    assert values_of("x", "linspace(0,1,11)")[1:-1] == [i / 10 for i in range(1, 10)]
    assert values_of("x", "geomspace(1e-4,1e2,7)") == [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]
    assert any(np.linspace(0, 1, 11) != np.array([i / 10 for i in range(11)]))  # NumPy's own are not


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1,,2", "empty place"),
        ("1,2,", "empty place"),
        ("5..2", "1 to 1000000 whole numbers"),
        ("1..99999999999", "1 to 1000000 whole numbers"),
        ("range(1,5,0)", "no step of 0"),
        ("range(1.5,5)", "whole numbers"),
        ("range()", "numbers between"),
        ("linspace(0,1)", "first, last and how many"),
        ("linspace(0,1,1)", "first, last and how many"),
        ("linspace(0,1,1e9)", "first, last and how many"),
        ("linspace(a,1,3)", "numbers between"),
        ("linspace(0,inf,3)", "numbers between"),
        ("geomspace(0,1,3)", "neither of them 0"),
        ("geomspace(-1,1,3)", "one sign"),
        ("0.1,0.1", "twice"),
        ("1,1.0", "twice"),
        ("0.3,linspace(0,1,11)", "twice"),
        ("nan,1", "finite"),
    ],
)
def test_what_is_no_list_is_one_sentence(text, match):
    with pytest.raises(ParameterError, match=match) as caught:
        axis("noise", text)
    assert "'noise'" in str(caught.value)


@pytest.mark.parametrize("values", [3, None, {"a": 1}, [], [float("nan")], [object()], [1, 1]])
def test_python_values_that_cannot_be_swept(values):
    with pytest.raises(ParameterError, match="'noise'"):
        axis("noise", values)


def test_arrays_become_numbers_of_python():
    assert axis("x", np.array([1, 2])) == ("x", (1, 2))
    assert axis("x", np.array([0.5])) == ("x", (0.5,))
    assert axis("x", [np.float64(0.5), 2]) == ("x", (0.5, 2))
    assert all(type(value) is int for value in axis("x", np.arange(3)).values)


def test_settings_with_several_values_are_axes_and_the_others_are_not():
    fixed, axes = split(
        ["students=3", "noise=0,0.1", "T=[[1.0,0.0],[0.0,1.0]]", "dimension=10..12", "until='a < 1, b'"]
    )
    assert dict(fixed) == {"students": 3, "T": [[1.0, 0.0], [0.0, 1.0]], "until": "a < 1, b"}
    assert axes == [("noise", (0, 0.1)), ("dimension", (10, 11, 12))]
    for text in ("noise", "=1,2", "noise="):
        with pytest.raises(ParameterError, match="name=value"):
            split([text])
