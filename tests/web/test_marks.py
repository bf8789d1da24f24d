"""What stands out in a picture is what the phases say, and what cannot be had says why."""

import asyncio
import time

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum import Committee, LearningRule, OrderParameters, phases, solve
from practicum.runs.store import Store
from practicum.web.app import create_app
from practicum.web.marks import BestRules, best_rule, resting
from web.served import served

TWO = {"students": 2, "teachers": 2, "learning_rate": 1.0, "start": "near-symmetric", "overlap": 1e-4, "until": 300}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(create_app(Store(tmp_path_factory.mktemp("runs")))) as client:
        yield client


def test_plateau_and_critical_rate_are_those_of_the_phases(client):
    found = client.post("/api/marks", json=TWO).json()
    machine, rule = Committee(students=2, teachers=2), LearningRule(learning_rate=1.0)
    theory, final = phases.plateau(machine, rule), phases.convergence(machine, rule)
    assert found["plateau"]["generalization_error"] == theory.generalization_error
    assert found["plateau"]["escape_rate"] == theory.escape_rate
    assert found["plateau"]["problem"] is None
    assert found["critical_learning_rate"] == final.critical_learning_rate
    assert found["convergence_rate"] == final.rate
    assert found["problems"] == {}


def test_the_stretch_is_where_the_curve_rests(client):
    plateau = client.post("/api/marks", json=TWO).json()["plateau"]
    start = OrderParameters.near_symmetric(2, 2, Q=0.5, split=1e-4)
    rule = LearningRule(learning_rate=1.0)
    at = [plateau["from"] * 0.5, plateau["from"], plateau["to"], plateau["to"] * 1.2]
    before, first, last, after = (
        solve(Committee(students=2, teachers=2), rule, start, 300.0, save_at=at).generalization_error.values
        / plateau["generalization_error"]
    )
    assert abs(first - 1) <= 0.1
    assert abs(last - 1) <= 0.1
    assert before > 1.1
    assert after < 0.9


def test_a_plateau_that_is_not_left_has_no_end(client):
    plateau = client.post("/api/marks", json={**TWO, "until": 40}).json()["plateau"]
    assert plateau["from"] < 20
    assert plateau["to"] is None


@pytest.mark.parametrize(
    "changes, missing, words",
    [
        ({"students": 1, "teachers": 1}, "plateau", "at least 2 students"),
        ({"students": 3}, "critical_learning_rate", "as many students as teachers"),
        ({"activation": "relu", "until": 5}, "plateau", "must have activation='erf'"),
        ({"activation": "linear", "until": 5}, "best_rule", "must have activation='erf'"),
        ({"students": 12, "teachers": 12, "until": 1}, "best_rule", "takes minutes"),
    ],
    ids=str,
)
def test_what_cannot_be_had_says_why(client, changes, missing, words):
    problem = {**TWO, **changes}
    found = client.post("/api/marks", json=problem).json()
    if missing == "critical_learning_rate":
        assert found[missing] is None
        assert words in found["problems"][missing]
    else:
        numbers = {name: value for name, value in found[missing].items() if name not in ("problem", "pending")}
        assert set(numbers.values()) == {None}
        assert words in found[missing]["problem"]


def curve(values):
    return np.geomspace(1, 1000, len(values)), np.array(values, dtype=float)


@pytest.mark.parametrize(
    "values, expected",
    [
        ([9, 5, 1, 1, 1, 1, 0.1], (2, 5)),
        ([9, 5, 1, 1, 1, 1, 1], (2, None)),
        ([1.05, 1, 0.95, 1.02, 0.1, 0.1, 0], (0, 3)),
        ([9, 5, 1, 0.1, 0, 0, 0], None),  # one point spans nothing
        ([9, 1, 1, 5, 1, 1, 1], (4, None)),  # the longer one
        ([9, 1, 1, 1, np.nan, np.nan, np.nan], (1, None)),
        ([9, 5, 4, 3, 2, 1.5, 1.2], None),
        ([np.nan] * 7, None),
    ],
)
def test_resting(values, expected):
    alpha, error = curve(values)
    first, last = expected or (None, None)
    assert resting(alpha, error, 1.0) == (
        None if first is None else alpha[first], None if last is None else alpha[last]
    )  # fmt: skip
    assert resting(alpha, error, None) == (None, None)


def test_a_search_is_shared_and_kept():
    calls = []

    def search(machine):
        calls.append(machine)
        time.sleep(0.2)
        return {"rate": machine.students}

    async def body():
        rules = BestRules(8, search)
        machines = [Committee(students=k, teachers=2) for k in range(2, 9)]
        first = await rules.of(machines[0], 0.01)
        assert first["pending"]
        assert first["rate"] is None
        waiting = await asyncio.gather(*(rules.of(machine, 0.01) for machine in machines))
        assert all(found["pending"] for found in waiting)
        assert await rules.of(machines[0], 5) == {"rate": 2}
        assert await rules.of(machines[3], 5) == {"rate": 5}
        assert len(calls) == 4  # one of each that was let in, though asked for twice
        assert await rules.of(machines[0], 0) == {"rate": 2}
        assert len(calls) == 4
        rules.close()

    asyncio.run(body())


@pytest.mark.slow
def test_the_best_rule_is_that_of_the_phases():
    machine = Committee(students=2, teachers=2)
    found, exact = best_rule(machine), phases.best_rule(machine, "plateau")
    assert found["rate"] == exact.rate
    assert found["learning_rate"] == exact.rule.learning_rate
    assert found["inverse_temperature"] == exact.rule.inverse_temperature
    # Power: it is the best one; a rule beside it leaves the plateau later.
    beside = LearningRule(learning_rate=found["learning_rate"] * 1.1, inverse_temperature=found["inverse_temperature"])
    assert phases.plateau(machine, beside).escape_rate < found["rate"]
