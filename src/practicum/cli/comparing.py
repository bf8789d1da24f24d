"""``practicum runs compare``: two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from practicum.cli import _terminal
from practicum.disk.texts import printable

_FIRST = typer.Argument(..., help="Id of a run, or its first digits.", show_default=False)
_SECOND = typer.Argument(..., help="Id of another.", show_default=False)


def compare(
    first: str = _FIRST,
    second: str = _SECOND,
    store: Path | None = _terminal.STORE,
    json: bool = _terminal.JSON,
) -> None:
    """The settings, arrays and versions in which two runs differ."""
    from practicum.runs.folder import Folder

    found = Folder(store).compare(first, second)
    if json:
        _terminal.print_json(found.to_dict())
        return
    rows = [[_short(name), *map(_short, pair)] for name, pair in {"status": found.status, **found.settings}.items()]
    _terminal.print_table(["setting", *found.runs], rows)
    if not found.settings:
        typer.echo("All settings are the same.")
    if found.same_bits:
        typer.echo("All arrays have the same bits.")
    elif found.variables:
        _terminal.print_table(["array", "difference"], [[_short(name), d.words] for name, d in found.variables.items()])
    differing = [[_short(name), *map(_short, pair)] for name, pair in found.versions.items()]
    if found.architecture is not None:
        differing.append(["architecture", *map(_short, found.architecture)])
    if differing:
        _terminal.print_table(["computed by", *found.runs], differing)
    elif found.variables:
        typer.echo("Both were computed by the same versions, on the same architecture.")


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else printable(str(value))
    return text if len(text) <= 40 else f"{text[:37]}..."
