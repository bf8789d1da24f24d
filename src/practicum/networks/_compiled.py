"""How the kernels of networks are compiled."""

from __future__ import annotations

from numba import njit

from practicum.theory._compiled import UNCOUNTED

loop = njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz"}, **UNCOUNTED)
"""A kernel that allocates nothing; its sums may be reordered to run in vector registers."""
