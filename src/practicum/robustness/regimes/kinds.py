"""The type of a field that holds any regime that can be stored."""

from __future__ import annotations

from typing import Annotated

from practicum.networks._described import by_kind
from practicum.robustness.regimes.adversarial import AdversarialTraining
from practicum.robustness.regimes.ccat import CCAT
from practicum.robustness.regimes.noise import NoiseAugmentation
from practicum.robustness.regimes.standard import Standard
from practicum.robustness.regimes.trades import TRADES

KINDS = (Standard, AdversarialTraining, TRADES, CCAT, NoiseAugmentation)

RegimeValue = Annotated[Standard | AdversarialTraining | TRADES | CCAT | NoiseAugmentation, by_kind("A regime", *KINDS)]
