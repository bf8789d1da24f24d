"""What attacks say that they need is what they take, and what is named as the largest size is the largest."""

import numpy as np
import pytest

from measuring import agrees, largest_named, peak, pretend

pytest.importorskip("torch")

from practicum import ParameterError
from practicum.networks import SeparatedTeacher, Students
from practicum.robustness import _needs, robust_errors
from practicum.robustness.attacks import PGD
from practicum.robustness.bootstrap import bootstrap_interval

COMMON = """
import numpy as np
from practicum.networks import SeparatedTeacher, Students
from practicum.robustness import robust_errors
from practicum.robustness.attacks import PGD
def parts(d, S, B, dtype):
    teacher = SeparatedTeacher(inputs=d, hidden=10, outputs=5).build([0], dtype=dtype)
    return teacher, Students().build(teacher, range(S), dtype=dtype), np.random.default_rng(0).standard_normal((B, d))
def errors(d, S, B, E, kinds=("fixed_label_error",), dtype="float32", perturbed=True):
    teacher, student, x = parts(d, S, B, dtype)
    attack = PGD(steps=1, restarts=1)
    return robust_errors(student, x, list(np.linspace(0.1, 1, E)), teacher=teacher, attack=attack, kinds=kinds,
        perturbed=perturbed)
def attack(d, S, B, E):
    teacher, student, x = parts(d, S, B, "float32")
    return PGD(steps=1, restarts=1)(student, x, list(np.linspace(0.1, 1, E)), teacher=teacher)
small = lambda: (errors(10, 2, 10, 2), attack(10, 2, 10, 2))
"""
TWO = "kinds=('fixed_label_error', 'oracle_error')"
WORK = {
    "kept": (f"large = lambda: errors(100, 2, 20_000, 5, {TWO})", _needs.errors(5, 2, 20_000, 100, itemsize=4, kept=2)),
    "kept in float64": (
        "large = lambda: errors(100, 2, 20_000, 5, dtype='float64')",
        _needs.errors(5, 2, 20_000, 100, itemsize=8, kept=1),
    ),
    "in parts": (
        "large = lambda: errors(100, 2, 40_000, 10, perturbed=False)",
        _needs.errors(10, 2, 40_000, 100, itemsize=4, kept=0),
    ),
    "attack": ("large = lambda: attack(100, 2, 20_000, 5)", _needs.attack(5, 2, 20_000, 100, itemsize=4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_the_estimate_is_what_is_taken(name):
    work, estimate = WORK[name]
    measured = peak(COMMON + work)
    assert agrees(estimate, measured)
    assert not agrees(_needs.attack(1, 2, 20_000, 100, itemsize=4), measured)  # of one radius


def test_the_largest_that_is_named_passes_and_the_next_does_not(monkeypatch):
    teacher = SeparatedTeacher(inputs=10, hidden=3, outputs=2).build([0])
    student, inputs = Students().build(teacher, [0, 1]), np.zeros((5000, 10))
    value = PGD(steps=1, restarts=1)
    pretend(monkeypatch, 2**20)
    for call, estimate in (
        (lambda n: value(student, inputs[:n], 0.1, teacher=teacher), lambda n: _needs.attack(1, 2, n, 10, itemsize=8)),
        (
            lambda n: robust_errors(
                student, inputs[:n], 0.1, teacher=teacher, attack=value, perturbed=True, kinds=["oracle_error"]
            ),
            lambda n: _needs.errors(1, 2, n, 10, itemsize=8, kept=1),
        ),
    ):  # fmt: skip
        with pytest.raises(
            ParameterError, match=r"This attack \(epsilons = 1, seeds = 2, samples = 5000, inputs = 10\)"
        ) as c:
            call(5000)
        assert "the largest 'samples' that fits" in str(c.value)
        found = largest_named(str(c.value))
        assert estimate(found) <= 2**20 < estimate(found + 1)
        call(found)
        with pytest.raises(ParameterError, match=f"is {found}\\."):
            call(found + 1)


def test_a_bootstrap_asks_too():
    with pytest.raises(ParameterError, match=r"This bootstrap \(draws = 1000000000000, seeds = 3\) .* largest 'draws'"):
        bootstrap_interval(np.arange(3.0), draws=10**12)
