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
    "InsideOutside": "observers",
    "NoiseAugmentation": "regimes",
    "PGD": "attacks",
    "RandomNoise": "attacks",
    "Standard": "regimes",
    "TRADES": "regimes",
    "TargetedAPGD": "attacks",
    "Worst": "attacks",
    "bootstrap_correlation": "bootstrap",
    "bootstrap_interval": "bootstrap",
    "confidence_errors": "confidence",
    "confidence_threshold": "confidence",
    "confidence_thresholded_error": "confidence",
    "feature_dataset": "features",
    "invert_features": "features",
    "median_minimal_epsilon": "curves",
    "minimal_epsilon": "curves",
    "on_three_laws": "resemblance",
    "robust_errors": "errors",
    "robustness_curve": "curves",
}

__all__ = [
    "APGD",
    "CCAT",
    "FGSM",
    "PGD",
    "TRADES",
    "AdversarialTraining",
    "Attacked",
    "InsideOutside",
    "NoiseAugmentation",
    "RandomNoise",
    "Standard",
    "TargetedAPGD",
    "Worst",
    "bootstrap_correlation",
    "bootstrap_interval",
    "confidence_errors",
    "confidence_threshold",
    "confidence_thresholded_error",
    "feature_dataset",
    "invert_features",
    "median_minimal_epsilon",
    "minimal_epsilon",
    "on_three_laws",
    "robust_errors",
    "robustness_curve",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.robustness' has no attribute '{name}'")
    try:
        module = import_module(f"practicum.robustness.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        from practicum.networks._torch import missing

        raise missing(error) from None
    return getattr(module, name)


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
    from practicum.robustness.bootstrap import bootstrap_correlation as bootstrap_correlation
    from practicum.robustness.bootstrap import bootstrap_interval as bootstrap_interval
    from practicum.robustness.confidence import confidence_errors as confidence_errors
    from practicum.robustness.confidence import confidence_threshold as confidence_threshold
    from practicum.robustness.confidence import confidence_thresholded_error as confidence_thresholded_error
    from practicum.robustness.curves import median_minimal_epsilon as median_minimal_epsilon
    from practicum.robustness.curves import minimal_epsilon as minimal_epsilon
    from practicum.robustness.curves import robustness_curve as robustness_curve
    from practicum.robustness.errors import robust_errors as robust_errors
    from practicum.robustness.features import feature_dataset as feature_dataset
    from practicum.robustness.features import invert_features as invert_features
    from practicum.robustness.observers import InsideOutside as InsideOutside
    from practicum.robustness.regimes import CCAT as CCAT
    from practicum.robustness.regimes import TRADES as TRADES
    from practicum.robustness.regimes import AdversarialTraining as AdversarialTraining
    from practicum.robustness.regimes import NoiseAugmentation as NoiseAugmentation
    from practicum.robustness.regimes import Standard as Standard
    from practicum.robustness.resemblance import on_three_laws as on_three_laws
