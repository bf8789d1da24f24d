"""practicum: a laboratory for teacher-student learning.

Theory (N -> infinity), exact simulation at any N, and the claims of the field's papers, measured.
Names are resolved on first use, so that ``import practicum`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "BlockIsotropic": "practicum.simulation.inputs",
    "Committee": "practicum.theory.machines",
    "LearningRule": "practicum.theory.machines",
    "OrderParameters": "practicum.theory.overlaps",
    "ParameterError": "practicum.errors",
    "PracticumError": "practicum.errors",
    "StorageError": "practicum.errors",
    "cite": "practicum.citations",
    "reproduce": "practicum.studies",
    "simulate": "practicum.simulation",
    "solve": "practicum.theory.flow",
    "solve_grid": "practicum.theory.flow",
    "sweep": "practicum.runs.sweeps.sweeping",
    "train": "practicum.specialization.learning",
}
_MODULES = {
    "data": "practicum.data",
    "figures": "practicum.figures",
    "integrals": "practicum.theory.integrals",
    "networks": "practicum.networks",
    "phases": "practicum.theory.phases",
    "pruned": "practicum.theory.pruned",
    "pruning": "practicum.pruning",
    "robustness": "practicum.robustness",
    "specialization": "practicum.specialization",
    "subspace": "practicum.theory.subspace",
}

__all__ = ["__version__", *sorted([*_HOMES, *_MODULES])]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'practicum' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})


if TYPE_CHECKING:
    from practicum import data as data
    from practicum import figures as figures
    from practicum import networks as networks
    from practicum import pruning as pruning
    from practicum import robustness as robustness
    from practicum import specialization as specialization
    from practicum.citations import cite as cite
    from practicum.errors import ParameterError as ParameterError
    from practicum.errors import PracticumError as PracticumError
    from practicum.errors import StorageError as StorageError
    from practicum.runs.sweeps.sweeping import sweep as sweep
    from practicum.simulation import simulate as simulate
    from practicum.simulation.inputs import BlockIsotropic as BlockIsotropic
    from practicum.specialization.learning import train as train
    from practicum.studies import reproduce as reproduce
    from practicum.theory import integrals as integrals
    from practicum.theory import phases as phases
    from practicum.theory import pruned as pruned
    from practicum.theory import subspace as subspace
    from practicum.theory.flow import solve as solve
    from practicum.theory.flow import solve_grid as solve_grid
    from practicum.theory.machines import Committee as Committee
    from practicum.theory.machines import LearningRule as LearningRule
    from practicum.theory.overlaps import OrderParameters as OrderParameters
