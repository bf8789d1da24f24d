"""How kernels that allocate nothing are compiled."""

from __future__ import annotations

from typing import Any

# Without Numba's reference counting: its atomic increments, one an array, cost as much as a small right-hand side.
# Such a kernel cannot allocate arrays, nor call one that does.
UNCOUNTED: Any = {"_nrt": False}
