"""Where a computation stands as bytes, and back: arrays bit for bit, everything else as JSON, and no code.

Eight bytes say how long the header is, which is JSON and names the arrays; those follow one after the other.
"""

from __future__ import annotations

import math
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import canonical_json
from practicum.disk.texts import plain_json

if TYPE_CHECKING:
    from practicum.networks.state import State as TrainingState
    from practicum.simulation.state import State as SimulationState

    State = TrainingState | SimulationState

FORMATS = {"train": "training-2", "simulate": "simulation-1"}
"""What a state is called on disk, by the kind of configuration; those kinds can be resumed."""

_HOMES = {"training-2": "practicum.networks.state", "simulation-1": "practicum.simulation.state"}
_LENGTH = 8
_PYTHON: dict[str, type] = {"int": int, "str": str, "np.ndarray": np.ndarray, "dict": dict}
"""Of the parts of a state, by their annotations; none of its numbers is negative."""


def to_bytes(state: State, identity: dict[str, Any]) -> bytes:
    """A state and whose it is."""
    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    for part in fields(state):
        value = getattr(state, part.name)
        if isinstance(value, np.ndarray):
            arrays[part.name] = value
        elif isinstance(value, dict) and all(isinstance(array, np.ndarray) for array in value.values()):
            values[part.name] = {"keys": list(value)}
            arrays |= {f"{part.name}/{name}": array for name, array in value.items()}
        elif isinstance(value, dict):
            values[part.name] = {"items": [[name, list(axes)] for name, axes in value.items()]}
        else:
            values[part.name] = {"value": value}
    placed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    header = canonical_json({"identity": identity, "values": values, "arrays": placed}).encode()
    parts = [len(header).to_bytes(_LENGTH, "little"), header, *(array.tobytes() for array in arrays.values())]
    return b"".join(parts)


def identity_of(body: bytes) -> dict[str, Any]:
    """Whose state it is; nothing if it does not say.

    Raises:
        Exception: of many kinds; the bytes are no state.
    """
    return dict(_header(body).get("identity", {}))


def from_bytes(body: bytes) -> State:
    """The state.

    Raises:
        Exception: of many kinds; the bytes are no state.
    """
    header = _header(body)
    arrays: dict[str, np.ndarray] = {}
    at = _LENGTH + int.from_bytes(body[:_LENGTH], "little")
    for name, kind, shape in header["arrays"]:
        dtype = np.dtype(kind)
        if dtype.kind not in "biuf":
            raise ValueError(f"the array '{name}' holds {dtype} and not numbers")
        if any(length < 0 for length in shape):  # NumPy would take all there is, once for every array
            raise ValueError(f"the array '{name}' has the shape {shape}")
        count = math.prod(shape)
        arrays[name] = np.frombuffer(body, dtype, count, at).reshape(shape).copy()
        at += count * dtype.itemsize
    kind = import_module(_HOMES[header["identity"]["format"]]).State
    found: dict[str, Any] = {}
    for part in fields(kind):
        entry = header["values"].get(part.name)
        if entry is None:
            found[part.name] = arrays[part.name]
        elif "keys" in entry:
            found[part.name] = {name: arrays[f"{part.name}/{name}"] for name in entry["keys"]}
        elif "items" in entry:
            found[part.name] = {name: tuple(axes) for name, axes in entry["items"]}
        else:
            found[part.name] = entry["value"]
        wanted = _PYTHON[str(part.type).partition("[")[0]]
        if type(found[part.name]) is not wanted or (wanted is int and found[part.name] < 0):
            raise ValueError(f"'{part.name}' is not what it should be")
    return kind(**found)


def _header(body: bytes) -> dict[str, Any]:
    length = int.from_bytes(body[:_LENGTH], "little")
    return plain_json(body[_LENGTH : _LENGTH + length])
