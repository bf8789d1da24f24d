"""Regimes: values that change every batch of a training.

They are what ``practicum.networks.fit`` and ``practicum.train`` take as `regime`. Names are resolved on first use; a
regime can be written, checked and stored without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "AdversarialTraining": "adversarial",
    "CCAT": "ccat",
    "NoiseAugmentation": "noise",
    "RegimeValue": "kinds",
    "Standard": "standard",
    "TRADES": "trades",
}

__all__ = ["CCAT", "TRADES", "AdversarialTraining", "NoiseAugmentation", "RegimeValue", "Standard"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.robustness.regimes' has no attribute '{name}'")
    return getattr(import_module(f"practicum.robustness.regimes.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.robustness.regimes.adversarial import AdversarialTraining as AdversarialTraining
    from practicum.robustness.regimes.ccat import CCAT as CCAT
    from practicum.robustness.regimes.kinds import RegimeValue as RegimeValue
    from practicum.robustness.regimes.noise import NoiseAugmentation as NoiseAugmentation
    from practicum.robustness.regimes.standard import Standard as Standard
    from practicum.robustness.regimes.trades import TRADES as TRADES
