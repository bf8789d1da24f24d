"""Names that values, networks and their makers share; knows no torch, so that values can be written without it."""

from __future__ import annotations

from typing import Literal

Activation = Literal["relu", "leaky-relu", "erf", "linear"]
Normalisation = Literal["before", "after"]
