"""SIGKILL at random moments of one long computation, restarted until it is done: what is lost, and how it ends.

    python benchmarks/reliability/kills.py [--count 20] [--only training,chain,weights]

The loss of a kill is the time since the state from which the next start goes on. It may be one interval between two
checkpoints: the seconds that were asked for, and what a look (an epoch, a chunk of updates) and a write took in that
very process. The exit code is 1 if a loss is larger or an end differs.
"""

from __future__ import annotations

import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from practicum import Committee, LearningRule, OrderParameters
from practicum.runs import SimulateConfig, Store, TrainConfig, config_from_json
from practicum.runs.config import RunConfig
from practicum.runs.execute import execute
from practicum.runs.files import read_sealed
from practicum.runs.states import from_bytes

SECONDS = 0.3
"""Between two checkpoints."""
LONGEST = 1.6
"""Seconds of computing before a kill, at most."""

_EVENT = struct.Struct("<cddQ")
_LOOK, _SAVING, _SAVED = b"l", b"s", b"d"


class Event(NamedTuple):
    """A look at a computation, the beginning or the end of a checkpoint; the time, the fraction done, the thread."""

    kind: bytes
    time: float
    fraction: float
    thread: int


class Loss(NamedTuple):
    """What a kill cost: seconds of computing, and how many it may cost."""

    seconds: float
    allowed: float
    kept: float
    """Fraction of the whole from which the next start goes on."""


def jobs(length: float = 1.0) -> dict[str, RunConfig]:
    """What is killed; `length` 1 is some twenty seconds each."""
    from practicum.networks.inputs import GaussianInputs
    from practicum.networks.settings import Training
    from practicum.networks.students import Students
    from practicum.networks.teachers import BalancedTeacher

    pair = {
        "machine": Committee(students=2, teachers=2, noise=0.1),
        "rule": LearningRule(learning_rate=0.5),
        "start": OrderParameters.near_symmetric(2, 2, split=1e-3),
        "seeds": 6,
    }
    return {
        "training": TrainConfig(
            teacher=BalancedTeacher(inputs=20, hidden=(10, 15, 20), outputs=10),
            students=Students(multiple=2),
            inputs=GaussianInputs(dimension=20, scale=1.0),
            training=Training(epochs=max(1, round(400 * length)), batch_size=16, momentum=0.9, learning_rate=0.01),
            seeds=2,
            samples=2000,
            held_out=200,
        ),
        "chain": SimulateConfig(**pair, dimension=10_000, until=1000.0 * length),
        "weights": SimulateConfig(**pair, dimension=1000, until=700.0 * length, method="weights", dtype="float32"),
    }


def kill_again_and_again(config: RunConfig, folder: Path, count: int, seed: int) -> tuple[list[Loss], int, int]:
    """Losses of `count` kills, over as many whole computations as that takes; how many those were, and how many differ.

    Raises:
        RuntimeError: a computation failed by itself.
    """
    whole = Store(folder / "whole")
    whole.run(config)
    draws, losses, rounds, different = random.Random(seed), [], 0, 0
    while len(losses) < count or rounds == 0:
        rounds += 1
        store, log = Store(folder / f"round-{rounds}"), folder / "events"
        while True:
            process = _start(store.folder, config, log)
            if len(losses) < count and _killed(process, log, draws.uniform(0.0, LONGEST)):
                losses.append(_loss(store, config, log))
                continue
            code = process.wait()
            if code:
                raise RuntimeError(f"the computation ended with exit code {code}")
            break
        different += store.path(config).read_bytes() != whole.path(config).read_bytes()
        different += store.checkpoint(config).path.exists()
    return losses, rounds, different


def _start(folder: Path, config: RunConfig, log: Path) -> subprocess.Popen[bytes]:
    log.write_bytes(b"")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, __file__, "--child", str(folder), str(log), config.canonical()],
                            env=environment)  # fmt: skip


def _killed(process: subprocess.Popen[bytes], log: Path, after: float) -> bool:
    """Kill it so many seconds after its first look; False if it ended before."""
    while not log.stat().st_size:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() < 0


