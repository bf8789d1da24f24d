"""Hostile files through every reader: what comes of them, and how much memory it takes.

    python benchmarks/reliability/hostile_files.py [--only arrays/] [--bytes 1e10] [--careless]

Each case is made and read in a process of its own. It is as it should be if the file is refused in one sentence, with
an exit code, no program of the file was run and less than 300 MB were taken; or, where nothing needs to be refused, if
it was passed over. --careless reads some of the files as one does without a thought, to show that the table would tell.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from hostile import arrays, image_sets, places, state_dicts, stored_runs, tensors, texts
from hostile.making import CANARY, Case

KINDS = {
    "arrays": arrays, "tensors": tensors, "state dicts": state_dicts, "stored runs": stored_runs,
    "image sets": image_sets, "texts": texts, "places": places,
}  # fmt: skip
MOST = 300e6
PATIENCE = 60.0
GOOD = ("refused", "passed over")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


class Row(NamedTuple):
    """What came of a case: one line of the table, and the last words on standard error."""

    kind: str
    case: str
    reader: str
    outcome: str
    peak: float
    seconds: float
    words: str

    @property
    def good(self) -> bool:
        """Whether that is as it should be."""
        return self.outcome in GOOD and self.peak < MOST


def every(size: int) -> Iterator[tuple[str, Case]]:
    """Every case and its kind; a bomb holds so many bytes."""
    for kind, module in KINDS.items():
        yield from ((kind, case) for case in module.cases(size))


def load() -> None:
    """Import what the readers import, so that it is no part of what a file takes."""
    import h5netcdf  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import torch
    import xarray  # noqa: F401

    import practicum.cli
    import practicum.cli._machine
    import practicum.pruning
    import practicum.report
    import practicum.robustness
    import practicum.runs.checkpoints
    import practicum.runs.pruned
    import practicum.runs.store
    import practicum.runs.train_settings
    import practicum.specialization
    import practicum.studies  # noqa: F401

    torch.set_num_threads(1)


def measure(kind: str, case: Case) -> Row:
    """Make the file of a case and read it, both in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    began = time.monotonic()
    try:
        child = os.fork()
        if child == 0:
            _work(folder, case)
        ended = _wait(child)
        found = json.loads(text) if (text := _text(folder / "found.json")) else {}
        words = _text(folder / "stderr").strip()
        outcome = (
            "runs a program"
            if (folder / CANARY).exists()
            else ended or _judged(case, found, words, _text(folder / "stdout"))
        )
        peak = float(found.get("peak", 0))
        return Row(kind, case.name, case.reader, outcome, peak, time.monotonic() - began, words[-2000:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _wait(child: int) -> str:
    """How a process ended other than by itself."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return f"killed by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ""
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hangs"


def _work(folder: Path, case: Case) -> None:
    """In the process of its own; never returns."""
    found: dict[str, Any] = {}
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
        os.chdir(folder)
        try:
            act = case.make(folder)
        except Exception:
            traceback.print_exc()
            raise
        call = act if callable(act) else _command(act)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what making the file has left free must not hide what reading it takes
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _memory("VmRSS")
        try:
            found["code"] = call()
        except BaseException as error:
            found["error"] = type(error).__name__
            found["ours"] = any(kind.__name__ == "PracticumError" for kind in type(error).__mro__)
            if found["ours"]:
                print(f"practicum: {error}", file=sys.stderr)
            else:
                traceback.print_exc()
        found["peak"] = _memory("VmHWM") - before
        (folder / "found.json").write_text(json.dumps(found, default=lambda _: None))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _command(words: list[str]) -> Callable[[], int]:
    def call() -> int:
        from practicum.cli import main

        try:
            main(words)
        except SystemExit as leaving:
            return int(leaving.code or 0)
        return 0

    return call


def _memory(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def _judged(case: Case, found: dict[str, Any], words: str, printed: str) -> str:
    """A word for what a reader did."""
    if not found:
        return "cannot be made"
    if "error" in found and not found["ours"]:
        return f"raises {found['error']}"
    if _CONTROL.search(words + printed):
        return "writes on the terminal"
    lines = words.splitlines()
    if any(line.startswith("Traceback") for line in lines):
        return "shows a traceback"
    if found.get("code") in (0, None) and "error" not in found:
        return "passed over" if case.harmless else "accepted"
    if case.harmless:
        return "passed over"
    if len(lines) != 1:
        return f"says {len(lines)} lines"
    return "refused" if lines[0].startswith("practicum: ") and len(lines[0]) < 2000 else "says too much"


def careless(size: int) -> dict[str, Row]:
    """Some of the same files, read as one does without a thought."""
    import gzip
    import pickle

    import h5py
    import numpy as np
    import torch

    def from_zip(path: Path) -> Any:
        return np.load(path)["inputs"]

    def from_run(path: Path) -> Any:
        with h5py.File(path) as file:
            return [file[name][...] for name in file]

    def text(path: Path) -> str:
        with open(path) as file:
            return file.read(1)

    readers: dict[tuple[str, str], tuple[str, Callable[[Path], Any]]] = {
        ("arrays", "a pickle in .npy"): ("x.npy", lambda path: np.load(path, allow_pickle=True)),
        ("arrays", "zeros in a zip, of another shape"): ("x.npz", from_zip),
        ("state dicts", "a pickle in .pt"): ("x.pt", lambda path: torch.load(path, weights_only=False)),
        ("state dicts", "bytearray(10^9)"): ("x.pt", lambda path: torch.load(path, weights_only=True)),
        ("state dicts", "a bare pickle, protocol 4"): ("x.pt", lambda path: pickle.loads(path.read_bytes())),
        ("image sets", "zeros without end in a gzip"): (
            "mnist/t10k-images-idx3-ubyte.gz",
            lambda path: gzip.GzipFile(path).read(),
        ),
        ("stored runs", "zeros compressed by gzip, of xarray"): ("*.nc", from_run),
        ("texts", "a pipe"): ("x.toml", text),
        ("tensors", "a name that is given twice"): ("x.safetensors", lambda path: path.read_bytes()),
    }
    found = {}
    for kind, case in every(size):
        if (kind, case.name) in readers and case.name not in found:
            name, read = readers[kind, case.name]

            def make(folder: Path, case=case, name=name, read=read) -> Callable[[], Any]:
                case.make(folder)
                return lambda: read(next(folder.glob(name))) and None

            found[case.name] = measure(kind, Case(case.name, "careless", make))
    return found


def show(rows: list[Row]) -> None:
    """The table and its sums."""
    kind = ""
    for row in rows:
        if row.kind != kind:
            kind = row.kind
            print(f"\n{kind:<52}{'reader':<13}{'outcome':<24}{'peak MB':>8}{'s':>7}")
        mark = "" if row.good else "   <--"
        print(f"  {row.case[:49]:<50}{row.reader:<13}{row.outcome:<24}{row.peak / 1e6:>8.1f}{row.seconds:>7.2f}{mark}")
    by = {word: sum(row.outcome == word for row in rows) for word in dict.fromkeys(row.outcome for row in rows)}
    print(f"\n{len(rows)} cases: {', '.join(f'{count} {word}' for word, count in by.items())}.")
    print(
        f"Most memory: {max(row.peak for row in rows) / 1e6:.1f} MB; as it should be: {sum(row.good for row in rows)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="cases whose kind/name/reader begins so; repeatable")
    parser.add_argument("--first", action="store_true", help="each case with its first reader only")
    parser.add_argument("--bytes", type=float, default=1e10, help="what a bomb holds")
    parser.add_argument("--careless", action="store_true", help="read some files without a thought")
    parser.add_argument("--json", action="store_true", help="one JSON document, with the last words of each case")
    chosen = parser.parse_args()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    os.environ.pop("PRACTICUM_RUNS", None)
    load()
    size = int(chosen.bytes)
    if chosen.careless:
        rows = list(careless(size).values())
    else:
        seen: set[tuple[str, str]] = set()
        rows = []
        for kind, case in every(size):
            name = f"{kind}/{case.name}/{case.reader}"
            if any(map(name.startswith, chosen.only or [""])) and not (chosen.first and (kind, case.name) in seen):
                seen.add((kind, case.name))
                rows.append(measure(kind, case))
    if chosen.json:
        with suppress(BrokenPipeError):
            print(json.dumps([{**row._asdict(), "good": row.good} for row in rows]))
    else:
        show(rows)
        for row in rows:
            if not row.good and not chosen.careless:
                print(f"\n{row.kind}: {row.case} ({row.reader}): {row.outcome}\n{row.words}")
    if not chosen.careless:
        raise SystemExit(not all(row.good for row in rows))


if __name__ == "__main__":
    main()
