"""Whatever the constructors of the Python interface are given, they make a value or raise a ParameterError.

What is valid has a canonical JSON, and the same value comes back from it.
"""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from measuring import pretend
from practicum import Committee, LearningRule, OrderParameters, ParameterError
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import BalancedTeacher, SeparatedTeacher
from practicum.runs import SimulateConfig, SolveConfig, TrainConfig, config_from_json
from practicum.runs.seeds import Seeds

MANY = settings(max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])

NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 3, 0.5, -0.0, 1e18, 10**18, -(10**18), 10**30, 10**400, float("nan"), float("inf")]),
    st.sampled_from([-float("inf"), 1e-320, 1.5e308, True, False, 2**63, 2**63 - 1, 2.0]),
    st.floats(), st.integers(-3, 12),
)  # fmt: skip
ARRAYS = st.sampled_from([
    np.float64(0.5), np.int64(2), np.float32("nan"), np.array(3), np.array([1, 2]), np.eye(2), np.zeros((0, 2)),
    np.array([[1.0, 2.0], [2.0, 1.0]]), np.array(["a"]), np.array([None]), np.ones((2, 2, 2)), np.array([1j]),
])  # fmt: skip
OTHERS = st.sampled_from([
    None, "", "text", "erf", "chain", "ω → ∞", "\udcff", "\n", b"bytes", [], [1], [[1]], [[1, 2], [3]], {}, {"a": 1},
    (), (1, 2), {1, 2}, range(3), range(10**12), range(0), iter([1, 2]), object(), int, lambda: 1, 1j, "nan", "1e18",
    [float("nan")], [1e18, 2], ["a"], [{}], "generalization_error < 1", "generalization_error < nan",
])  # fmt: skip
ENTRIES = st.sampled_from([0.0, 0.5, 1.0, -0.5, 1e200, float("nan"), 2])
MATRICES = st.integers(0, 3).flatmap(lambda n: st.lists(st.lists(ENTRIES, min_size=n, max_size=n), max_size=3))
BAD = st.one_of(NUMBERS, NUMBERS, OTHERS, ARRAYS, MATRICES)
TABLES = st.dictionaries(st.sampled_from(["first", "count"]), BAD)

COMMITTEE, RULE = {"students": 2, "teachers": 2}, {"learning_rate": 0.1}
START = {"Q": [[0.5, 0.0], [0.0, 0.4]], "R": [[0.1, 0.0], [0.0, 0.2]]}
TEACHER = {"kind": "separated", "inputs": 5, "hidden": 2, "outputs": 2}
RIGHT = {
    Committee: COMMITTEE,
    LearningRule: RULE,
    OrderParameters: START,
    SolveConfig: {"machine": COMMITTEE, "rule": RULE, "start": START, "until": 1.0},
    SimulateConfig: {"machine": COMMITTEE, "rule": RULE, "start": START, "until": 1.0, "dimension": 20},
    TrainConfig: {"teacher": TEACHER, "inputs": {"kind": "gaussian", "dimension": 5}},
    Students: {},
    Training: {},
    SeparatedTeacher: {},
    BalancedTeacher: {},
}
NESTED = {
    SolveConfig: {"machine": Committee, "rule": LearningRule, "start": OrderParameters},
    SimulateConfig: {"machine": Committee, "rule": LearningRule, "start": OrderParameters},
    TrainConfig: {"students": Students, "training": Training, "teacher": SeparatedTeacher},
}


def names(kind: type) -> list[str]:
    return list(kind.model_fields) if hasattr(kind, "model_fields") else ["Q", "R", "T", "v", "v_star"]


@st.composite
def arguments(draw, kind: type) -> dict:
    """Arguments of which one to three are bad, or have a name that does not exist."""
    found = dict(RIGHT[kind])
    known = names(kind) + ([] if kind is OrderParameters else ["studnets", "", "ω"])  # Python itself refuses those
    # Most often one, because the first bad value hides the others.
    count = draw(st.sampled_from([1, 1, 1, 2, 3]))
    for name in draw(st.lists(st.sampled_from(known), min_size=1, max_size=count, unique=True)):
        inner = NESTED.get(kind, {}).get(name)
        if inner is not None and draw(st.booleans()):
            found[name] = draw(arguments(inner))
        elif name == "seeds" and draw(st.booleans()):
            found[name] = draw(st.dictionaries(st.sampled_from(["first", "count", "x"]), BAD, max_size=2))
        else:
            found[name] = draw(BAD)
    return found


def made(kind: type, given: dict):
    """The value, or None where a ParameterError says in one sentence why there is none."""
    try:
        return kind(**given)
    except ParameterError as error:
        sentence = str(error)
    assert sentence
    assert "\n" not in sentence
    return None


@pytest.mark.parametrize("kind", RIGHT, ids=lambda kind: kind.__name__)
def test_a_constructor_makes_a_value_or_says_why_not(kind, monkeypatch):
    pretend(monkeypatch, 2**28)
    assert made(kind, RIGHT[kind]) is not None
    counts = {"valid": 0, "refused": 0}

    @MANY
    @given(arguments(kind))
    def every(values):
        value = made(kind, values)
        counts["refused" if value is None else "valid"] += 1
        if value is None:
            return
        if kind is OrderParameters:
            assert OrderParameters.from_dict(json.loads(json.dumps(value.to_dict()))) == value
        elif hasattr(value, "canonical"):
            text = value.canonical()
            again = config_from_json(text)
            assert (again, again.canonical(), again.id) == (value, text, value.id)
        else:
            assert kind(**value.model_dump()) == value
            assert kind(**json.loads(value.model_dump_json())) == value

    every()
    assert counts["refused"] >= 50
    assert counts["valid"] >= 1, counts


@pytest.mark.parametrize("build", [OrderParameters.random, OrderParameters.near_symmetric], ids=["random", "near"])
def test_starts_are_built_or_refused(build, monkeypatch):
    pretend(monkeypatch, 2**28)
    optional = ["norm", "overlap"] if build == OrderParameters.random else ["Q", "C", "R", "split"]
    needed = {"seed": st.one_of(st.just(0), BAD)} if build == OrderParameters.random else {}
    sizes = st.one_of(st.just(2), st.just(2), BAD)

    @MANY
    @given(sizes, sizes, st.fixed_dictionaries(needed, optional=dict.fromkeys(optional, BAD)))
    def every(students, teachers, more):
        value = made(lambda **given: build(students, teachers, **given), more)
        assert value is None or (value.students, value.teachers) == (students, teachers)

    every()


def test_seeds_are_counted_without_being_listed():
    @MANY
    @given(st.one_of(BAD, st.lists(st.integers(-1, 5), max_size=4), TABLES))
    def every(asked):
        seeds = made(lambda seeds: Seeds.of(seeds), {"seeds": asked})
        if seeds is not None:
            assert len(seeds) >= 1
            assert Seeds.of(json.loads(seeds.model_dump_json())) == seeds

    every()
    assert len(Seeds.of(range(5, 10**12))) == 10**12 - 5


def test_a_fault_of_a_constructor_would_be_seen():
    """The check itself: an error of another kind gets through."""
    with pytest.raises(ZeroDivisionError):
        made(lambda **_: 1 / 0, {})
    assert str(ParameterError("two\n   lines")) == "two lines"
