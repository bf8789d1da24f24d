"""Robustness: attacks with the teacher as oracle, training regimes, robust errors (extra ``networks``).

Names are resolved on first use. Attacks and regimes are values that can be written, checked and stored without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "APGD": "attacks",
    "FGSM": "attacks",
    "PGD": "attacks",
    "Attacked": "attacks",
    "RandomNoise": "attacks",
    "TargetedAPGD": "attacks",
    "Worst": "attacks",
}

__all__ = ["APGD", "FGSM", "PGD", "Attacked", "RandomNoise", "TargetedAPGD", "Worst"]


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
