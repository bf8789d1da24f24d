"""Cost of a normal number, against NumPy's own ziggurat in the same run: ``python benchmarks/normals.py``.

The medians and the smallest of many short repetitions, one thread; on a shared machine trust the smallest.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from _timing import seconds
from practicum.simulation.normals import fill_normals32, fill_normals64, next_normal64, next_uniform, stream

REPETITIONS, NUMBERS = 400, 200_000


@njit
def many64(state, out, times):
    for _ in range(times):
        fill_normals64(state, out)


@njit
def many32(state, out, times):
    for _ in range(times):
        fill_normals32(state, out)


@njit
def singles(state, times):
    total = 0.0
    for _ in range(times):
        total += next_normal64(state)
    return total


@njit
def uniforms(state, times):
    total = 0.0
    for _ in range(times):
        total += next_uniform(state)
    return total


def nanoseconds(call, numbers):
    """(median, smallest) nanoseconds of processor time a number."""
    median, least = seconds(call, REPETITIONS)
    return median / numbers * 1e9, least / numbers * 1e9


def main() -> None:
    state, rng = stream(0, 0), np.random.default_rng(0)
    print(f"{'numbers':<22}{'median ns':>10}{'least ns':>10}{'NumPy / this':>14}")
    for dtype, many in ((np.float64, many64), (np.float32, many32)):
        for size in (4, 100, 1000, 10_000):
            out, times = np.empty(size, dtype), NUMBERS // 4 // size
            numbers = size * times
            median, least = nanoseconds(lambda m=many, o=out, t=times: m(state, o, t), numbers)
            whole = np.empty(numbers, dtype)
            _, numpys = nanoseconds(lambda w=whole, d=dtype: rng.standard_normal(dtype=d, out=w), numbers)
            print(
                f"{np.dtype(dtype).name + f', {size} a call':<22}{median:>10.2f}{least:>10.2f}{numpys / least:>14.1f}"
            )
    for name, one in (("one normal a call", singles), ("one uniform a call", uniforms)):
        median, least = nanoseconds(lambda o=one: o(state, NUMBERS // 4), NUMBERS // 4)
        print(f"{name:<22}{median:>10.2f}{least:>10.2f}")


if __name__ == "__main__":
    main()
