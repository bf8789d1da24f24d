"""Random rows of {-1, -3/4, ..., 3/4, 1} of which no two are alike."""

from __future__ import annotations

import numpy as np

from practicum.errors import ParameterError


def room(columns: int, *, directions: bool = False) -> int:
    """How many rows there are: 9^n - 1 without zero, or 9^n - 5^n - 3^n + 1 directions.

    Each direction has one row of the integers -4 ... 4 without a common divisor; rows all divisible by 2 (5^n) or by 3
    (3^n) are multiples of others, and zero, which is in both, is none.
    """
    return 9**columns - 5**columns - 3**columns + 1 if directions else 9**columns - 1


def check_room(what: str, rows: int, columns: int, *, directions: bool = False) -> None:
    """One sentence if `rows` rows of `columns` entries cannot all differ."""
    # 9^9 is far beyond any network, and larger powers are slow to print.
    if columns < 10 and rows > (most := room(columns, directions=directions)):
        raise ParameterError(
            f"Above {columns} input(s) or node(s) a teacher can have at most {most} {what}, because no two may have "
            f"the same weights, of nine values. Got {rows}; take fewer, or widen the layer below."
        )


def separated(rng: np.random.Generator, rows: int, columns: int, *, directions: bool = False) -> np.ndarray:
    """Rows (rows, columns) with entries uniform on the nine values, none zero and none twice.

    With `directions`, no row is a positive multiple of another either, so that they still differ once scaled.
    """
    found: dict[bytes, np.ndarray] = {}
    while len(found) < rows:
        row = rng.integers(-4, 5, columns)
        if row.any():
            key = row // np.gcd.reduce(row) if directions else row
            found.setdefault(key.tobytes(), row)
    return np.stack(list(found.values())) / 4
