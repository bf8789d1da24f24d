"""Attacks: values that perturb inputs within a ball so that a student is wrong there, the teacher being the judge.

Names are resolved on first use; an attack can be written, checked and stored without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "APGD": "apgd",
    "Attack": "base",
    "Best": "_question",
    "FGSM": "pgd",
    "PGD": "pgd",
    "AttackValue": "kinds",
    "Attacked": "result",
    "RandomNoise": "pgd",
    "TargetedAPGD": "apgd",
    "Worst": "worst",
}

__all__ = ["APGD", "FGSM", "PGD", "Attack", "AttackValue", "Attacked", "Best", "RandomNoise", "TargetedAPGD", "Worst"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.robustness.attacks' has no attribute '{name}'")
    return getattr(import_module(f"practicum.robustness.attacks.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.robustness.attacks._question import Best as Best
    from practicum.robustness.attacks.apgd import APGD as APGD
    from practicum.robustness.attacks.apgd import TargetedAPGD as TargetedAPGD
    from practicum.robustness.attacks.base import Attack as Attack
    from practicum.robustness.attacks.kinds import AttackValue as AttackValue
    from practicum.robustness.attacks.pgd import FGSM as FGSM
    from practicum.robustness.attacks.pgd import PGD as PGD
    from practicum.robustness.attacks.pgd import RandomNoise as RandomNoise
    from practicum.robustness.attacks.result import Attacked as Attacked
    from practicum.robustness.attacks.worst import Worst as Worst
