"""Processor time of a call, many times over: the median, and the least, which a busy machine disturbs less."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def seconds(call: Callable[[], Any], repetitions: int = 30) -> tuple[float, float]:
    """(median, least) seconds of processor time of this process, after one call that does not count."""
    call()
    taken = []
    for _ in range(repetitions):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return float(np.median(taken)), min(taken)
