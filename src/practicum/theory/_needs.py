"""How many bytes the theory takes at its peak, from the sizes that are asked for; in whole numbers.

Compared with measured peaks in ``tests/theory/test_needs.py``.
"""

from __future__ import annotations

_DOUBLE = 8


def random_start(students: int, teachers: int) -> int:
    """Of overlaps that are drawn and checked: the joint matrix, its transpose, and its eigenvalues."""
    K, F = students, students + teachers
    return _DOUBLE * (4 * F * F + 2 * K * K)


def solution(students: int, teachers: int, save_at: int) -> int:
    """Of a trajectory: packed states, of which R is a view, and Q, v and the error unpacked."""
    K, n = students, _state(students, teachers)
    return _DOUBLE * (save_at * (n + K * K + K + 1) + _work(students, teachers))


def grid(students: int, teachers: int, save_at: int, cells: int) -> int:
    """Of many trajectories, which are stacked before they are unpacked."""
    K, n = students, _state(students, teachers)
    return _DOUBLE * (cells * save_at * (2 * n + K * K + K + 1) + _work(students, teachers))


def implicit(students: int, teachers: int, save_at: int) -> int:
    """Of SciPy's implicit integrators: a Jacobian and its factors, and the points once more."""
    n = _state(students, teachers)
    return _DOUBLE * (4 * n * n + 2 * save_at * n)


def block_solution(students: int, teachers: int, save_at: int) -> int:
    """Of a trajectory in two blocks of inputs: overlaps of each and of both, and four tables of all fields."""
    K, M, F = students, teachers, students + teachers
    half = K * (K + 1) // 2 + K * M
    each = (2 * half + K) + (half + K) + 3 * (K * K + K * M) + 4 * F * F + 3
    return _DOUBLE * (save_at * each + 2 * _work(students, teachers))


def _state(K: int, M: int) -> int:
    """Length of the packed state, as :func:`practicum.theory._derivative.state_size`, which would load Numba."""
    return K * (K + 1) // 2 + K * M + K


def _work(K: int, M: int) -> int:
    """Doubles of the integrator's stages, and of the tables of one right-hand side."""
    return 16 * _state(K, M) + 6 * (K + M) ** 2
