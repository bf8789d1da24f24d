"""Elementary symmetric polynomials as mantissas and exponents of two."""

from __future__ import annotations

import math

from practicum.pruning.dpp._compiled import kernel


@kernel
def multiply_out(values, mantissas, exponents):
    """``e_m = mantissas[m] 2^exponents[m]``: the coefficients of ``prod (1 + value x)``, factor by factor."""
    mantissas[:] = 0.0
    exponents[:] = 0
    mantissas[0] = 1.0
    for n in range(values.size):
        factor, power = math.frexp(values[n])
        for m in range(min(n + 1, mantissas.size - 1), 0, -1):
            total, exponent = factor * mantissas[m - 1], power + exponents[m - 1]
            if total == 0.0:
                continue
            if mantissas[m] > 0.0:
                shift = exponent - exponents[m]
                if shift > 0:
                    total += math.ldexp(mantissas[m], -shift)
                else:
                    total = mantissas[m] + math.ldexp(total, shift)
                    exponent = exponents[m]
            mantissas[m], carry = math.frexp(total)
            exponents[m] = exponent + carry
