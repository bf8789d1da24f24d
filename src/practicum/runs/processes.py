"""Other processes that compute: how many this machine has room for, and what they inherit."""

from __future__ import annotations

import os
import sys

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""By which BLAS, OpenMP and Numba are told how many threads to start."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, str]:
    """The environment of a process that can import what this one can, and computes with one thread.

    Two threads make small networks ten times slower where other processes want the processor too.
    """
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    return {**os.environ, **dict.fromkeys(THREAD_LIMITS, "1"), "PYTHONPATH": path}
