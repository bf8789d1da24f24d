"""Selectors: values that say which nodes or edges of a layer stay, and the functions that ask them.

Names are resolved on first use; a selector can be written, checked and stored without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "DPP": "diverse",
    "GreedyMAP": "diverse",
    "Importance": "plain",
    "Items": "base",
    "Magnitude": "plain",
    "Random": "plain",
    "Selector": "base",
    "SelectorValue": "kinds",
    "SoftMagnitude": "plain",
    "select_edges": "edges",
    "select_nodes": "nodes",
}

__all__ = [
    "DPP",
    "GreedyMAP",
    "Importance",
    "Items",
    "Magnitude",
    "Random",
    "Selector",
    "SelectorValue",
    "SoftMagnitude",
    "select_edges",
    "select_nodes",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.pruning.select' has no attribute '{name}'")
    return getattr(import_module(f"practicum.pruning.select.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.pruning.select.base import Items as Items
    from practicum.pruning.select.base import Selector as Selector
    from practicum.pruning.select.diverse import DPP as DPP
    from practicum.pruning.select.diverse import GreedyMAP as GreedyMAP
    from practicum.pruning.select.edges import select_edges as select_edges
    from practicum.pruning.select.kinds import SelectorValue as SelectorValue
    from practicum.pruning.select.nodes import select_nodes as select_nodes
    from practicum.pruning.select.plain import Importance as Importance
    from practicum.pruning.select.plain import Magnitude as Magnitude
    from practicum.pruning.select.plain import Random as Random
    from practicum.pruning.select.plain import SoftMagnitude as SoftMagnitude
