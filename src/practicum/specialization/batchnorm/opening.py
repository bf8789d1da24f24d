"""Whatever a report can be asked for: its BatchNorms, and where they stand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from practicum.disk.paths import expanded
from practicum.errors import ParameterError
from practicum.specialization.batchnorm.naming import UNKNOWN, Finding, by_name
from practicum.specialization.batchnorm.norms import Norm, norms, prefixes
from practicum.specialization.batchnorm.reading import State, read, state_of
from practicum.values import nearest

Places = dict[str, Finding]


def opened(source: Any, inputs: Any, key: str | None) -> tuple[str, list[Norm], Places]:
    """What to call the source, its BatchNorms, and their positions with the evidence."""
    if isinstance(source, Mapping):
        return _stated(state_of(source, "the state dict"), "state dict")
    if hasattr(source, "state_dict") and hasattr(source, "named_modules"):
        return _built(source, inputs)
    if not isinstance(source, (str, os.PathLike)):
        raise ParameterError(
            "The 'source' parameter of report must be a file, the name of a checkpoint, a module or a state dict. Got "
            f"{type(source).__name__} instead."
        )
    return _stated(read(_path(source), lambda state: bool(prefixes(state)), key), os.fspath(source))


def _path(source: str | os.PathLike[str]) -> Path:
    path = expanded(source)
    if path.exists() or not isinstance(source, str):
        return path
    from practicum.data.checkpoints import NAMED, fetch

    if source in NAMED:
        return fetch(source)
    if path.suffix or len(path.parts) > 1:
        return path  # and the sentence about a missing file
    raise ParameterError(
        f"There is neither a file nor a known checkpoint {source!r:.60}; known are {', '.join(NAMED)}."
        f"{nearest(source, list(NAMED))}"
    )


def _stated(state: State, origin: str) -> tuple[str, list[Norm], Places]:
    found = norms(state)
    return origin, found, by_name(state, found)


def _built(module: Any, inputs: Any) -> tuple[str, list[Norm], Places]:
    """A module; of an Ensemble the networks are taken side by side, as its seeds."""
    from practicum.networks.ensemble import Ensemble
    from practicum.specialization.batchnorm.tracing import by_tracing

    origin = type(module).__name__
    networks = list(module.networks) if isinstance(module, Ensemble) else [module]
    each = []
    for network in networks:
        state = state_of(_with_statistics(network), f"the module {origin}")
        each.append(norms(state))
    found = [
        Norm(same[0].name, *(np.concatenate([getattr(n, part) for n in same]) for part in ("gamma", "beta", "mean")))
        for same in zip(*each)
    ]
    places = by_name(state, found)
    traced = by_tracing(networks[0], inputs)
    for name in places.keys() & traced.keys():
        position = traced[name]
        if position != UNKNOWN:
            places[name] = (position, "traced")
        elif places[name][1] != "running mean":  # the one trace that does not depend on how modules are called
            places[name] = (UNKNOWN, "")
    return origin, found, places


def _with_statistics(network: Any) -> dict[str, Any]:
    """The state dict; a BatchNorm without running statistics gets those of the start, which are no evidence."""
    from torch.nn.modules.batchnorm import _BatchNorm

    state = dict(network.state_dict())
    for name, part in network.named_modules():
        if isinstance(part, _BatchNorm) and part.affine and part.running_mean is None:
            for statistic in ("running_mean", "running_var"):
                state[f"{name}.{statistic}".lstrip(".")] = part.bias.detach() * 0
    return state
