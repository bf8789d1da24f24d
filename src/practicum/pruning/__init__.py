"""Pruning: how much of a student is needed, and which part.

Names are resolved on first use. Diverse subsets of items are drawn by determinantal point processes, with NumPy and
Numba alone; selectors can be written, checked and stored without PyTorch, which networks need (extra ``networks``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "DPP": "select.diverse",
    "GreedyMAP": "select.diverse",
    "GreedyMAPImportance": "group_importance",
    "Importance": "select.plain",
    "Kept": "kept",
    "Kernel": "dpp.kernel",
    "Magnitude": "select.plain",
    "Random": "select.plain",
    "Reweighting": "reweighting",
    "Selector": "select.base",
    "SoftMagnitude": "select.plain",
    "as_masks": "dpp.sampling",
    "as_module": "sequential",
    "compact": "removal",
    "compare_counts": "accounting",
    "count": "accounting",
    "dpp_structured": "adapters",
    "dpp_unstructured": "adapters",
    "greedy_map": "dpp.greedy",
    "inclusion": "dpp.inclusion",
    "log_elementary": "dpp.elementary",
    "log_probability": "dpp.inclusion",
    "marginal_kernel": "dpp.inclusion",
    "masked": "masks",
    "pair_inclusion": "dpp.inclusion",
    "reweight": "reweighting",
    "sample_dpp": "dpp.sampling",
    "sample_kdpp": "dpp.sampling",
    "select_edges": "select.edges",
    "select_nodes": "select.nodes",
}

__all__ = [
    "DPP",
    "GreedyMAP",
    "GreedyMAPImportance",
    "Importance",
    "Kept",
    "Kernel",
    "Magnitude",
    "Random",
    "Reweighting",
    "Selector",
    "SoftMagnitude",
    "as_masks",
    "as_module",
    "compact",
    "compare_counts",
    "count",
    "dpp_structured",
    "dpp_unstructured",
    "greedy_map",
    "inclusion",
    "log_elementary",
    "log_probability",
    "marginal_kernel",
    "masked",
    "pair_inclusion",
    "reweight",
    "sample_dpp",
    "sample_kdpp",
    "select_edges",
    "select_nodes",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.pruning' has no attribute '{name}'")
    try:
        module = import_module(f"practicum.pruning.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        from practicum.networks._torch import missing

        raise missing(error) from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.pruning.accounting import compare_counts as compare_counts
    from practicum.pruning.accounting import count as count
    from practicum.pruning.adapters import dpp_structured as dpp_structured
    from practicum.pruning.adapters import dpp_unstructured as dpp_unstructured
    from practicum.pruning.dpp.elementary import log_elementary as log_elementary
    from practicum.pruning.dpp.greedy import greedy_map as greedy_map
    from practicum.pruning.dpp.inclusion import inclusion as inclusion
    from practicum.pruning.dpp.inclusion import log_probability as log_probability
    from practicum.pruning.dpp.inclusion import marginal_kernel as marginal_kernel
    from practicum.pruning.dpp.inclusion import pair_inclusion as pair_inclusion
    from practicum.pruning.dpp.kernel import Kernel as Kernel
    from practicum.pruning.dpp.sampling import as_masks as as_masks
    from practicum.pruning.dpp.sampling import sample_dpp as sample_dpp
    from practicum.pruning.dpp.sampling import sample_kdpp as sample_kdpp
    from practicum.pruning.group_importance import GreedyMAPImportance as GreedyMAPImportance
    from practicum.pruning.kept import Kept as Kept
    from practicum.pruning.masks import masked as masked
    from practicum.pruning.removal import compact as compact
    from practicum.pruning.reweighting import Reweighting as Reweighting
    from practicum.pruning.reweighting import reweight as reweight
    from practicum.pruning.select.base import Selector as Selector
    from practicum.pruning.select.diverse import DPP as DPP
    from practicum.pruning.select.diverse import GreedyMAP as GreedyMAP
    from practicum.pruning.select.edges import select_edges as select_edges
    from practicum.pruning.select.nodes import select_nodes as select_nodes
    from practicum.pruning.select.plain import Importance as Importance
    from practicum.pruning.select.plain import Magnitude as Magnitude
    from practicum.pruning.select.plain import Random as Random
    from practicum.pruning.select.plain import SoftMagnitude as SoftMagnitude
    from practicum.pruning.sequential import as_module as as_module
