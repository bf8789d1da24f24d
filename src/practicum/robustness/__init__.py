"""Robustness: attacks with the teacher as oracle, training regimes, robust errors (extra ``networks``).

Names are resolved on first use. Attacks and regimes are values that can be written, checked and stored without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "APGD": "attacks",
    "AdversarialTraining": "regimes",
    "Attacked": "attacks",
    "CCAT": "regimes",
    "FGSM": "attacks",
    "NoiseAugmentation": "regimes",
    "PGD": "attacks",
    "RandomNoise": "attacks",
    "Standard": "regimes",
    "TRADES": "regimes",
    "TargetedAPGD": "attacks",
    "Worst": "attacks",
    "feature_dataset": "features",
    "invert_features": "features",
}

__all__ = [
    "APGD",
    "CCAT",
    "FGSM",
    "PGD",
    "TRADES",
    "AdversarialTraining",
    "Attacked",
    "NoiseAugmentation",
    "RandomNoise",
    "Standard",
    "TargetedAPGD",
    "Worst",
    "feature_dataset",
    "invert_features",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.robustness' has no attribute '{name}'")
    return getattr(import_module(f"practicum.robustness.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.robustness.attacks import APGD as APGD
    from practicum.robustness.attacks import FGSM as FGSM
    from practicum.robustness.attacks import PGD as PGD
    from practicum.robustness.attacks import Attacked as Attacked
    from practicum.robustness.attacks import RandomNoise as RandomNoise
    from practicum.robustness.attacks import TargetedAPGD as TargetedAPGD
    from practicum.robustness.attacks import Worst as Worst
    from practicum.robustness.features import feature_dataset as feature_dataset
    from practicum.robustness.features import invert_features as invert_features
    from practicum.robustness.regimes import CCAT as CCAT
    from practicum.robustness.regimes import TRADES as TRADES
    from practicum.robustness.regimes import AdversarialTraining as AdversarialTraining
    from practicum.robustness.regimes import NoiseAugmentation as NoiseAugmentation
    from practicum.robustness.regimes import Standard as Standard
