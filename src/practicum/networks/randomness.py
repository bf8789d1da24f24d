"""Where the random numbers of networks come from: NumPy's Philox, keyed by seed, purpose and counters.

A generator is made anew for each purpose and epoch instead of being carried along. So a resumed run draws what the
uninterrupted one drew, a seed draws the same alone as among others, and a CPU the same as a CUDA device.
"""

from __future__ import annotations

import numpy as np

from practicum.errors import ParameterError
from practicum.values import nearest, whole

_PURPOSES = ("teacher", "student", "inputs", "held-out", "batches", "noise", "tuning", "regime", "attack", "features")


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The generator of one seed for one purpose; equal arguments give equal numbers, others independent ones.

    Main arguments:
        seed: a whole number >= 0.
        purpose: "teacher", "student", "inputs", "held-out", "batches", "noise", "tuning", "regime", "attack"
            or "features".
        counters: whole numbers >= 0, such as the epoch.

    Raises:
        ParameterError: a number is negative or not whole, or the purpose is unknown.
    """
    if purpose not in _PURPOSES:
        raise ParameterError(
            f"There is no purpose '{purpose}'; there is {', '.join(_PURPOSES)}.{nearest(purpose, list(_PURPOSES))}"
        )
    # The number of counters is part of the key, since SeedSequence takes a trailing zero for nothing.
    key = [_PURPOSES.index(purpose), len(counters), *(whole("counter", c, 0) for c in counters)]
    entropy = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=tuple(key))
    return np.random.Generator(np.random.Philox(entropy))
