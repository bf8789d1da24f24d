"""BLAS inside compiled kernels, with the factors that ``np.dot`` does not have.

The addresses of its functions are public in ``scipy.linalg.cython_blas``. They get names when this module is imported,
so that compiled code, which is kept on disk, finds them again in the next process.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic, overload

from practicum.theory._compiled import UNCOUNTED


def _named(name: str) -> types.ExternalFunction:
    symbol = f"practicum_{name}"
    llvmlite.binding.add_symbol(symbol, get_cython_function_address("scipy.linalg.cython_blas", name))
    return types.ExternalFunction(symbol, types.void(*[types.voidptr] * 13))


_single, _double = _named("sgemm"), _named("dgemm")


def _address(context, array, index):
    """The address of an entry of a contiguous array."""

    def generate(context, builder, signature, arguments):
        values = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.bitcast(builder.gep(values.data, [arguments[1]]), cgutils.voidptr_t)

    return types.voidptr(array, types.intp), generate


_at: Any = intrinsic(_address)


def passed(dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What :func:`multiply` hands its numbers to BLAS in; one a thread."""
    return np.frombuffer(b"NT", np.uint8).copy(), np.zeros(6, np.int32), np.zeros(2, dtype)


def multiply(passed, rows, columns, inner, alpha, A, a, A_row, A_turned, B, b, B_row, B_turned, beta, C, c, C_row):
    """``C <- alpha A B + beta C``, (rows, columns) from (rows, inner) and (inner, columns); beta = 0 overwrites C.

    A, B and C lie row by row in flat arrays, from the entries a, b and c on, and a row begins A_row, B_row or C_row
    entries after the one before. An array that is `turned` (1, else 0) holds the transpose of its matrix.
    """


@overload(multiply, jit_options=UNCOUNTED)
def _multiply(passed, rows, columns, inner, alpha, A, a, A_row, A_turned, B, b, B_row, B_turned, beta, C, c, C_row):
    gemm = _single if A.dtype == types.float32 else _double

    def called(passed, rows, columns, inner, alpha, A, a, A_row, A_turned, B, b, B_row, B_turned, beta, C, c, C_row):
        letters, numbers, factors = passed
        numbers[0], numbers[1], numbers[2] = columns, rows, inner
        numbers[3], numbers[4], numbers[5] = B_row, A_row, C_row
        factors[0], factors[1] = alpha, beta
        # BLAS counts column by column: for it the arrays hold C^T = B^T A^T.
        gemm(
            _at(letters, B_turned),
            _at(letters, A_turned),
            _at(numbers, 0),
            _at(numbers, 1),
            _at(numbers, 2),
            _at(factors, 0),
            _at(B, b),
            _at(numbers, 3),
            _at(A, a),
            _at(numbers, 4),
            _at(factors, 1),
            _at(C, c),
            _at(numbers, 5),
        )

    return called
