"""Pruning: how much of a student is needed, and which part.

Names are resolved on first use. Subsets of items that are diverse are drawn by determinantal point processes, with
NumPy and Numba alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "Kernel": "dpp.kernel",
    "as_masks": "dpp.sampling",
    "greedy_map": "dpp.greedy",
    "inclusion": "dpp.inclusion",
    "log_elementary": "dpp.elementary",
    "log_probability": "dpp.inclusion",
    "marginal_kernel": "dpp.inclusion",
    "pair_inclusion": "dpp.inclusion",
    "sample_dpp": "dpp.sampling",
    "sample_kdpp": "dpp.sampling",
}

__all__ = [
    "Kernel",
    "as_masks",
    "greedy_map",
    "inclusion",
    "log_elementary",
    "log_probability",
    "marginal_kernel",
    "pair_inclusion",
    "sample_dpp",
    "sample_kdpp",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.pruning' has no attribute '{name}'")
    return getattr(import_module(f"practicum.pruning.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
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
