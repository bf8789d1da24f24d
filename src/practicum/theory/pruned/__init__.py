"""How much of a student is needed? The expected error of a pruned student, from its order parameters.

Pruning nodes keeps some of the overlaps, pruning edges shrinks them, and the error is that of what is left:
:func:`subset_error` of given nodes, :func:`inclusion_error` of any random law, :func:`node_error` and
:func:`edge_error` of a selector, with or without a refit of the fan-out. :func:`selector_errors` puts all of it side by
side, for one student or for a whole trajectory; :func:`copies` is the student that has closed forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "DppMoments": "edges",
    "Inclusion": "inclusion",
    "MagnitudeMoments": "edges",
    "copies": "copied",
    "copies_error": "copied",
    "copies_subset_error": "copied",
    "dpp_edges": "edges",
    "dpp_moments": "edges",
    "edge_error": "edges",
    "edge_parameters": "accounting",
    "edges_beat_nodes": "region",
    "importance_inclusion": "inclusion",
    "inclusion_error": "subsets",
    "kdpp_inclusion": "inclusion",
    "magnitude_edges": "edges",
    "magnitude_moments": "edges",
    "matching_edges": "accounting",
    "matching_fraction": "accounting",
    "node_error": "nodes",
    "node_kernel": "kernels",
    "node_parameters": "accounting",
    "random_edges": "edges",
    "refit_fan_out": "subsets",
    "selector_errors": "table",
    "subset_error": "subsets",
    "uniform_inclusion": "inclusion",
}

__all__ = [
    "DppMoments",
    "Inclusion",
    "MagnitudeMoments",
    "copies",
    "copies_error",
    "copies_subset_error",
    "dpp_edges",
    "dpp_moments",
    "edge_error",
    "edge_parameters",
    "edges_beat_nodes",
    "importance_inclusion",
    "inclusion_error",
    "kdpp_inclusion",
    "magnitude_edges",
    "magnitude_moments",
    "matching_edges",
    "matching_fraction",
    "node_error",
    "node_kernel",
    "node_parameters",
    "random_edges",
    "refit_fan_out",
    "selector_errors",
    "subset_error",
    "uniform_inclusion",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.pruned' has no attribute '{name}'")
    return getattr(import_module(f"practicum.theory.pruned.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.theory.pruned.accounting import edge_parameters as edge_parameters
    from practicum.theory.pruned.accounting import matching_edges as matching_edges
    from practicum.theory.pruned.accounting import matching_fraction as matching_fraction
    from practicum.theory.pruned.accounting import node_parameters as node_parameters
    from practicum.theory.pruned.copied import copies as copies
    from practicum.theory.pruned.copied import copies_error as copies_error
    from practicum.theory.pruned.copied import copies_subset_error as copies_subset_error
    from practicum.theory.pruned.edges import DppMoments as DppMoments
    from practicum.theory.pruned.edges import MagnitudeMoments as MagnitudeMoments
    from practicum.theory.pruned.edges import dpp_edges as dpp_edges
    from practicum.theory.pruned.edges import dpp_moments as dpp_moments
    from practicum.theory.pruned.edges import edge_error as edge_error
    from practicum.theory.pruned.edges import magnitude_edges as magnitude_edges
    from practicum.theory.pruned.edges import magnitude_moments as magnitude_moments
    from practicum.theory.pruned.edges import random_edges as random_edges
    from practicum.theory.pruned.inclusion import Inclusion as Inclusion
    from practicum.theory.pruned.inclusion import importance_inclusion as importance_inclusion
    from practicum.theory.pruned.inclusion import kdpp_inclusion as kdpp_inclusion
    from practicum.theory.pruned.inclusion import uniform_inclusion as uniform_inclusion
    from practicum.theory.pruned.kernels import node_kernel as node_kernel
    from practicum.theory.pruned.nodes import node_error as node_error
    from practicum.theory.pruned.region import edges_beat_nodes as edges_beat_nodes
    from practicum.theory.pruned.subsets import inclusion_error as inclusion_error
    from practicum.theory.pruned.subsets import refit_fan_out as refit_fan_out
    from practicum.theory.pruned.subsets import subset_error as subset_error
    from practicum.theory.pruned.table import selector_errors as selector_errors