def _loss(store: Store, config: RunConfig, log: Path) -> Loss:
    events = _events(log)
    path = store.checkpoint(config).path
    kept = _fraction(config, from_bytes(read_sealed(path, "a checkpoint"))) if path.exists() else 0.0
    # The state stood there when its saving began; a start that has saved nothing loses all of its own.
    saved = [event.time for event in events if event.kind == _SAVING and abs(event.fraction - kept) < 1e-12]
    begin = saved[-1] if saved else events[0].time
    threads = {event.thread for event in events}
    pairs = [pair for thread in threads for pair in pairwise(e for e in events if e.thread == thread)]
    gaps = [(after.time - before.time, before.kind) for before, after in pairs]
    look, write = (
        max((gap for gap, kind in gaps if (kind == _SAVING) is saving), default=0.0) for saving in (False, True)
    )
    # What is large is written less often; and when one thread notices that it is time, the others must come to a look.
    allowed = max(SECONDS, 20 * write) + write + 2 * look
    return Loss(events[-1].time - begin, allowed, kept)


def _fraction(config: RunConfig, state: Any) -> float:
    total = config.training.epochs if config.kind == "train" else state.last * len(state.seeds)
    return state.done / total


def _events(log: Path) -> list[Event]:
    content = log.read_bytes()
    return [Event(*event) for event in _EVENT.iter_unpack(content[: len(content) // _EVENT.size * _EVENT.size])]


class _Watched:
    """A checkpoint whose writing is logged."""

    def __init__(self, save: Any, config: RunConfig, note: Any) -> None:
        self.save, self.config, self.note = save, config, note

    @property
    def due(self) -> bool:
        return self.save.due

    def __call__(self, state: Any) -> None:
        due, fraction = self.save.due, _fraction(self.config, state)
        self.note(_SAVING if due else _LOOK, fraction)
        self.save(state)
        self.note(_SAVED if due else _LOOK, fraction)


def child(folder: str, log: str, text: str) -> None:
    """Compute a run, and write what happens when."""
    config = config_from_json(text)
    file = os.open(log, os.O_WRONLY | os.O_APPEND)

    def note(kind: bytes, fraction: float) -> None:
        os.write(file, _EVENT.pack(kind, time.monotonic(), fraction, threading.get_ident()))

    def compute(config: RunConfig, save: Any, resume: Any) -> Any:
        return execute(
            config, workers=2, progress=lambda done: note(_LOOK, done), save=_Watched(save, config, note), resume=resume
        )

    Store(folder).run(config, compute, seconds=SECONDS)


def report(only: list[str], count: int, length: float = 1.0, seed: int = 0) -> bool:
    """Print a line for each computation; whether all is as it should be."""
    print(f"losses in seconds, {SECONDS:g} between checkpoints")
    print(f"{'':<10}{'kills':>6}{'rounds':>8}{'differ':>8}{'over':>6}{'largest loss':>14}{'allowed':>9}{'mean':>7}")
    fine = True
    for name, config in jobs(length).items():
        if name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            losses, rounds, different = kill_again_and_again(config, Path(folder), count, seed)
        over = sum(loss.seconds > loss.allowed for loss in losses)
        largest = max(losses)
        mean = sum(loss.seconds for loss in losses) / len(losses)
        fine &= different == 0 and over == 0
        print(f"{name:<10}{len(losses):>6}{rounds:>8}{different:>8}{over:>6}{largest.seconds:>14.3f}{largest.allowed:>9.3f}"
              f"{mean:>7.3f}", flush=True)  # fmt: skip
    return fine


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=20, help="kills of each")
    parser.add_argument("--length", type=float, default=1.0, help="of the computations; 1 is some twenty seconds each")
    parser.add_argument("--only", default="training,chain,weights")
    given = parser.parse_args()
    sys.exit(not report(given.only.split(","), given.count, given.length))


if __name__ == "__main__":
    main()
