"""Runs: a resolved configuration becomes one verified file, and the same configuration finds it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "RunConfig": "config",
    "SimulateConfig": "config",
    "SolveConfig": "config",
    "Store": "store",
    "StudyConfig": "config",
    "config_from_json": "config",
}

__all__ = ["RunConfig", "SimulateConfig", "SolveConfig", "Store", "StudyConfig", "config_from_json"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.runs' has no attribute '{name}'")
    return getattr(import_module(f"practicum.runs.{_HOMES[name]}"), name)


if TYPE_CHECKING:
    from practicum.runs.config import RunConfig as RunConfig
    from practicum.runs.config import SimulateConfig as SimulateConfig
    from practicum.runs.config import SolveConfig as SolveConfig
    from practicum.runs.config import StudyConfig as StudyConfig
    from practicum.runs.config import config_from_json as config_from_json
    from practicum.runs.store import Store as Store
