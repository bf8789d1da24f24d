"""The rank of the winner: was it decided at the start which student learns which teacher node?"""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.errors import ParameterError
from practicum.specialization.matching import checked_rho

UNRANKED = int(np.iinfo(np.uint16).max)


def ranks(rho: Any) -> np.ndarray:
    """The rank of student k among all students by rho_jk, 0 for the largest: uint16, same shape (..., m, n).

    Students of equal correlation share the middle of their ranks, rounded down, so that of many dead students (rho = 0)
    none is lucky. A row that holds NaN has the rank 65535 throughout.

    Two bytes an entry are what a run keeps in order to know, once it is over, how its winners began.

    Raises:
        ParameterError: there are 65535 students or more.
    """
    from scipy.stats import rankdata

    rho = checked_rho(rho)
    if rho.shape[-1] >= UNRANKED:
        raise ParameterError(f"Ranks of at most {UNRANKED - 1} students can be kept. Got {rho.shape[-1]} instead.")
    known = np.isfinite(rho).all(axis=-1, keepdims=True)
    places = rankdata(np.where(known, -rho, 0.0), axis=-1) - 1
    return np.where(known, np.floor(places), UNRANKED).astype(np.uint16)


def winners(final_ranks: Any) -> np.ndarray:
    """k*(j) = argmax_k rho_jk at the end of training, from the ranks there; -1 for a node without ranks.

    Shape (..., m) from (..., m, n).
    """
    final = np.asarray(final_ranks)
    return np.where(final.min(axis=-1) == UNRANKED, -1, final.argmin(axis=-1))


def winner_rank(ranks_over_time: Any, students: Any = None) -> np.ndarray:
    """r_j(t): the rank at time t of the student that wins teacher node j in the end, in % of the number of students.

    0 is the best place and says that the winner was ahead already; winners that the start does not favour are at
    50 - 50 / n on average, n the number of students. The winner is the best student at the last time given.

    Main arguments:
        ranks_over_time: (time, ..., m, n), of :func:`ranks`.

    Other arguments:
        students: their number, if not n, as where layers of different widths are padded; broadcasts to (..., m).

    Returns shape (time, ..., m), NaN where there is no winner, or no rank at that time.

    Raises:
        ParameterError: no whole numbers, or fewer than three axes.

    Source: Tian et al., "Luck Matters: Understanding Training Dynamics of Deep ReLU Networks", arXiv:1905.13405.
    """
    values = np.asarray(ranks_over_time)
    if values.ndim < 3 or 0 in values.shape or values.dtype.kind not in "iu":
        raise ParameterError(
            "Ranks over time must be whole numbers of shape (time, ..., m, n), at least one. Got "
            f"{values.dtype} of shape {values.shape} instead; ranks(rho) makes them of correlations."
        )
    final = winners(values[-1])
    place = np.maximum(final, 0)[None, ..., None]
    chosen = np.take_along_axis(values, np.broadcast_to(place, (*values.shape[:-1], 1)), axis=-1)[..., 0]
    number = np.asarray(values.shape[-1] if students is None else students, dtype=float)
    return np.where((chosen == UNRANKED) | (final < 0), np.nan, 100.0 * chosen / number)
