"""Cost of an update of the exact chain, one seed on one thread: ``python benchmarks/chain.py``.

Both forms of the kernel: compiled for all sizes, and for one (used where a run is long enough to pay for it). The ratio
is to the same update in NumPy, of the same run. Processor time; nothing is asserted.
"""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
from scipy.special import erf

from _timing import seconds
from practicum import Committee, LearningRule, OrderParameters
from practicum.simulation._chain_kernel import make_scratch, run
from practicum.simulation.chain import Block, Coordinates, simulate_chain
from practicum.simulation.normals import fill_normals64, stream

BARS = {2: 120, 4: 250, 8: 600}


def plain_numpy(P, L, Bc, N, eta, rng, steps):
    """The chain as the formulas read."""
    K, r = P.shape
    for _ in range(steps):
        z_T, z_S = rng.standard_normal(r), rng.standard_normal(K)
        chi = math.sqrt(rng.chisquare(N - r - K))
        rho, h = Bc @ z_T, P @ z_T + L @ z_S
        e = erf(rho / math.sqrt(2)).sum() - erf(h / math.sqrt(2)).sum()
        a = eta / N * math.sqrt(2 / math.pi) * np.exp(-(h**2) / 2) * e
        P = P + np.outer(a, z_T)
        L = np.linalg.qr(np.hstack([L + np.outer(a, z_S), chi * a[:, None]]).T, mode="r").T
    return P, L


def update(K, N, form, batch=1):
    """(median, least) nanoseconds an update."""
    place = Coordinates.of(OrderParameters.random(K, K, seed=0, overlap=1e-3))
    ranks, freedoms = np.array([K]), np.array([N - 2 * K])
    problem = (ranks, np.ones(1), freedoms, 0, 0.1 / N, 1.0, 1.0, batch, 0.0, 0.0)
    state = [place.inside[None].copy(), place.outside[None].copy(), place.teacher[None].copy(), np.ones(K), np.ones(K)]
    scratch, numbers = make_scratch(K, K, ranks, freedoms, batch, False), stream(0, 1)
    length = ((0,) * K, (0,) * K) if form == "one size" else (np.zeros(K, np.int8), np.zeros(K, np.int8))
    steps = 20_000
    return tuple(
        1e9 * t / steps
        for t in seconds(lambda: run(length[0], length[1], *state, problem, scratch, numbers, steps), 40)
    )


def updates() -> None:
    print("nanoseconds an update")
    print("  K   M          N  kernel      median   least   bar  NumPy / this")
    for K in (2, 4, 8):
        for N in (100, 10_000, 10**9):
            place = Coordinates.of(OrderParameters.random(K, K, seed=0, overlap=1e-3))
            P, L, Bc, rng = place.inside.T, place.outside[:K].T, place.teacher.T, np.random.default_rng(0)
            slow = 1e9 * seconds(lambda p=P, l=L, b=Bc, n=N, g=rng: plain_numpy(p, l, b, n, 0.1, g, 200), 7)[0] / 200
            for form in ("all sizes", "one size"):
                median, least = update(K, N, form)
                print(f"{K:>3} {K:>3} {N:>10}  {form:<10}{median:>8.0f}{least:>8.0f}{BARS[K]:>6}{slow / median:>14.0f}")
    print("\nof which the normals, and mini-batches (nanoseconds an example), N = 10000, one size")
    print("  K   M     normals  batch 1  batch 10")
    for K in (2, 4, 8):
        z, numbers = np.empty((2 * K + 1) * 1000), stream(0, 1)
        normals = 1e9 * seconds(lambda z=z, s=numbers: fill_normals64(s, z), 100)[0] / 1000
        single, batch = update(K, 10_000, "one size")[0], update(K, 10_000, "one size", batch=10)[0] / 10
        print(f"{K:>3} {K:>3}{normals:>12.0f}{single:>9.0f}{batch:>10.0f}")


def memory() -> None:
    print("\nlargest memory of arrays, kilobytes")
    print("          N    updates  points   memory")
    machine, rule = Committee(students=4, teachers=4), LearningRule(learning_rate=0.1)
    start = OrderParameters.random(4, 4, seed=0, overlap=1e-3)
    for N, updates, points in ((100, 1000, 2), (10**9, 1000, 2), (100, 1_000_000, 2), (100, 1000, 1000)):
        steps = np.unique(np.linspace(0, updates, points).astype(int))
        for _ in range(2):
            tracemalloc.start()
            simulate_chain(
                machine, rule, [Block(N, 1.0, start)], steps, updates, seeds=[0], largest_norm=1e6, workers=1
            )
            size = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        print(f"{N:>11}{updates:>11}{points:>8}{size / 1024:>9.0f}")


if __name__ == "__main__":
    updates()
    memory()
