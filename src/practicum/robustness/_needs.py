"""How many bytes attacks take at their peak, from the sizes that are asked for; in whole numbers.

Compared with measured peaks in ``tests/robustness/test_needs.py``.
"""

from __future__ import annotations

NUMBERS = 2**25
"""Numbers in the perturbed inputs of a robust error that are in memory at a time."""
_SEARCHED, _ATTACKED = 5, 4
"""Copies of perturbed inputs: while the worst are found of several, and of an attack alone."""


def attack(epsilons: int, seeds: int, samples: int, inputs: int, *, itemsize: int) -> int:
    """Of one attack, which returns the perturbed inputs of all radii."""
    return _ATTACKED * itemsize * epsilons * seeds * samples * inputs


def errors(epsilons: int, seeds: int, samples: int, inputs: int, *, itemsize: int, kept: int) -> int:
    """Of robust errors, some inputs at a time.

    Main arguments:
        kept: how many of the errors keep their worst inputs, in float64.
    """
    each = epsilons * seeds * inputs
    block = min(each * samples, max(NUMBERS, each))
    whole = (16 + 8 * kept) * each * samples if kept else 0
    return max(_SEARCHED * itemsize * block, whole) + itemsize * seeds * samples * inputs
