"""Digits: those that are known, and no more."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.report import numbers
from practicum.report.settings import rows


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [
        (1.44653, 0.0002, "1.4465 ± 0.0002"),
        (1.44653, 0.00014, "1.44653 ± 0.00014"),
        (2.87, 0.01, "2.87 ± 0.01"),
        (2.87, 0.097, "2.9 ± 0.1"),
        (2.87, 0.0996, "2.9 ± 0.1"),
        (12.0003, 0.5, "12.0 ± 0.5"),
        (12.0, 5.2, "12 ± 5"),
        (3.0, 7.0, "3 ± 7"),
        (0.0, 0.02, "0.00 ± 0.02"),
        (-1.44653, 0.0002, "−1.4465 ± 0.0002"),
        (6.28e-4, 3e-6, "(6.28 ± 0.03)·10⁻⁴"),
        (-6.28e-9, 3e-11, "(−6.28 ± 0.03)·10⁻⁹"),
        (1234567.0, 1000.0, "(1.235 ± 0.001)·10⁶"),
        (123.0, 20.0, "(1.2 ± 0.2)·10²"),
        (1.0, 1e-15, "1.000000 ± 0.000001"),
        (1.83125, 0.0, "1.83125"),
        (1.83125, math.nan, "1.83125"),
        (math.nan, 0.1, "not measured"),
        (math.inf, 0.1, "∞"),
        (-math.inf, math.nan, "−∞"),
    ],
)
def test_a_value_is_rounded_to_its_uncertainty(value, uncertainty, text):
    assert numbers.measured(value, uncertainty) == text


def read(text):
    """The pair of numbers that a reader takes from ``"(a ± b)·10ⁿ"``."""
    text = text.replace("−", "-")
    pair, _, power = text.partition("·10")
    exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))) if power else 0
    value, spread = pair.strip("()").split(" ± ")
    return float(f"{value}e{exponent}"), float(f"{spread}e{exponent}")


@given(st.floats(-1e12, 1e12), st.floats(1e-12, 1e10))
def test_what_is_read_is_what_was_measured_within_its_uncertainty(value, uncertainty):
    shown, spread = read(numbers.measured(value, uncertainty))
    digits_kept = max(abs(value) * 1e-6, uncertainty)
    assert abs(shown - value) <= 0.51 * digits_kept
    assert spread >= 0.5 * uncertainty
    assert spread <= 1.5 * digits_kept


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8.0, "8"), (1.8314, "1.8314"), (6.279791e-4, "6.279791·10⁻⁴"), (-2.5, "−2.5"), (0.077667, "0.077667"),
        (2.5e9, "2.5·10⁹"), (1e-3, "0.001"), (0.0, "0"), (24.0, "24"),
    ],
)  # fmt: skip
def test_a_published_number_keeps_its_digits(value, text):
    assert numbers.published(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1e-10, "10⁻¹⁰"), (1.5e-10, "1.5·10⁻¹⁰"), (True, "True"), (12, "12"), (-3, "−3"), ("1-2", "1-2")],
)
def test_plain_values(value, text):
    assert numbers.plain(value) == text


def test_a_nested_configuration_becomes_rows():
    config = {
        "rule": {"learning_rate": 0.1, "deep": {"x": None}},
        "save_at": list(range(100)),
        "Q": [[1.0, 0.5], [0.5, 1]],
    }
    assert rows(config) == [
        ("rule.learning_rate", "0.1"),
        ("rule.deep.x", "none"),
        ("save_at", "0, 1, … 99 (100 values)"),
        ("Q", "1, 0.5; 0.5, 1"),
    ]
    assert rows({"empty": [], "words": ["a", "b"], "pair": (1, 2)}) == [
        ("empty", "none"),
        ("words", "a, b"),
        ("pair", "1, 2"),
    ]
