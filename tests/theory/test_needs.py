"""What the theory says that it needs is what it takes, and what is named as the largest size is the largest."""

import numpy as np
import pytest

from measuring import agrees, largest_named, peak, pretend
from practicum import Committee, LearningRule, OrderParameters, ParameterError, solve, solve_grid
from practicum.theory import _needs
from practicum.theory.subspace import solve_blocks

MACHINE, RULE = Committee(students=2, teachers=2), LearningRule(learning_rate=0.1)
START = OrderParameters.random(2, 2, seed=0, overlap=1e-3)
LITTLE = 2**20

COMMON = """
import numpy as np
from practicum import *
from practicum.theory.subspace import solve_blocks
def parts(k):
    return Committee(students=k, teachers=k), LearningRule(learning_rate=0.1), OrderParameters.random(
        k, k, seed=0, overlap=1e-3)
def one(k, n): return solve(*parts(k), 0.01, save_at=np.linspace(0, 0.01, n))
def many(k, n, cells):
    rates = {"learning_rate": np.linspace(0.1, 1, cells)}
    return solve_grid(*parts(k), 0.01, save_at=np.linspace(0, 0.01, n), over=rates)
def two(k, n): return solve_blocks(*parts(k), 0.001, share=0.5, save_at=np.linspace(0, 0.001, n))
def stiff(k, n):
    machine = Committee(students=k, teachers=k, activation="linear")
    return solve(machine, *parts(k)[1:], 1e-6, save_at=np.linspace(0, 1e-6, n), method="Radau", rtol=1e-3)
"""
WORK = {
    "random": (
        "small = lambda: OrderParameters.random(9, 9, seed=0)\nlarge = lambda: OrderParameters.random(2500, 9, seed=0)",
        _needs.random_start(2500, 9),
        _needs.random_start(1000, 9),
    ),
    "near-symmetric": (
        "small = lambda: OrderParameters.near_symmetric(9, 9)\nlarge = lambda: OrderParameters.near_symmetric(9, 2500)",
        _needs.random_start(9, 2500),
        _needs.random_start(9, 1000),
    ),
    "solve": (
        "small = lambda: one(10, 10)\nlarge = lambda: one(10, 100_000)",
        _needs.solution(10, 10, 100_000),
        _needs.solution(10, 10, 30_000),
    ),
    "grid": (
        "small = lambda: many(10, 10, 2)\nlarge = lambda: many(10, 500, 200)",
        _needs.grid(10, 10, 500, 200),
        _needs.solution(10, 10, 500),
    ),
    "blocks": (
        "small = lambda: two(5, 10)\nlarge = lambda: two(5, 50_000)",
        _needs.block_solution(5, 5, 50_000),
        _needs.solution(5, 5, 50_000),
    ),
    "implicit": (
        "small = lambda: stiff(3, 3)\nlarge = lambda: stiff(40, 3)",
        _needs.implicit(40, 40, 3),
        _needs.solution(40, 40, 3),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_the_estimate_is_what_is_taken(name):
    work, estimate, wrong = WORK[name]
    measured = peak(COMMON + work)
    assert agrees(estimate, measured)
    assert not agrees(wrong, measured)  # of a smaller problem, or without a part of what is allocated


def refusals():
    return {
        "random": (lambda n: OrderParameters.random(n, 3, seed=0), "students", lambda n: _needs.random_start(n, 3)),
        "near": (lambda n: OrderParameters.near_symmetric(3, n), "teachers", lambda n: _needs.random_start(3, n)),
        "solve": (
            lambda n: solve(MACHINE, RULE, START, 1e-6, save_at=np.linspace(0, 1e-6, n)),
            "save_at",
            lambda n: _needs.solution(2, 2, n),
        ),
        "grid": (
            lambda n: solve_grid(MACHINE, RULE, START, 1e-6, save_at=np.linspace(0, 1e-6, n), over={"noise": [0, 1]}),
            "save_at",
            lambda n: _needs.grid(2, 2, n, 2),
        ),
        "blocks": (
            lambda n: solve_blocks(MACHINE, RULE, START, 1e-6, share=0.5, save_at=np.linspace(0, 1e-6, n)),
            "save_at",
            lambda n: _needs.block_solution(2, 2, n),
        ),
    }


@pytest.mark.parametrize("name", ["random", "near", "solve", "grid", "blocks"])
def test_the_largest_that_is_named_passes_and_the_next_does_not(name, monkeypatch):
    call, size, estimate = refusals()[name]
    pretend(monkeypatch, LITTLE)
    with pytest.raises(ParameterError, match=f"the largest '{size}' that fits") as caught:
        call(100_000)
    found = largest_named(str(caught.value))
    assert estimate(found) <= LITTLE < estimate(found + 1)
    with pytest.raises(ParameterError, match=f"is {found}\\."):
        call(found + 1)
    call(found)


def test_a_range_of_points_is_not_written_out():
    with pytest.raises(ParameterError, match=r"list of points \(save_at = 1000000000000\) needs 7451 GiB"):
        solve(MACHINE, RULE, START, 1e15, save_at=range(10**12))


def test_a_stiff_flow_asks_before_it_goes_on(monkeypatch):
    pretend(monkeypatch, LITTLE)
    machine = Committee(students=10, teachers=10, activation="linear")
    start = OrderParameters.random(10, 10, seed=0, overlap=1e-3)
    with pytest.raises(ParameterError, match=r"An implicit integrator .* the largest '(students|teachers)' that fits"):
        solve(machine, RULE, start, 1e-3, method="LSODA")
