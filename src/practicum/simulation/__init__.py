"""Learning at finite N: the order parameters themselves (:mod:`chain`), or the weights (:mod:`weights`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from practicum.simulation.dispatch import simulate as simulate
    from practicum.simulation.starts import Weights as Weights

__all__ = ["Weights", "simulate"]


def __getattr__(name: str) -> Any:
    # Lazy, so that a configuration can name a law of inputs without compiling a simulation.
    if name == "simulate":
        from practicum.simulation.dispatch import simulate

        return simulate
    if name == "Weights":
        from practicum.simulation.starts import Weights

        return Weights
    raise AttributeError(f"module 'practicum.simulation' has no attribute '{name}'")
