"""Names of norms and losses; knows no torch, so that attacks can be written without it."""

from __future__ import annotations

from typing import Literal

Norm = Literal["linf", "l2"]
LossName = Literal["cross-entropy", "margin", "dlr", "confidence", "kl", "mse"]

CLASSES: dict[str, int] = {"cross-entropy": 2, "margin": 2, "dlr": 3, "confidence": 2, "kl": 2, "mse": 1}
"""How many outputs each loss needs."""
