"""What the verbs show while they work, and options they share."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer

T = TypeVar("T")
Report = Callable[[str, float], None]

STORE = typer.Option(
    None, "--store", help="Folder of stored runs.", show_default="$PRACTICUM_RUNS, else practicum-runs here"
)
JSON = typer.Option(False, "--json", help="Print one JSON document to stdout, for scripts.")
WHERE = typer.Option(
    "",
    "--where",
    help="Only runs of which this is true, such as \"students > 3 and status == 'ok'\".",
    show_default="all",
)

_PATIENCE = 0.7
"""Seconds of work before a progress bar appears."""


def watched(label: str, work: Callable[[Report], T]) -> T:
    """The result of `work(report)`, with a bar on stderr (a terminal only) once it takes longer than a moment.

    The work may call ``report(step, fraction)`` as it goes on; until it does, the bar only shows that it is alive.

    The work is done in a thread of its own: compiled kernels never look for an interrupt, the waiting main
    thread does, so Ctrl-C answers at once even in the middle of an hour-long integration.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    done: list[tuple[str, float]] = []

    def body() -> None:
        try:
            outcome.append(work(lambda step, fraction: done.append((step, fraction))))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if thread.is_alive():
        with bar() as progress:
            task = progress.add_task(label, total=None)
            while thread.is_alive():
                thread.join(0.2)
                if done:
                    progress.update(task, description=done[-1][0], total=1.0, completed=done[-1][1])
    if failure:
        raise failure[0]
    return outcome[0]


def bar() -> Any:
    """A Rich progress display on stderr; silent where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def print_json(document: Any) -> None:
    """One JSON document on stdout; NaN, which JSON has not, becomes null."""
    typer.echo(json.dumps(_finite(document), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def print_table(columns: list[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """A plain table on stdout; numbers are given as text."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:  # a narrow terminal may fold cells, but an id must stay in one piece to be copied
        table.add_column(column, no_wrap=column in ("id", "status"), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # as Text, or [Q, R] would be read as markup
    console = Console()
    if not console.is_terminal:  # a pipe has no width: never cut what a script may read
        console = Console(width=240)
    console.print(table)


def print_plain(columns: list[str], rows: Sequence[Sequence[str]]) -> None:
    """The same without lines and colours, a hundred times faster, for thousands of rows."""
    padded = []
    for column in zip(columns, *rows):
        width = max(map(len, column))
        padded.append([cell.ljust(width) for cell in column])
    typer.echo("\n".join("  ".join(line).rstrip() for line in zip(*padded)))


def program() -> str:
    """How a person here starts practicum: by its name where that is found, by its place otherwise."""
    beside = Path(sys.executable).with_name("practicum")
    found = shutil.which("practicum")
    if found is not None and Path(found).resolve() == beside.resolve():
        return "practicum"
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)
