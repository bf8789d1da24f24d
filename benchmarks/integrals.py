"""Nanoseconds a call of each Gaussian-integral kernel, and microseconds of the ReLU and linear sums of the flow.

    python benchmarks/integrals.py

Every figure is the median of repeats inside one compiled loop, so the cost of calling from Python is not in it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time

import numpy as np
from numba import njit

from practicum.theory import _erf, _linear, _relu

REPEATS = 7
C4 = np.array([[0.5, 0.1, 0.2, 0.05], [0.1, 0.8, -0.1, 0.3], [0.2, -0.1, 1.0, 0.0], [0.05, 0.3, 0.0, 1.0]])


def near(C, distance):
    """Fields 0 and 1 moved to `distance` from fields 2 and 3, as students are from their teachers late in learning."""
    L = np.linalg.cholesky(C)
    L[:2] = L[2:] + distance * L[:2]
    return L @ L.T


def median_ns(loop, calls, *arguments):
    loop(*arguments, 2)
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        loop(*arguments, calls)
        times.append((time.perf_counter() - begin) / calls * 1e9)
    return statistics.median(times)


def loop_of(kernel, fields, beta):
    """A compiled loop of calls whose arguments change, so that none is hoisted out of it."""
    if beta:
        args = ", ".join(f"f[{n}]" for n in range(fields)) + ", 1.0"
    else:
        args = ", ".join(f"f[{n}]" for n in range(fields))
    scope = {"kernel": kernel}
    exec(
        f"def loop(C, f, n):\n    t = 0.0\n    x = C[0, 0]\n    for j in range(n):\n"
        f"        C[0, 0] = x * (1.0 + 1e-9 * (j % 7))\n        t += kernel(C, {args})\n    C[0, 0] = x\n    return t",
        scope,
    )
    return njit(error_model="numpy")(scope["loop"])


@njit(error_model="numpy")
def flow_loop(kernel, C, s, v, D1, D2, N2, n):
    for _ in range(n):
        kernel(C, s, v, v.size, D1, D2, N2)


def main():
    print(f"{'kernel':34s} {'ns':>9s}")
    rows = [
        *[
            (f"{m.__name__.rpartition('_')[2]:6s} {k}", m, k)
            for m in (_erf, _relu, _linear)
            for k in ("i2", "j2", "i3", "i4")
        ],
        ("relu   orthant4", _relu, "orthant"),
    ]
    for label, module, name in rows:
        fields = {"i2": 2, "j2": 2, "i3": 3, "i4": 4, "orthant": 4}[name]
        loop = loop_of(getattr(module, name), fields, name in ("j2", "i3", "i4"))
        ns = median_ns(loop, 50_000, C4.copy(), np.arange(4))
        print(f"{label:34s} {ns:9.1f}")
        if module is _relu and fields == 4:
            ns = median_ns(loop, 20_000, near(C4, 1e-4), np.arange(4))
            print(f"{label + ', nearly dependent':34s} {ns:9.1f}")
    print(f"\n{'sums of the flow':34s} {'us':>9s}")
    rng = np.random.default_rng(0)
    for module, name in ((_relu, "relu_flow_terms"), (_linear, "linear_flow_terms")):
        for K, M in ((2, 2), (4, 2), (3, 3), (8, 8), (16, 16)):
            for distance in (None, 1e-4):
                W = rng.normal(size=(K + M, 4 * (K + M))) / np.sqrt(4 * (K + M))
                if distance:
                    if module is _linear:
                        continue
                    W[:K] = W[K + np.arange(K) % M] + distance * W[:K]
                v, s = np.ones(K), np.concatenate([-np.ones(K), np.ones(M)])
                work = (np.zeros((K, K + M)), np.zeros((K, K)), np.zeros((K, K)))
                calls = max(2, 4000 // (K + M) ** 3)
                us = median_ns(flow_loop, calls, getattr(module, name), W @ W.T, s, v, *work) / 1e3
                label = f"{name.split('_')[0]:6s} K = {K}, M = {M}" + (", learnt" if distance else "")
                print(f"{label:34s} {us:9.2f}")


if __name__ == "__main__":
    main()
