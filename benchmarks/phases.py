"""What the phases cost: independence of K, and the searches for the best rules.

Run: ``OMP_NUM_THREADS=1 python benchmarks/phases.py``. Process times of one run (medians of five
for the phases); ratios are what to compare across machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases import best_rule, convergence, plateau
from practicum.theory.phases._ansatz import ConvergenceAnsatz


def seconds(task: Callable[[], object], repeats: int) -> float:
    """Median process time: other programs on the machine do not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return median(times)


def machine(K: int) -> Committee:
    return Committee(students=K, teachers=K)


def main() -> None:
    print(f"{'drift of the convergence ansatz':<44}{'us':>10}{'ratio to K=2':>15}")
    x, rule = np.array([1.1, 0.1, 0.9, 0.1]), LearningRule(learning_rate=0.1)
    base = None
    for K in (2, 10, 100, 1000):
        ansatz, what = ConvergenceAnsatz(K), machine(K)
        each = seconds(lambda a=ansatz, m=what: [a.drift(x, m, rule) for _ in range(200)], 5) / 200
        base = base or each
        print(f"  {f'K={K}':<42}{each * 1e6:>10.0f}{each / base:>15.2f}")

    print(f"{'whole phase, with its full spectrum':<44}{'ms':>10}")
    for K in (2, 5, 1000):
        rule = LearningRule(learning_rate=1 / K)
        print(f"  {f'plateau K={K}':<42}{1e3 * seconds(lambda k=K, r=rule: plateau(machine(k), r), 5):>10.1f}")
        print(f"  {f'convergence K={K}':<42}{1e3 * seconds(lambda k=K, r=rule: convergence(machine(k), r), 5):>10.1f}")

    print(f"{'best rule':<44}{'s':>10}{'eta':>10}{'beta':>10}{'value':>12}")
    for K in (2, 3, 5):
        for phase in ("plateau", "convergence", "total"):
            more = {"start": OrderParameters.random(K, K, seed=0, overlap=1e-3), "target": 1e-3}
            for adaptive in (False, True):
                options = more if phase == "total" else {}
                start = time.process_time()
                found = best_rule(machine(K), phase, adaptive, **options)
                spent = time.process_time() - start
                name = f"{phase} K={K}, {'adaptive' if adaptive else 'gradient descent'}"
                eta, beta = found.rule.learning_rate, found.rule.inverse_temperature
                print(f"  {name:<42}{spent:>10.2f}{eta:>10.5f}{beta:>10.4f}{found.alpha or found.rate:>12.6g}")


if __name__ == "__main__":
    main()
