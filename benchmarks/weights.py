"""Cost of an update of the weights, one seed on one thread: ``python benchmarks/weights.py``.

The share of the generator and the ratio to the plain NumPy update (with NumPy's own normals) are of the same run. The
medians and the smallest of many short repetitions; on a shared machine trust the smallest.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from _timing import seconds
from practicum import Committee, LearningRule, OrderParameters
from practicum.simulation._weights_run import Run
from practicum.simulation.inputs import Gaussian
from practicum.simulation.normals import fill_normals32, fill_normals64, stream

REPETITIONS = 300
BARS = {("float32", 1000): 2.5, ("float64", 1000): 5.0}


def microseconds(call, steps):
    """(median, smallest) microseconds of processor time a step."""
    median, least = seconds(call, REPETITIONS)
    return median / steps * 1e6, least / steps * 1e6


def plain_numpy(J, B, rng, steps):
    N = J.shape[1]
    for _ in range(steps):
        x = rng.standard_normal(N, dtype=J.dtype)
        h, rho = J @ x, B @ x
        e = erf(rho / np.sqrt(2)).sum() - erf(h / np.sqrt(2)).sum()
        J += (0.1 / N * np.sqrt(2 / np.pi) * np.exp(-(h**2) / 2) * e).astype(J.dtype)[:, None] * x


def main() -> None:
    rule = LearningRule(learning_rate=0.1)
    print("      N  K  M  dtype    median us  least us   bar  normals  NumPy / this")
    for N in (100, 1000, 10_000):
        for K, M in ((2, 2), (4, 2)):
            machine = Committee(students=K, teachers=M)
            start = [OrderParameters.random(K, M, seed=0)]
            for dtype, fill in (("float32", fill_normals32), ("float64", fill_normals64)):
                steps = max(20, 400_000 // N // 4)
                run = Run(machine, rule, start, N, Gaussian(), dtype, 0, 1e6)
                median, least = microseconds(lambda r=run, s=steps: r.advance(r.updates + s), steps)
                x, state = np.empty(N, dtype), stream(0, 0)
                _, generator = microseconds(lambda f=fill, o=x, s=state: [f(s, o) for _ in range(100)], 100)
                empty = np.empty(0, dtype)
                _, calling = microseconds(lambda f=fill, o=empty, s=state: [f(s, o) for _ in range(100)], 100)
                J, B, rng = run.J.copy(), run.B.copy(), np.random.default_rng(0)
                _, numpys = microseconds(lambda j=J, b=B, g=rng: plain_numpy(j, b, g, 20), 20)
                bar = BARS.get((dtype, N), "") if K == 4 else ""
                print(
                    f"{N:>7} {K:>2} {M:>2}  {dtype:<8}{median:>10.2f}{least:>10.2f}{bar:>6}"
                    f"{(generator - calling) / least:>9.0%}{numpys / least:>14.1f}"
                )


if __name__ == "__main__":
    main()
