"""What a sweep computes: axes and a grid of cells, each the configuration of a run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from practicum.canonical import canonical_json, sha256
from practicum.disk.texts import plain_json
from practicum.errors import ParameterError, StorageError
from practicum.memory import require
from practicum.runs import settings
from practicum.runs.config import ID_LENGTH, SimulateConfig, SolveConfig
from practicum.runs.files import read_sealed, write_sealed
from practicum.runs.settings import Kind
from practicum.runs.sweeps.axes import Axis, axis
from practicum.values import nearest

if TYPE_CHECKING:
    from practicum.runs.config import RunConfig

ENDING = ".sweep"
FORMAT = "sweep-1"
_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
MOST_CELLS = 1_000_000
_CELL_BYTES = 15_000
"""Of a configuration with the usual 201 points and its text, measured."""
KINDS = (*get_args(Kind), "train")
SEED = "seed"
"""The axis whose values are single seeds: of a simulation or a training, or of a random start."""


@dataclass(frozen=True)
class Sweep:
    """A stored sweep: what it varies and the runs that belong to it, in C order over the axes."""

    kind: str
    axes: tuple[Axis, ...]
    cells: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property  # asked for with every batch that is handed out
    def text(self) -> str:
        """The canonical JSON that names and describes this sweep."""
        axes = [{"name": axis.name, "values": list(axis.values)} for axis in self.axes]
        return canonical_json({"format": FORMAT, "kind": self.kind, "axes": axes, "cells": list(self.cells)})

    @cached_property
    def id(self) -> str:
        """The first 16 digits of the SHA-256 of :attr:`text`."""
        return sha256(self.text)[:ID_LENGTH]

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.id}{ENDING}"

    def write(self, folder: Path) -> Path:
        """Write its file; the same sweep gives the same file.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = folder / self.name
        if not path.exists():
            write_sealed(path, self.text.encode())
        return path

    @classmethod
    def read(cls, path: Path) -> Sweep:
        """The sweep in a file, verified.

        Raises:
            StorageError: the file is missing, damaged, or no sweep.
        """
        name = path.name.removesuffix(ENDING)
        body = read_sealed(path, f"the sweep {name}")
        try:
            found = plain_json(body)
            if found["format"] != FORMAT:
                raise ValueError(f"its format is {found['format']!r:.60}, and this version reads {FORMAT!r}")
            axes = tuple(Axis(entry["name"], tuple(entry["values"])) for entry in found["axes"])
            sweep = cls(str(found["kind"]), axes, tuple(map(str, found["cells"])))
            if len(sweep.cells) != math.prod(sweep.shape) or sweep.id != name:
                raise ValueError("it is another sweep's, or not the grid that it names")
            if not all(map(_ID.fullmatch, sweep.cells)):  # they become names of files
                raise ValueError("one of its cells is not the id of a run")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ParameterError) as error:
            raise StorageError(f"The file {path} holds no sweep that can be read: {error}.") from None
        return sweep


@dataclass(frozen=True)
class Plan:
    """A sweep and the configurations of its cells, in the same order."""

    sweep: Sweep
    configs: tuple[RunConfig, ...]


def from_tables(
    kind: str,
    content: Mapping[str, Any],
    fixed: Iterable[tuple[str, Any]],
    axes: Iterable[Axis],
    source: str = "the tables",
) -> Plan:
    """The plan of a sweep over tables as a TOML file has them.

    Main arguments:
        kind: ``"solve"``, ``"simulate"`` or ``"train"``.
        content: the tables, without ``kind`` and ``[sweep]``.
        fixed: names with values that go before the tables.
        axes: what is swept. Recipes of a start are followed in each cell, so that sizes can be swept too.

    Raises:
        ParameterError: no cell, too many, or a cell has a value that is outside its range; it is named.
    """
    fixed = list(fixed)
    if kind == "train":
        from practicum.runs import train_settings

        def resolve(pairs: list[tuple[str, Any]]) -> RunConfig:
            return train_settings.resolve(content, pairs, source)
    elif kind in KINDS:

        def resolve(pairs: list[tuple[str, Any]]) -> RunConfig:
            return settings.resolve(kind, content, pairs, source)  # pyright: ignore[reportArgumentType]
    else:
        raise ParameterError(
            f"The 'kind' of a sweep must be one of {', '.join(KINDS)}. Got {kind!r:.60} instead."
            f"{nearest(str(kind), list(KINDS))}"
        )
    return _plan(kind, axes, lambda pairs: resolve([*fixed, *(_setting(kind, *pair) for pair in pairs)]))


