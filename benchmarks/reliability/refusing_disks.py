"""Disks that take nothing: full, read-only, forbidden, or no folder at all. What is there stays, and one line says why.

    python benchmarks/reliability/refusing_disks.py [--only full]

Every way to write a file meets every such place, in which older files of the same names lie. It is as it should be if
the exit code is not 0, one line is said, and the older files are what they were; what only reads must work. Full and
read-only disks are mounted, which only root may do; without that they are left out, and a line says so.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

SMALL = ["--set", "students=1", "--set", "teachers=1", "--set", "learning_rate=0.5", "--set", "until=5"]
TRAINING = ["--set", "inputs=6", "--set", "hidden=3", "--set", "outputs=2", "--set", "samples=40", "--set", "epochs=2"]


class Row(NamedTuple):
    """What came of one way to write in one place."""

    place: str
    way: str
    code: int | None
    lines: int
    lost: list[str]
    words: str
    reads: bool = False

    @property
    def good(self) -> bool:
        """Whether that is as it should be; what only reads must work."""
        if self.reads:
            return self.code == 0 and not self.lost
        return self.code not in (0, None) and self.lines == 1 and not self.lost and "Traceback" not in self.words


def prepare(folder: Path) -> None:
    """Files from which others are made: two networks, a stored run, a sweep."""
    from practicum.networks import SeparatedTeacher, Students
    from practicum.runs import save_network

    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=2, output_bias=None).build([0])
    save_network(teacher, folder / "teacher.safetensors")
    save_network(Students(multiple=2).build(teacher, [1]), folder / "student.safetensors")
    save_network(Students(multiple=100).build(teacher, [1]), folder / "large.safetensors")
    with open(os.devnull, "w") as nobody, redirect_stdout(nobody):
        command("solve", *SMALL, "--store", str(folder / "runs"))


def ways(good: Path, place: Path) -> dict[str, Callable[[], object]]:
    """Every way to write a file; `good` has what :func:`prepare` made."""
    networks = [str(good / f"{name}.safetensors") for name in ("teacher", "student")]
    large = str(good / "large.safetensors")
    runs, store = str(good / "runs"), ["--store", str(place / "runs")]
    larger = [*SMALL, "--set", "until=50"]  # and with it a larger file than the room that is left
    found: dict[str, Callable[[], object]] = {
        "solve": lambda: command("solve", *larger, *store),
        "simulate": lambda: command("simulate", *larger, "--set", "dimension=100", *store),
        "sweep": lambda: command("sweep", *larger, "--set", "noise=0,0.1", "--workers", "1", *store),
        "train": lambda: command("train", *TRAINING, *store),
        "train, checkpoints": lambda: _train(place / "runs"),
        "train --networks": lambda: command(
            "train", *TRAINING, "--set", "multiple=100", "--store", runs, "--networks", str(place)
        ),
        "report": lambda: command("report", "--store", runs, "--output", str(place)),
        "attack --save": lambda: command(
            "attack", *networks, "--samples", "200", "--steps", "2", "--save", str(place / "x.npz")
        ),
        "prune --output": lambda: command("prune", large, "--keep", "0.99", "--output", str(place / "p.safetensors")),
        "save_network": lambda: _save_network(large, place),
        "save_pruned": lambda: _save_pruned(large, place),
    }
    for ending in ("svg", "pdf", "png"):
        found[f"figures.save .{ending}"] = lambda ending=ending: _draw(place / f"a.{ending}")
    for ending in ("nc", "zarr", "csv", "parquet"):
        found[f"runs export .{ending}"] = lambda ending=ending: command(
            "runs",
            "export",
            "--where",
            "kind == 'solve'",
            "--to",
            str(place / f"e.{ending}"),
            "--store",
            runs,
            "--force",
        )
    return found


def readings(good: Path, place: Path) -> dict[str, Callable[[], object]]:
    """What needs no more than to read."""
    run, store = next((good / "runs").glob("*.nc")).stem, ["--store", str(place / "runs")]
    return {
        "runs list": lambda: command("runs", "list", *store),
        "runs show": lambda: command("runs", "show", run, *store),
        "runs verify": lambda: command("runs", "verify", *store),
        "solve, stored": lambda: command("solve", *SMALL, *store),
        "report, elsewhere": lambda: command("report", run, *store, "--output", str(good / "page")),
    }


def command(*words: str) -> None:
    """One command; raises SystemExit unless it went well."""
    from practicum.cli import main

    try:
        main(list(words))
    except SystemExit as leaving:
        if leaving.code:
            raise


def _train(folder: Path) -> None:
    from practicum.runs import Store
    from practicum.runs.train_settings import training_configuration

    settings = [word for word in TRAINING if word != "--set"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no checkpoint can be written
        Store(folder).run(training_configuration(None, settings), seconds=0)


def _save_network(file: str, place: Path) -> None:
    from practicum.runs import load_network, save_network

    save_network(load_network(file), place / "n.safetensors")


def _save_pruned(file: str, place: Path) -> None:
    from practicum.pruning import as_module
    from practicum.runs import load_network, save_pruned

    save_pruned(as_module(load_network(file)), place / "p.safetensors")


def _draw(path: Path) -> None:
    from practicum import figures
    from practicum.figures.style import sheet

    drawing = sheet(4.0)
    drawing.subplots().plot(np.random.default_rng(0).normal(size=2000))
    figures.save(drawing, path)


def age(place: Path, good: Path) -> None:
    """Older files where new ones will be written, and a run."""
    for name in (
        "x.npz",
        "p.safetensors",
        "n.safetensors",
        "a.svg",
        "a.pdf",
        "a.png",
        "runs.html",
        "teacher.safetensors",
    ):
        (place / name).write_bytes(f"what was in {name}".encode())
    for name in ("e.nc", "e.csv", "e.parquet"):
        (place / name).write_bytes(f"what was in {name}".encode())
    (place / "e.zarr").mkdir()
    (place / "e.zarr" / "zarr.json").write_bytes(b"{}")
    (place / "runs").mkdir()
    for path in (good / "runs").glob("*.nc"):
        (place / "runs" / path.name).write_bytes(path.read_bytes())


def contents(place: Path) -> dict[str, str]:
    """SHA-256 of every file of a place; the index can be rebuilt."""
    files = [path for path in place.rglob("*") if path.is_file() and "index.sqlite" not in path.name]
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def full(place: Path, good: Path) -> Iterator[None]:
    """A disk of 2 MB with room for a probe, and for nothing else."""
    with _mounted("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)):
        age(place, good)
        with open(place / "ballast", "wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        os.truncate(place / "ballast", (place / "ballast").stat().st_size - 3 * 4096)
        yield


@contextmanager
def read_only(place: Path, good: Path) -> Iterator[None]:
    """A disk that is only read."""
    age(place, good)
    with _mounted("--bind", str(place), str(place)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True, capture_output=True)
        yield


@contextmanager
def forbidden(place: Path, good: Path) -> Iterator[None]:
    """A folder, and folders in it, that this user may only read."""
    age(place, good)
    folders = [place, place / "runs", place / "e.zarr"]
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o700)


@contextmanager
def a_file(place: Path, _: Path) -> Iterator[None]:
    """A file where a folder should be."""
    place.rmdir()
    place.write_bytes(b"no folder")
    try:
        yield
    finally:
        place.unlink()
        place.mkdir()


@contextmanager
def nowhere(_: Path, __: Path) -> Iterator[None]:
    """A variable that names a folder which nobody can make."""
    os.environ["PRACTICUM_RUNS"] = "/proc/nowhere/runs"
    try:
        yield
    finally:
        del os.environ["PRACTICUM_RUNS"]


PLACES = {"full": full, "read-only": read_only, "forbidden": forbidden, "a file": a_file, "nowhere": nowhere}
READ = ("full", "read-only", "forbidden")
"""Places from which one can read."""


@contextmanager
def _mounted(*words: str) -> Iterator[None]:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", words[-1]], check=True, capture_output=True)


def obey() -> None:
    """Let permissions hold for this process: root, whoever gave it that name, may else write anywhere (Linux)."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    powers = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    libc.capget(header, powers)
    for which in (0, 1):
        powers[which] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    if libc.capset(header, powers):
        raise PermissionError("the powers of root cannot be laid down")


