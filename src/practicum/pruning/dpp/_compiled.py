"""How the kernels of determinantal point processes are compiled."""

from __future__ import annotations

from numba import njit

from practicum.theory._compiled import UNCOUNTED

kernel = njit(cache=True, error_model="numpy", nogil=True, **UNCOUNTED)
"""A kernel that allocates nothing; every operation is rounded as IEEE 754 says."""

loop = njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz"}, **UNCOUNTED)
"""As `kernel`, for sums that may be reordered to run in vector registers."""
