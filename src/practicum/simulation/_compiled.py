"""How the kernels of random numbers and weights are compiled."""

from __future__ import annotations

from typing import Any

from numba import njit

# Without Numba's reference counting: its atomic increments, one a slice, would cost more than a short fill of normals.
# Such a kernel cannot allocate arrays, nor call one that does.
UNCOUNTED: Any = {"_nrt": False}

kernel = njit(cache=True, error_model="numpy", nogil=True, **UNCOUNTED)
"""A kernel that allocates nothing; every operation is rounded as IEEE 754 says."""

loop = njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz"}, **UNCOUNTED)
"""As `kernel`, for sums that may be reordered to run in vector registers."""
