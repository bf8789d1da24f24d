"""The command line. Verbs import what they need when they run, so that ``practicum --help`` answers at once."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

import typer

from practicum.cli import (
    attacking,
    computing,
    inspecting,
    pruning,
    reproducing,
    resembling,
    serving,
    storage,
    sweeping,
    training,
)
from practicum.disk.texts import printable
from practicum.errors import ParameterError, PracticumError, PracticumWarning

INTERRUPTED = 130
_EPILOG = (
    "Exit codes: 0 the command did what was asked (a run that diverged and a claim that does not hold are results "
    "too: read their status); 1 something failed: a file could not be read or written, or verification found damage; "
    "2 a name or value is wrong; 130 interrupted."
)

app = typer.Typer(
    name="practicum",
    help="A teacher-student laboratory: exact theory, exact simulation, and the field's claims, measured.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from practicum import __version__

        typer.echo(f"practicum {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options before the verb."""


app.command("solve")(computing.solve)
app.command("simulate")(computing.simulate)
app.command("train")(training.train)
app.command("specialization")(resembling.specialization)
app.command("attack")(attacking.attack)
app.command("prune")(pruning.prune)
app.command("batchnorm")(resembling.batchnorm)
app.command("sweep")(sweeping.sweep)
app.command("reproduce")(reproducing.reproduce)
app.add_typer(storage.app, name="runs")
app.command("report")(reproducing.report)
app.command("serve")(serving.serve)
app.command("doctor")(inspecting.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code; every expected error is one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):  # a terminal without Unicode shows ? where a letter is missing
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    warnings.showwarning = _show_warning
    code = _run(arguments)
    if code == INTERRUPTED:
        # Compiled kernels in other threads do not notice an interrupt; waiting for them could take hours.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = app(args=None if arguments is None else list(arguments), prog_name="practicum", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        if code == INTERRUPTED:
            _say("Interrupted; runs stored before are safe.")
        return code
    except (KeyboardInterrupt, typer.Abort):
        _say("Interrupted; runs stored before are safe.")
        return INTERRUPTED
    except ParameterError as error:
        _say(str(error))
        return 2
    except PracticumError as error:
        _say(str(error))
        return 1
    except MemoryError:
        _say(
            "There is not enough memory for this run; ask for fewer seeds, fewer points with save_at, or (for weights) "
            "a smaller dimension."
        )
        return 1
    except OSError as error:
        _say(f"{error.filename or 'A file'} cannot be used: {(error.strerror or str(error)).lower()}.")
        return 1
    except Exception as error:
        message = getattr(error, "format_message", None)  # wrong usage, as the option parser reports it
        if message is None:
            raise
        if message():
            _say(message())
        return getattr(error, "exit_code", 2)


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **_: object) -> None:
    """A word of ours is for the person, others are for those who can change the code."""
    if issubclass(category, PracticumWarning):
        _say(str(message))
    else:
        print(warnings.formatwarning(message, category, *place[:2]), file=sys.stderr, end="")  # type: ignore[arg-type]


def _say(sentence: str) -> None:
    # Names of files and values are quoted as they are, whatever is in them.
    print(f"practicum: {printable(sentence)}", file=sys.stderr)
