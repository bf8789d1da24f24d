"""``practicum doctor``: is everything here that practicum needs, and what could be added."""

from __future__ import annotations

from pathlib import Path

import typer

from practicum.cli import _terminal


def doctor(store: Path | None = _terminal.STORE, json: bool = _terminal.JSON) -> None:
    """Check versions, processor, caches, store and optional parts; exit code 1 if something needed is broken."""
    from practicum.cli._machine import examine

    checks = examine(store)
    if json:
        _terminal.print_json([check._asdict() for check in checks])
    else:
        marks = {"ok": "ok", "absent": "-", "warning": "note", "broken": "BROKEN"}
        _terminal.print_table(["", "what", "found"], [[marks[c.state], c.name, c.found] for c in checks])
        for check in checks:
            if check.remedy:
                typer.echo(f"{check.name}: {check.remedy}")
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)
