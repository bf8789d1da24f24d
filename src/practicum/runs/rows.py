"""A stored run as one row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.runs.config import config_from_json

if TYPE_CHECKING:
    from practicum.runs.netcdf import Label

COLUMNS = ("id", "kind", "K", "M", "eta", "beta", "N", "seeds", "until", "status", "size", "time")
"""Columns of :meth:`Store.table`, in order."""


def describe_status(status: ArrayLike) -> str:
    """One status a path in few words: ``"ok"``, or for several seeds ``"ok 60, diverged 4"``."""
    names, counts = np.unique(np.asarray(status).astype(str), return_counts=True)
    if len(names) == 1:
        return str(names[0])
    return ", ".join(f"{name} {count}" for count, name in sorted(zip(counts.tolist(), names.tolist()), reverse=True))


def summary(label: Label) -> dict[str, Any]:
    """What the configuration and the status say; the row of :meth:`Store.table` without file and time."""
    row: dict[str, Any] = {"kind": label.kind, "status": describe_status(label.status)}
    try:
        config = config_from_json(label.config)
    except ParameterError:  # written by another version of practicum: listed, with what is known
        return row
    if config.kind == "study":
        return {**row, "kind": f"study {config.study}: {config.part}"}
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
