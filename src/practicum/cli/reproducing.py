"""``practicum reproduce`` and ``practicum report``: the claims of a paper, measured, and the page that shows them."""

from __future__ import annotations

from pathlib import Path

import typer

from practicum.cli import _terminal


def reproduce(
    study: str = typer.Argument(..., help="Name of a study, such as west-saad.", show_default=False),
    scale: str = typer.Option("quick", "--scale", help="quick or paper."),
    store: Path | None = _terminal.STORE,
    json: bool = _terminal.JSON,
) -> None:
    """Measure every claim of a paper."""


def report(store: Path | None = _terminal.STORE) -> None:
    """Write a report."""
