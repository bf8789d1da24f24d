"""What lies in the folder of a store beside runs, or where a run should be."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from hostile.making import ODD, Case, sparse, written
from hostile.stored_runs import VERBS, sealed

RUN = "0123456789abcdef"


def cases(giga: int) -> Iterator[Case]:
    """Every case."""
    for name, make in {**ODD, "link to /etc/passwd": _link}.items():
        for verb, harmless in VERBS.items():
            yield Case(
                f"a {name} called as a run",
                verb,
                lambda folder, make=make, verb=verb: _read(verb, folder, make(folder / f"{RUN}.nc")),
                harmless,
            )
        for ending in ("checkpoint", "failed", "sweep"):
            yield Case(
                f"a {name} called .{ending}",
                "doctor",
                lambda folder, make=make, e=ending: _doctor(folder, make(folder / f"{RUN}.{e}")),
                harmless=True,
            )
        yield Case(
            f"a {name} called index.sqlite",
            "runs list",
            lambda folder, make=make: _read("runs list", folder, make(folder / "index.sqlite")),
            harmless=True,
        )
        yield Case(
            f"a {name} for a store", "solve", lambda folder, make=make: _solve(make(folder / "store")), name == "folder"
        )
    for name, body in _notes().items():
        for ending in ("checkpoint", "failed", "sweep"):
            yield Case(
                f"{name} as .{ending}",
                "runs list",
                lambda folder, b=body, e=ending: _note("runs list", folder, e, b),
                harmless=True,
            )
            yield Case(
                f"{name} as .{ending}", "doctor", lambda folder, b=body, e=ending: _note("doctor", folder, e, b), True
            )
    for name, content in {"junk": b"junk" * 999, "no tables": b"SQLite format 3\0" + bytes(4080)}.items():
        yield Case(
            f"{name} called index.sqlite",
            "runs list",
            lambda folder, c=content: _read("runs list", folder, written(folder / "index.sqlite", c)),
            harmless=True,
        )
    yield Case("a page of zeros", "report", lambda folder: _page(folder, giga), harmless=False)


def _link(path: Path) -> str:
    path.symlink_to("/etc/passwd")
    return str(path)


def _read(verb: str, folder: Path, _: str) -> list[str]:
    rest = [RUN] if verb in ("runs show", "report") else []
    more = ["--output", str(folder / "page")] if verb == "report" else []
    return [*verb.split(), *rest, "--store", str(folder), *more]


def _doctor(folder: Path, _: str) -> list[str]:
    return ["doctor", "--store", str(folder)]


def _solve(store: str) -> list[str]:
    good = ["--set", "students=1", "--set", "teachers=1", "--set", "learning_rate=0.5", "--set", "until=1"]
    return ["solve", *good, "--store", store]


def _note(verb: str, folder: Path, ending: str, body: bytes) -> list[str]:
    written(folder / f"{RUN}.{ending}", sealed(body))
    return [*verb.split(), "--store", str(folder)]


def _page(folder: Path, giga: int) -> list[str]:
    (folder / "page").mkdir()
    sparse(folder / "page" / "runs.html", b"<html>", 10 * giga)
    return ["report", "--store", str(folder), "--output", str(folder / "page")]


def _notes() -> dict[str, bytes]:
    """Sealed JSON and sealed states that are none."""
    nested = b"[" * 10**5 + b"]" * 10**5
    failure = {
        "format": "failure-1",
        "config": "{}",
        "config_sha256": RUN,
        "error": "x",
        "problem": "\x1b[2J\n",
        "tries": 1,
    }
    sweep = {"format": "sweep-1", "kind": "solve", "axes": [{"name": "x", "values": [0] * 10**5}], "cells": ["../../x"]}
    arrays = [[f"a{number}", "|u1", [-1]] for number in range(10_000)]
    state = json.dumps({"identity": {"format": "training-2"}, "values": {}, "arrays": arrays}).encode()
    return {
        "nothing": b"",
        "JSON nested 10^5 deep": nested,
        "a failure of another run": json.dumps({**failure, "config_sha256": "f" * 64}).encode(),
        "a failure that writes on the terminal": json.dumps(failure).encode(),
        "a failure of numbers": json.dumps({**failure, "error": 1, "problem": [2], "tries": "x"}).encode(),
        "a sweep of paths": json.dumps(sweep).encode(),
        "a sweep that is a list": b"[1]",
        "a state of 10^4 arrays of all bytes": struct.pack("<Q", len(state)) + state + bytes(10**6),
        "a state with a header of 2^60 bytes": struct.pack("<Q", 2**60) + b"{}",
    }
