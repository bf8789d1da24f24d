"""Matrix products inside kernels against NumPy's."""

import numpy as np
import pytest

from practicum.networks._blas import multiply, passed
from practicum.networks._compiled import loop


@loop
def product(room, rows, columns, inner, alpha, A, a, A_row, A_turned, B, b, B_row, B_turned, beta, C, c, C_row):
    multiply(room, rows, columns, inner, alpha, A, a, A_row, A_turned, B, b, B_row, B_turned, beta, C, c, C_row)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-14), (np.float32, 1e-5)])
@pytest.mark.parametrize("A_turned", [0, 1])
@pytest.mark.parametrize("B_turned", [0, 1])
def test_products_of_parts_of_flat_arrays(dtype, tolerance, A_turned, B_turned):
    """Rows longer than what is used of them, parts that begin anywhere, and nothing else is touched."""
    rng = np.random.default_rng(0)
    rows, columns, inner = 5, 7, 3
    A, B, C = (rng.standard_normal((12, 11)).astype(dtype) for _ in range(3))
    left = A[2 : 2 + (inner if A_turned else rows), 1 : 1 + (rows if A_turned else inner)]
    right = B[1 : 1 + (columns if B_turned else inner), 2 : 2 + (inner if B_turned else columns)]
    left, right = (m.T if turned else m for m, turned in ((left, A_turned), (right, B_turned)))
    for alpha, beta in ((1.0, 0.0), (-0.5, 1.0), (2.0, 0.3)):
        wanted = C.copy()
        wanted[3 : 3 + rows, 4 : 4 + columns] = alpha * left @ right + beta * C[3 : 3 + rows, 4 : 4 + columns]
        flat = C.copy().ravel()
        first, second = (A.ravel(), 23, 11, A_turned), (B.ravel(), 13, 11, B_turned)
        product(passed(dtype), rows, columns, inner, alpha, *first, *second, beta, flat, 37, 11)
        assert np.abs(flat.reshape(12, 11) - wanted).max() < tolerance


def test_what_is_overwritten_may_be_no_number():
    C = np.full(4, np.nan)
    product(passed(np.float64), 2, 2, 2, 1.0, np.ones(4), 0, 2, 0, np.ones(4), 0, 2, 0, 0.0, C, 0, 2)
    assert (C == 2).all()
