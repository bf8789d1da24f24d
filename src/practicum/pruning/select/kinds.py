"""The type of a field that holds any selector that can be stored."""

from __future__ import annotations

from typing import Annotated

from practicum.networks._described import by_kind
from practicum.pruning.select.diverse import DPP, GreedyMAP
from practicum.pruning.select.plain import Importance, Magnitude, Random, SoftMagnitude

SelectorValue = Annotated[
    Random | Magnitude | Importance | SoftMagnitude | DPP | GreedyMAP,
    by_kind("A selector", Random, Magnitude, Importance, SoftMagnitude, DPP, GreedyMAP),
]
