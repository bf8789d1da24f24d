"""A run that cannot be computed leaves a word instead of arrays: a small sealed file beside the runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from practicum.canonical import canonical_json, sha256
from practicum.disk.texts import plain_json
from practicum.errors import StorageError
from practicum.runs.files import read_sealed, write_sealed

if TYPE_CHECKING:
    from practicum.runs.config import RunConfig

ENDING = ".failed"
FORMAT = "failure-1"


class Failure(NamedTuple):
    """Why a run has no result: the canonical text of its configuration, the kind of error, one sentence, the tries."""

    config: str
    config_sha256: str
    error: str
    problem: str
    tries: int


def failure_path(folder: Path, run: str) -> Path:
    """Where the failure of a run is or would be noted."""
    return folder / f"{run}{ENDING}"


def record_failure(folder: Path, config: RunConfig, error: str, problem: str, tries: int) -> None:
    """Note that a run failed, in place of an older note.

    Main arguments:
        error: its kind, such as ``"ZeroDivisionError"``.
        problem: the sentence.
        tries: how often it was tried.

    Raises:
        StorageError: the folder cannot be written.
    """
    failure = Failure(config.canonical(), config.sha256, error, problem, tries)
    write_sealed(failure_path(folder, config.id), canonical_json({"format": FORMAT, **failure._asdict()}).encode())


def read_failure(path: Path) -> Failure:
    """What a note says, verified.

    Raises:
        StorageError: the file is missing, damaged, or no such note.
    """
    run = path.name.removesuffix(ENDING)
    try:
        found = plain_json(read_sealed(path, f"the failed run {run}"))
        if found.pop("format") != FORMAT or not found["config_sha256"].startswith(run):
            raise ValueError("it is the note of another run")
        failure = Failure(**found)
        words = (failure.config, failure.error, failure.problem)
        if not all(isinstance(word, str) for word in words) or type(failure.tries) is not int:
            raise ValueError("it has numbers where words belong")
        if sha256(failure.config) != failure.config_sha256 or not isinstance(plain_json(failure.config)["kind"], str):
            raise ValueError("its configuration is another one")
        return failure
    except StorageError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageError(f"The file {path} holds no failed run that can be read: {error}.") from None


def forget_failure(folder: Path, run: str) -> None:
    """Remove the note of a run, if there is one and it may be removed."""
    with suppress(OSError):
        failure_path(folder, run).unlink(missing_ok=True)


def failed(folder: Path) -> dict[str, Path]:
    """The notes in a folder by run, sorted; nothing is opened."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(ENDING))
    except OSError:
        return {}
    return {path.name.removesuffix(ENDING): path for path in paths}
