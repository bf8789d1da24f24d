"""What a simulation says that it needs is what it takes, and what is named as the largest size is the largest."""

import pytest

from measuring import agrees, largest_named, peak, pretend
from practicum import BlockIsotropic, Committee, LearningRule, OrderParameters, ParameterError, simulate
from practicum.simulation import _needs

MACHINE, RULE = Committee(students=2, teachers=2), LearningRule(learning_rate=0.1)
START = OrderParameters.random(2, 2, seed=0, overlap=1e-3)
LITTLE = 2**21

COMMON = """
import numpy as np
from practicum import *
def f(k, seeds, dimension=1000, until=0.1, points=50, batch=1, **more):
    machine, rule = Committee(students=k, teachers=k), LearningRule(learning_rate=0.1, batch_size=batch)
    start = OrderParameters.random(k, k, seed=0, overlap=1e-3)
    return simulate(machine, rule, start, dimension, until, seeds=seeds, save_at=np.linspace(0, until, points),
        workers=2, **more)
def saved(k, seeds):
    from practicum.runs.states import to_bytes
    sizes = []
    def save(state):
        if len(state.rows) >= seeds - 2 and not sizes:
            sizes.append(len(to_bytes(state, {})))
    f(k, seeds, save=save)
def w(dimension, seeds=2, **more): return f(10, seeds, dimension, 1.1 / dimension, 1, method="weights", **more)
"""
CHAIN, WEIGHTS = (
    {"blocks": 1, "workers": 2},
    {"blocks": 1, "workers": 2, "itemsize": 8, "batches": False, "drawn": True},
)
WORK = {
    "paths": (
        "small = lambda: f(10, 2)\nlarge = lambda: f(10, 2000)",
        _needs.chain(10, 10, 2000, 50, 1, **CHAIN),
        _needs.chain(10, 10, 2, 50, 1, **CHAIN),
    ),
    "checkpoints": (
        "small = lambda: saved(10, 3)\nlarge = lambda: saved(10, 1000)",
        _needs.chain(10, 10, 1000, 50, 1, **CHAIN, saved=True),
        _needs.chain(10, 10, 2, 50, 1, **CHAIN),
    ),
    "two blocks": (
        "law = dict(inputs=BlockIsotropic(dimension=500, scale=0.5))\nsmall = lambda: f(10, 2, **law)\n"
        "large = lambda: f(10, 2000, **law)",
        _needs.chain(10, 10, 2000, 50, 1, blocks=2, workers=2),
        _needs.chain(10, 10, 2, 50, 1, **CHAIN),
    ),
    "seeds": (
        "small = lambda: f(1, 2, points=1)\nlarge = lambda: f(1, 100_000, 10, points=1)",
        _needs.chain(1, 1, 100_000, 1, 1, **CHAIN),
        8 * 100_000 * 6,
    ),
    "batches": (
        "small = lambda: f(10, 1, batch=10)\nlarge = lambda: f(10, 1, 10**9, 1.01e-9, 1, 1_000_000)",
        _needs.chain(10, 10, 1, 1, 1_000_000, **CHAIN),
        _needs.chain(10, 10, 1, 1, 1, **CHAIN),
    ),
    "weights": (
        "small = lambda: w(100)\nlarge = lambda: w(500_000)",
        _needs.weights(500_000, 10, 10, 2, 1, **WEIGHTS),
        _needs.weights(500_000, 10, 10, 1, 1, **{**WEIGHTS, "drawn": False}),
    ),
    "weights in float32": (
        "small = lambda: w(100, dtype='float32', batch=3)\nlarge = lambda: w(500_000, dtype='float32', batch=3)",
        _needs.weights(500_000, 10, 10, 2, 1, **{**WEIGHTS, "itemsize": 4, "batches": True}),
        _needs.weights(100_000, 10, 10, 2, 1, **WEIGHTS),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_the_estimate_is_what_is_taken(name):
    work, estimate, wrong = WORK[name]
    measured = peak(COMMON + work)
    assert agrees(estimate, measured)
    assert not agrees(wrong, measured)  # of a smaller problem, or without a part of what is allocated


@pytest.mark.parametrize(
    "size, request_of, estimate",
    [
        ("seeds", lambda n: {"seeds": n}, lambda n: _needs.chain(2, 2, n, 201, 1, **CHAIN)),
        ("seeds", lambda n: {"seeds": range(n)}, lambda n: _needs.chain(2, 2, n, 201, 1, **CHAIN)),
        (
            "dimension",
            lambda n: {"dimension": n, "method": "weights", "save_at": [0.0], "seeds": 3},
            lambda n: _needs.weights(n, 2, 2, 3, 1, **WEIGHTS),
        ),
        (
            "seeds",
            lambda n: {"seeds": n, "inputs": BlockIsotropic(dimension=5)},
            lambda n: _needs.chain(2, 2, n, 201, 1, blocks=2, workers=2),
        ),
    ],
    ids=["seeds", "range", "dimension", "blocks"],
)
def test_the_largest_that_is_named_passes_and_the_next_does_not(size, request_of, estimate, monkeypatch):
    pretend(monkeypatch, LITTLE)

    def call(n):
        usual = {"dimension": 20, "until": 0.1, "workers": 2}
        return simulate(MACHINE, RULE, START, **{**usual, **request_of(n)})

    with pytest.raises(ParameterError, match=f"the largest '{size}' that fits") as caught:
        call(10**11)
    found = largest_named(str(caught.value))
    assert estimate(found) <= LITTLE < estimate(found + 1)
    with pytest.raises(ParameterError, match=f"is {found}\\."):
        call(found + 1)
    assert call(found).sizes["seed"] >= 1


def test_seeds_beyond_what_a_list_can_hold():
    with pytest.raises(ParameterError, match="must be fewer than"):
        simulate(MACHINE, RULE, START, 20, 0.1, seeds=range(10**30))
