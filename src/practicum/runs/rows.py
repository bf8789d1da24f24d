"""A stored run as one row of a table, and its settings by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from practicum.disk.texts import printable
from practicum.errors import PracticumError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

COLUMNS = ("id", "kind", "K", "M", "eta", "beta", "N", "seeds", "until", "status", "size", "time")
"""Columns of :meth:`Store.table`, in order."""


def describe_status(status: ArrayLike) -> str:
    """One status a path in few words: ``"ok"``, or for several seeds ``"ok 60, diverged 4"``."""
    import numpy as np  # here, so that a list of known runs does not wait for it

    names, counts = np.unique(np.asarray(status).astype(str), return_counts=True)
    words = [printable(name) for name in names.tolist()]
    if len(words) == 1:
        return words[0]
    return ", ".join(f"{word} {count}" for count, word in sorted(zip(counts.tolist(), words), reverse=True))


def described(text: str) -> dict[str, Any]:
    """What a canonical configuration says in a row of :meth:`Store.table`.

    Theory and simulation are taken from the text itself: it is all there, also where another version of practicum wrote
    it or this machine is too small for it.
    """
    config = _parsed(text)
    kind = config.get("kind")
    row: dict[str, Any] = {"kind": kind if isinstance(kind, str) else None}
    with suppress(PracticumError, KeyError, TypeError, AttributeError):
        if kind == "study":
            row["kind"] = f"study {config['study']}: {config['part']}"
        elif kind == "train":
            row |= _of_training(text)
        else:
            machine, rule = config["machine"], config["rule"]
            row |= {"K": machine["students"], "M": machine["teachers"], "until": config["until"]}
            row |= {"eta": rule["learning_rate"], "beta": rule["inverse_temperature"]}
            if kind == "simulate":
                from practicum.runs.seeds import Seeds

                row |= {"N": config["dimension"], "seeds": str(Seeds.of(config["seeds"]))}
    return row


def title_of(row: Mapping[str, Any]) -> str:
    """A row in a few words: ``"simulate, K = 3, M = 2, η = 0.5, β = 4, N = 100"``, or a study's own name."""
    symbols = {"K": "K", "M": "M", "eta": "η", "beta": "β", "N": "N"}
    words = [f"{symbol} = {_short(row[name])}" for name, symbol in symbols.items() if row.get(name) is not None]
    return ", ".join([str(row.get("kind") or "damaged"), *words])


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def _of_training(text: str) -> dict[str, Any]:
    from practicum.runs.config import config_from_json

    config: Any = config_from_json(text)
    return {
        "K": "-".join(map(str, config.student_widths)),
        "M": "-".join(map(str, config.teacher_widths)),
        "eta": config.training.learning_rate,
        "N": config.inputs.dimension,
        "seeds": str(config.seeds),
        "until": f"{config.training.epochs} epochs",
    }


def settings_of(text: str) -> dict[str, Any]:
    """Every number, text, truth value and None of a canonical configuration by its dotted name, ``rule.noise``.

    Arrays are left out; ``seeds`` is their number and ``seeds.first`` the first of them.
    """
    found: dict[str, Any] = {}
    config = _parsed(text)
    seeds = config.pop("seeds", None)
    if isinstance(seeds, dict):
        found |= {"seeds": seeds.get("count"), "seeds.first": seeds.get("first")}
    elif isinstance(seeds, list) and seeds:
        found |= {"seeds": len(seeds), "seeds.first": seeds[0]}
    tables = [("", config)]
    while tables:
        prefix, table = tables.pop()
        for name, value in table.items():
            if isinstance(value, dict):
                tables.append((f"{prefix}{name}.", value))
            elif not isinstance(value, list):
                found[f"{prefix}{name}"] = value
    return found


def _parsed(text: str) -> dict[str, Any]:
    """The JSON object that a text is; an empty one for every other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