def attempt(place: str, way: str, work: Callable[[], object], folder: Path, words: Path) -> Row:
    """Do something in a process of its own, and look at what is left."""
    before = contents(folder) if folder.is_dir() else {}
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for number in (1, 2):
                os.dup2(os.open(os.devnull if number == 1 else words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            obey()
            code = _done(work)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    said = words.read_text(errors="replace").strip()
    after = contents(folder) if folder.is_dir() else {}
    lost = [name for name, digest in before.items() if after.get(name) != digest]
    lost += [name for name in after if name.endswith(".part")]
    return Row(place, way, os.waitstatus_to_exitcode(status), len(said.splitlines()), lost, said)


def _done(work: Callable[[], object]) -> int:
    from practicum.errors import PracticumError

    try:
        work()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except PracticumError as error:  # in Python it is an exception, whose text is the line
        print(error, file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _chosen(place: str, good: Path, only: Sequence[str]) -> list[tuple[str, bool]]:
    """The ways to be tried in a place, and whether they only read."""
    writing = ["$PRACTICUM_RUNS"] if place == "nowhere" else list(ways(good, good))
    every = [(way, False) for way in writing] + [(way, True) for way in readings(good, good) if place in READ]
    return [(way, reads) for way, reads in every if any(map(f"{place}/{way}".startswith, only))]


def rows(only: Sequence[str] = ("",)) -> Iterator[Row | str]:
    """Every way in every place; a text says why a place is left out."""
    import torch  # noqa: F401  (what is imported before the fork is imported once)

    import practicum.cli
    import practicum.pruning
    import practicum.report
    import practicum.runs.pruned  # noqa: F401

    with tempfile.TemporaryDirectory() as root:
        good = Path(root) / "good"
        good.mkdir()
        prepare(good)
        for name, make in PLACES.items():
            for way, reads in _chosen(name, good, only):
                place = Path(tempfile.mkdtemp(dir=root))
                found = {
                    **ways(good, place),
                    **readings(good, place),
                    "$PRACTICUM_RUNS": lambda: command("solve", *SMALL),
                }
                try:
                    with make(place, good):
                        row = attempt(name, way, found[way], place, Path(root) / "words")
                        yield row._replace(reads=reads)
                except PermissionError as error:
                    yield f"{name}: left out, because it {error}"
                    break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="ways whose place/way begins so; repeatable")
    chosen = parser.parse_args()
    print(f"{'place':<12}{'way':<24}{'exit':>5}{'lines':>7}  lost")
    bad = []
    for row in rows(chosen.only or ("",)):
        if isinstance(row, str):
            print(row)
            continue
        mark = "" if row.good else "   <--"
        print(f"{row.place:<12}{row.way:<24}{row.code!s:>5}{row.lines:>7}  {', '.join(row.lost) or 'none'}{mark}")
        bad += [] if row.good else [row]
    for row in bad:
        print(f"\n{row.place}, {row.way}:\n{row.words[-3000:]}")
    raise SystemExit(len(bad))


if __name__ == "__main__":
    main()
