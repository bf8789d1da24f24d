"""A training as Python, as a command and as a settings file: three spellings of the same run."""

from __future__ import annotations

import json
import shlex
from typing import Any

from practicum.runs.training import TrainConfig

_TOP = ("samples", "held_out", "thresholds", "keep", "observe_at")
_TABLES = ("teacher", "students", "inputs", "training")
_PLAIN = ("separated", "gaussian")
"""Kinds that a file has if it names none."""


def training_code(config: TrainConfig) -> dict[str, str]:
    """``{python, command, toml}``; what has its default in a table is left out."""
    top = {"seeds": config.seeds.list(), **{name: _plain(getattr(config, name)) for name in _TOP}}
    top = {name: value for name, value in top.items() if value is not None}  # TOML has no word for that
    tables = {name: _table(getattr(config, name)) for name in _TABLES}
    return {"python": _python(config, top), "command": _command(top, tables), "toml": _toml(top, tables)}


def _table(value: Any) -> dict[str, Any]:
    kind = {"kind": value.kind} if value.kind not in (*_PLAIN, "students", "training") else {}
    return kind | {name: _plain(each) for name, each in value.model_dump(exclude_defaults=True).items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _python(config: TrainConfig, top: dict[str, Any]) -> str:
    values = [getattr(config, name) for name in _TABLES]
    names = ", ".join(sorted(type(value).__name__ for value in values))
    parts = [f"    {_call(value)},\n" for value in values]
    parts += [f"    {name}={value!r},\n" for name, value in top.items()]
    imports = f"from practicum import train\nfrom practicum.networks import {names}\n"
    return f"{imports}\nrun = train(\n{''.join(parts)})\n"


def _call(value: Any) -> str:
    given = value.model_dump(exclude_defaults=True)
    return f"{type(value).__name__}({', '.join(f'{name}={each!r}' for name, each in given.items())})"


def _command(top: dict[str, Any], tables: dict[str, dict[str, Any]]) -> str:
    dotted = {f"{table}.{name}": value for table, values in tables.items() for name, value in values.items()}
    given = [f"--set {shlex.quote(f'{name}={_written(value)}')}" for name, value in {**dotted, **top}.items()]
    return f"practicum train {' '.join(given)}\n"


def _toml(top: dict[str, Any], tables: dict[str, dict[str, Any]]) -> str:
    parts = [_lines(top), *(f"[{name}]\n{_lines(values)}" for name, values in tables.items() if values)]
    return "\n".join(parts)


def _lines(values: dict[str, Any]) -> str:
    return "".join(f"{name} = {_written(value)}\n" for name, value in values.items())


def _written(value: Any) -> str:
    """As TOML has it, which for numbers, words, truth and lists is as JSON has it."""
    return json.dumps(value, separators=(",", ":"))
