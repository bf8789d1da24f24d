"""A nested configuration as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from practicum.report.numbers import plain

_LONG = 8


def rows(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted names and short texts, in the order of the configuration; lists beyond 8 values are abridged."""
    found: list[tuple[str, str]] = []
    for name, value in config.items():
        if isinstance(value, Mapping):
            found += rows(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", text(value)))
    return found


def text(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "none"
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        if len(value) > _LONG and not any(isinstance(item, (Sequence, Mapping)) for item in value):
            return f"{text(value[0])}, {text(value[1])}, … {text(value[-1])} ({len(value)} values)"
        if len(value) and all(isinstance(item, Sequence) and not isinstance(item, str) for item in value):
            return "; ".join(text(item) for item in value)
        return ", ".join(text(item) for item in value) or "none"
    return plain(value)
