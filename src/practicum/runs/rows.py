"""A stored run as one row of a table, and its settings by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

COLUMNS = ("id", "kind", "K", "M", "eta", "beta", "N", "seeds", "until", "status", "size", "time")
"""Columns of :meth:`Store.table`, in order."""


def describe_status(status: ArrayLike) -> str:
    """One status a path in few words: ``"ok"``, or for several seeds ``"ok 60, diverged 4"``."""
    import numpy as np  # here, so that a list of known runs does not wait for it

    names, counts = np.unique(np.asarray(status).astype(str), return_counts=True)
    if len(names) == 1:
        return str(names[0])
    return ", ".join(f"{name} {count}" for count, name in sorted(zip(counts.tolist(), names.tolist()), reverse=True))


def described(text: str) -> dict[str, Any]:
    """What a canonical configuration says in a row of :meth:`Store.table`."""
    from practicum.runs.config import config_from_json

    try:
        config = config_from_json(text)
    except ParameterError:  # written by another version of practicum: listed, with what is known
        return {"kind": str(json.loads(text).get("kind"))}
    if config.kind == "study":
        return {"kind": f"study {config.study}: {config.part}"}
    row: dict[str, Any] = {"kind": config.kind}
    if config.kind == "train":
        return row | {
            "K": "-".join(map(str, config.student_widths)),
            "M": "-".join(map(str, config.teacher_widths)),
            "eta": config.training.learning_rate,
            "N": config.inputs.dimension,
            "seeds": str(config.seeds),
            "until": f"{config.training.epochs} epochs",
        }
    row |= {
        "K": config.machine.students,
        "M": config.machine.teachers,
        "eta": config.rule.learning_rate,
        "beta": config.rule.inverse_temperature,
        "until": config.until,
    }
    if config.kind == "simulate":
        row |= {"N": config.dimension, "seeds": str(config.seeds)}
    return row


def settings_of(text: str) -> dict[str, Any]:
    """Every number, text, truth value and None of a canonical configuration by its dotted name, ``rule.noise``.

    Arrays are left out; ``seeds`` is their number.
    """
    found: dict[str, Any] = {}
    config = json.loads(text)
    seeds = config.pop("seeds", None)
    if seeds is not None:
        found["seeds"] = seeds.get("count") if isinstance(seeds, dict) else len(seeds)
    tables = [("", config)]
    while tables:
        prefix, table = tables.pop()
        for name, value in table.items():
            if isinstance(value, dict):
                tables.append((f"{prefix}{name}.", value))
            elif not isinstance(value, list):
                found[f"{prefix}{name}"] = value
    return found
