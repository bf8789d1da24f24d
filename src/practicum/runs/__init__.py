"""Runs: a resolved configuration becomes one verified file, and the same configuration finds it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "Agreement": "checking",
    "RunConfig": "config",
    "SimulateConfig": "config",
    "SolveConfig": "config",
    "Store": "store",
    "StudyConfig": "config",
    "TrainConfig": "training",
    "check": "checking",
    "check_all": "checking",
    "config_from_json": "config",
    "load_network": "checkpoints",
    "load_pruned": "pruned",
    "run_all": "parallel",
    "save_network": "checkpoints",
    "save_pruned": "pruned",
}

__all__ = [
    "Agreement",
    "RunConfig",
    "SimulateConfig",
    "SolveConfig",
    "Store",
    "StudyConfig",
    "TrainConfig",
    "check",
    "check_all",
    "config_from_json",
    "load_network",
    "load_pruned",
    "run_all",
    "save_network",
    "save_pruned",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.runs' has no attribute '{name}'")
    return getattr(import_module(f"practicum.runs.{_HOMES[name]}"), name)


if TYPE_CHECKING:
    from practicum.runs.checking import Agreement as Agreement
    from practicum.runs.checking import check as check
    from practicum.runs.checking import check_all as check_all
    from practicum.runs.checkpoints import load_network as load_network
    from practicum.runs.checkpoints import save_network as save_network
    from practicum.runs.config import RunConfig as RunConfig
    from practicum.runs.config import SimulateConfig as SimulateConfig
    from practicum.runs.config import SolveConfig as SolveConfig
    from practicum.runs.config import StudyConfig as StudyConfig
    from practicum.runs.config import config_from_json as config_from_json
    from practicum.runs.parallel import run_all as run_all
    from practicum.runs.pruned import load_pruned as load_pruned
    from practicum.runs.pruned import save_pruned as save_pruned
    from practicum.runs.store import Store as Store
    from practicum.runs.training import TrainConfig as TrainConfig
