"""Values: immutable, validated when they are made, one sentence for every bad parameter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum import Committee, LearningRule, ParameterError, PracticumError
from practicum.values import nearest, threads, whole


@pytest.mark.parametrize(
    "make, sentences",
    [
        (
            lambda: Committee(students=0, teachers=1),
            ["'students' parameter of Committee must be >= 1", "Got 0", "one hidden node"],
        ),
        (lambda: Committee(students=1, teachers=-3), ["'teachers'", ">= 1", "Got -3", "one hidden node"]),
        (lambda: Committee(students=2.5, teachers=1), ["'students'", "whole number", "2.5"]),
        (lambda: Committee(students="two", teachers=1), ["'students'", "whole number", "'two'"]),
        (lambda: Committee(students=1, teachers=1, noise=-1), ["'noise'", ">= 0", "Got -1", "standard deviation"]),
        (lambda: Committee(students=1, teachers=1, noise=math.nan), ["'noise'", "finite number", "nan"]),
        (
            lambda: Committee(students=1, teachers=1, activation="tanh"),
            ["'activation'", "'erf', 'relu' or 'linear'", "'tanh'"],
        ),
        (lambda: Committee(students=1), ["Committee needs the parameter 'teachers'"]),
        (
            lambda: LearningRule(learning_rate=0),
            ["'learning_rate' parameter of LearningRule must be > 0", "Got 0", "0.1"],
        ),
        (lambda: LearningRule(learning_rate=-0.5), ["> 0", "Got -0.5", "0.1 is a safe start"]),
        (lambda: LearningRule(learning_rate=math.nan), ["'learning_rate'", "finite number", "nan"]),
        (lambda: LearningRule(learning_rate=math.inf), ["'learning_rate'", "finite number", "inf"]),
        (lambda: LearningRule(learning_rate=None), ["'learning_rate'", "must be a number", "None"]),
        (
            lambda: LearningRule(learning_rate=1, inverse_temperature=0),
            ["'inverse_temperature'", "> 0", "gradient descent"],
        ),
        (
            lambda: LearningRule(learning_rate=1, weight_decay=-1),
            ["'weight_decay'", ">= 0", "switches weight decay off"],
        ),
        (lambda: LearningRule(learning_rate=1, batch_size=0), ["'batch_size'", ">= 1", "on-line learning"]),
        (
            lambda: LearningRule(learning_rate=1, fan_out_learning_rate=-1),
            ["'fan_out_learning_rate'", ">= 0", "fan-out fixed"],
        ),
        (
            lambda: LearningRule(learning_rte=1),
            ["no parameter 'learning_rte'", "it knows learning_rate", "Did you mean 'learning_rate'?"],
        ),
        (lambda: LearningRule(learning_rate=1, zzz=1), ["no parameter 'zzz'", "it knows"]),
        (lambda: LearningRule(learning_rate=1).replace(learning_rate=-1), ["'learning_rate'", "> 0"]),
    ],
)
def test_a_bad_parameter_is_one_sentence(make, sentences):
    with pytest.raises(ParameterError) as caught:
        make()
    text = str(caught.value)
    for sentence in sentences:
        assert sentence in text
    assert "\n" not in text
    assert "pydantic" not in text
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, PracticumError)
    assert caught.value.__cause__ is None


def test_a_long_value_is_cut_short():
    with pytest.raises(ParameterError) as caught:
        LearningRule(learning_rate="x" * 10_000)
    assert len(str(caught.value)) < 300


def test_values_are_immutable_and_compare():
    rule = LearningRule(learning_rate=0.1)
    with pytest.raises(Exception, match="frozen"):
        rule.learning_rate = 2.0
    assert rule == LearningRule(learning_rate=0.1)
    assert hash(rule) == hash(LearningRule(learning_rate=0.1))
    assert rule.replace(batch_size=3) == LearningRule(learning_rate=0.1, batch_size=3)
    assert rule.batch_size == 1
    assert eval(repr(rule), {"LearningRule": LearningRule}) == rule


@pytest.mark.parametrize("kind", [int, float, np.int32, np.int64, np.float32, np.float64])
def test_any_number_will_do(kind):
    rule = LearningRule(learning_rate=kind(2), batch_size=kind(3))
    assert (rule.learning_rate, rule.batch_size) == (2.0, 3)
    assert type(rule.learning_rate) is float
    assert type(rule.batch_size) is int
    assert Committee(students=kind(2), teachers=kind(1)).students == 2


positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False)


@given(positive, positive, st.integers(1, 10**9))
def test_every_valid_rule_survives_its_own_dictionary(eta, beta, B):
    rule = LearningRule(learning_rate=eta, inverse_temperature=beta, batch_size=B)
    assert LearningRule(**rule.model_dump()) == rule
    assert LearningRule.model_validate_json(rule.model_dump_json()) == rule


def test_helpers():
    assert nearest("nois", ["noise", "students"]) == " Did you mean 'noise'?"
    assert nearest("qqq", ["noise"]) == ""
    assert whole("n", np.int32(4), 1) == 4
    assert threads(3) == 3
    assert threads(None) >= 1
    for value in (0, -1, 1.0, True, "3", None):
        with pytest.raises(ParameterError, match="'n' parameter must be a whole number >= 1"):
            whole("n", value, 1)


@pytest.mark.parametrize("value", [True, "2"])
def test_what_only_looks_like_a_number_is_refused(value):
    with pytest.raises(ParameterError, match=f"'students' .* must be a whole number. Got {value!r}"):
        Committee(students=value, teachers=2)
    with pytest.raises(ParameterError, match=f"'learning_rate' .* must be a number. Got {value!r}"):
        LearningRule(learning_rate=value)


def test_parameters_are_given_by_name():
    with pytest.raises(ParameterError, match=r"Committee takes its parameters by name: Committee\(students=\.\.\., "):
        Committee(2, 2)
