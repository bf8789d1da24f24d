"""Cost of the flow: ``python benchmarks/flow.py``.

The right-hand side against a vectorised NumPy version of the same sums, the 256 cells of a grid, and how the cost grows
with K up to 64. Processor time, except for the grid, whose point is to use two cores. Nothing is asserted.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numba import njit

from _timing import seconds
from practicum import Committee, LearningRule, OrderParameters, solve_grid
from practicum.theory._derivative import KINDS, derivative, make_problem, make_work, pack
from practicum.theory._error import CODES
from practicum.theory._trajectory import integrate
from practicum.theory._until import Until

BARS = {(2, 2): 1.0, (4, 2): 2.0, (8, 8): 20.0, (16, 16): 250.0}
SIZES = [(1, 1), (2, 2), (3, 3), (4, 2), (8, 8), (16, 16), (32, 32), (64, 64)]


@njit(error_model="numpy", nogil=True)
def many(y, dy, kind, problem, work, calls):
    for _ in range(calls):
        derivative(y, dy, kind, problem, work)


def numpy_slopes(C, s, K, eta):
    """dQ and dR for erf and beta = 1: one tilt a pair of students, arrays over the fields."""
    D1, D2 = np.empty((K, len(s))), np.empty((K, K))
    for i in range(K):
        tilted = C - np.outer(C[i], C[i]) / (1 + C[i, i])
        weight = 1 / math.sqrt(1 + C[i, i])
        D1[i] = -s[i] * 2 / math.pi * weight * tilted @ (s / np.sqrt(1 + np.diag(tilted)))
        for k in range(i, K):
            twice = tilted - np.outer(tilted[k], tilted[k]) / (1 + tilted[k, k])
            r = np.sqrt(1 + np.diag(twice))
            both = s[i] * s[k] * weight / math.sqrt(1 + tilted[k, k])
            D2[i, k] = D2[k, i] = 4 / math.pi**2 * both * (s @ np.arcsin(twice / np.outer(r, r)) @ s)
    return eta * (D1[:, :K] + D1[:, :K].T) + eta**2 * D2, eta * D1[:, K:]


def start_of(K, M):
    rng = np.random.default_rng(K)
    return OrderParameters.from_weights(rng.standard_normal((K, 200)) / 15, rng.standard_normal((M, 200)) / 15)


def right_hand_side() -> None:
    print("right-hand side, microseconds")
    print("  K   M  activation   median    least    bar   NumPy / this")
    for activation, sizes in (("erf", SIZES), ("relu", SIZES[1:5]), ("linear", SIZES[1:5])):
        for K, M in sizes:
            start, rule = start_of(K, M), LearningRule(learning_rate=0.1)
            problem, work = make_problem(K, M, CODES[activation], rule, 0.0), make_work(start)
            y = pack(start)
            dy, kind = np.empty_like(y), KINDS[CODES[activation]]
            many(y, dy, kind, problem, work, 1)
            begin = time.perf_counter()
            many(y, dy, kind, problem, work, 1)
            calls = max(1, int(2e-3 / max(time.perf_counter() - begin, 1e-7)))
            median, least = (
                1e6 * t / calls
                for t in seconds(lambda y=y, dy=dy, k=kind, p=problem, w=work, n=calls: many(y, dy, k, p, w, n), 60)
            )
            ratio = ""
            if activation == "erf" and K <= 16:
                C, s = start.covariance, np.concatenate([-start.v, start.v_star])
                dQ, dR = numpy_slopes(C, s, K, 0.1)
                assert np.allclose(dy, np.concatenate([dQ[np.triu_indices(K)], dR.ravel(), np.zeros(K)]), atol=1e-13)
                slow = seconds(lambda c=C, s=s, k=K: numpy_slopes(c, s, k, 0.1), 10)[0]
                ratio = f"{1e6 * slow / median:.0f}"
            bar = BARS.get((K, M), "") if activation == "erf" else ""
            print(f"{K:>3} {M:>3}  {activation:<10}{median:>9.3f}{least:>9.3f}{bar:>7}{ratio:>15}")


def grid() -> None:
    print("\n256 settings (learning rate, noise) of K = M = 3 to alpha = 1000, bar 1 s on two cores")
    machine, rule = Committee(students=3, teachers=3), LearningRule(learning_rate=0.1)
    start = OrderParameters(
        Q=[[0.2, 0.001, 0.002], [0.001, 0.3, 0.003], [0.002, 0.003, 0.4]],
        R=1e-3 * np.array([[3, 1, 2], [1, 4, 2], [2, 1, 5]]),
    )
    over = {"learning_rate": np.linspace(0.05, 1.5, 16), "noise": np.linspace(0, 0.3, 16)}
    solve_grid(machine, rule, start, 1.0, over={"noise": [0.0]})
    print("  points kept  threads    wall s     cpu s")
    for kept in (None, [1000.0]):
        for workers in (1, 2):
            walls, cpus = [], []
            for _ in range(5):
                begin, cpu = time.perf_counter(), time.process_time()
                solve_grid(machine, rule, start, 1000.0, over=over, save_at=kept, workers=workers)
                walls.append(time.perf_counter() - begin)
                cpus.append(time.process_time() - cpu)
            print(f"{201 if kept is None else 1:>13}{workers:>9}{np.median(walls):>10.3f}{np.median(cpus):>10.3f}")
    path = integrate(machine, rule, start, Until(1000.0), np.array([1000.0]), 1e-10, 1e-15, "auto", 1e6)
    print(f"  steps at eta = 0.1: {path.steps}, of 12 slopes each")


def students() -> None:
    print("\none run to alpha = 100, eta = 0.1, from random overlaps of 1e-3")
    print("  K   M     steps      cpu s")
    for K in (2, 4, 8, 16, 32, 64):
        machine, rule = Committee(students=K, teachers=K), LearningRule(learning_rate=0.1 if K < 32 else 0.02)
        start = OrderParameters.random(K, K, seed=0, overlap=1e-3)
        begin = time.process_time()
        end = 100.0 if K < 32 else 10.0
        path = integrate(machine, rule, start, Until(end), np.array([end]), 1e-10, 1e-15, "auto", 1e6)
        note = "" if K < 32 else f"  (to alpha = {end:g}, eta = {rule.learning_rate:g})"
        print(f"{K:>3} {K:>3}{path.steps:>10}{time.process_time() - begin:>11.3f}{note}")


if __name__ == "__main__":
    right_hand_side()
    grid()
    students()