def from_config(config: RunConfig, axes: Iterable[Axis]) -> Plan:
    """The plan of a sweep over parameters of a resolved configuration; all its other values stay as they are.

    Main arguments:
        axes: what is swept; names are dotted (``rule.learning_rate``) or bare where only one part has them.

    Raises:
        ParameterError: as :func:`from_tables` does.
    """
    kind = config.kind
    if kind not in KINDS:
        raise ParameterError(f"A sweep computes {', '.join(KINDS)}. Got a configuration of kind {kind!r} instead.")
    whole = config.model_dump()
    if isinstance(config, SolveConfig | SimulateConfig) and config.replace(save_at=None).save_at == config.save_at:
        whole["save_at"] = None  # points of the default grid follow `until`, others are kept
    parts = {name: value for name, value in whole.items() if isinstance(value, dict) and name != "seeds"}
    known = {"": tuple(whole), **{name: tuple(part) for name, part in parts.items()}}

    def build(pairs: list[tuple[str, Any]]) -> RunConfig:
        changed = {**whole, **{name: dict(part) for name, part in parts.items()}}
        for name, value in pairs:
            name, value = _setting(kind, name, value)
            table, key = settings.locate(kind, name, known)
            (changed[table] if table else changed)[key] = value
        return type(config)(**changed)

    return _plan(kind, axes, build)


def kind_of(content: Mapping[str, Any], names: Iterable[str]) -> str:
    """The kind of run that tables and names of parameters are for: the one that knows most of them.

    A file that serves several verbs is simulated if it says how (``dimension``), and solved otherwise.
    """
    from practicum.runs.train_settings import names_known

    known = {"solve": _names("solve"), "simulate": _names("simulate"), "train": names_known()}
    asked = [*content, *(name.rpartition(".")[2] for name in names), *(name.partition(".")[0] for name in names)]
    for table in content.values():
        asked += list(table) if isinstance(table, Mapping) else []
    fits = {kind: sum(name in found for name in asked) for kind, found in known.items()}
    simulated = "dimension" in asked or "seeds" in asked or SEED in names
    order = ["simulate", "solve", "train"] if simulated else ["solve", "simulate", "train"]
    return max(order, key=lambda kind: fits[kind])


def _names(kind: Kind) -> set[str]:
    """Every name of a table or a parameter that theory or simulation understands."""
    tables = {table: names for table, names in settings.KNOWN.items() if table in (kind, *settings.SHARED_TABLES)}
    return {*tables, *(name for names in tables.values() for name in names)}


def _setting(kind: str, name: str, value: Any) -> tuple[str, Any]:
    if name != SEED:
        return name, value
    return ("start.seed", value) if kind == "solve" else ("seeds", [value])


def _plan(kind: str, axes: Iterable[Axis], build: Any) -> Plan:
    chosen = [axis(*one) for one in axes]
    names = [one.name for one in chosen]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ParameterError(f"The parameter '{twice}' is swept twice; give all its values at once.")
    count = math.prod(len(one.values) for one in chosen)
    if not chosen:
        raise ParameterError(
            "A sweep needs a parameter with several values, such as --set learning_rate=0.1,0.5 or a table [sweep]."
        )
    if count > MOST_CELLS:
        sizes = " x ".join(str(len(one.values)) for one in chosen)
        raise ParameterError(
            f"A sweep has {MOST_CELLS} cells at most, and {sizes} are {count}; sweep a part at a time, into the same "
            "store."
        )
    require("This sweep", lambda cells: cells * _CELL_BYTES, cells=count)
    configs = []
    for values in product(*(one.values for one in chosen)):
        pairs = list(zip(names, values))
        try:
            configs.append(build(pairs))
        except ParameterError as error:
            cell = ", ".join(f"{name} = {value!r:.40}" for name, value in pairs)
            raise type(error)(f"In the cell {cell}: {error}") from None
    return Plan(Sweep(kind, tuple(chosen), tuple(config.id for config in configs)), tuple(configs))
