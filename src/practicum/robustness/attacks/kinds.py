"""The type of a field that holds any attack that can be stored."""

from __future__ import annotations

from typing import Annotated

from practicum.networks._described import by_kind
from practicum.robustness.attacks.apgd import APGD, TargetedAPGD
from practicum.robustness.attacks.pgd import FGSM, PGD, RandomNoise
from practicum.robustness.attacks.worst import Worst

KINDS = (PGD, FGSM, RandomNoise, APGD, TargetedAPGD, Worst)

AttackValue = Annotated[
    PGD | FGSM | RandomNoise | APGD | TargetedAPGD | Worst,
    by_kind("An attack", *KINDS),
]
