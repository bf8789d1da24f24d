"""Sweeps under fire: killed, robbed of workers and scheduler, run twice at once; and what handing out cells costs.

    python benchmarks/reliability/sweeps.py [--kills 50] [--cells 40] [--repeats 3] [--only kills,workers,scheduler]

Each paragraph is one fault with its figures. The exit code counts the figures that must be 0 and are not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

GRID = ["--set", "learning_rate=linspace(0.1,1,10)", "--set", "noise=0,0.1,0.2,0.3"]
SIZE = ["--set", "students=2", "--set", "teachers=2", "--set", "dimension=1000", "--seeds", "2"]
CELLS = 40


def command(store: Path, *more: str, until: float = 300.0, workers: int | None = 2) -> list[str]:
    """A sweep of 40 cells of some tenths of a second."""
    place = [] if workers is None else ["--workers", str(workers)]
    settings = [*GRID, *SIZE, "--set", f"until={until}"]
    return [sys.executable, "-m", "practicum", "sweep", *settings, "--store", str(store), "--json", *place, *more]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str], timeout: float = 600.0) -> tuple[int, dict[str, Any], str]:
    """Exit code, what it printed as JSON, and its last word to a person."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, json.loads(out) if out.strip() else {}, err.strip()


def contents(store: Path) -> dict[str, str]:
    """SHA-256 of every run file by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(store.glob("*.nc"))}


def births(store: Path) -> dict[str, tuple[int, int]]:
    """Which file it is that has a name: one that was written a second time is another."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in store.glob("*.nc")}


def kill_tree(process: subprocess.Popen[str], all_at_once: bool) -> None:
    """SIGKILL to the sweep, and to its cluster and workers at the same moment, or not at all."""
    with_children = psutil.Process(process.pid).children(recursive=True) if all_at_once else []
    process.kill()
    for child in with_children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    process.communicate()


def settled(children: list[psutil.Process], patience: float = 30.0) -> int:
    """How many of the processes of a killed sweep live on after a while."""
    return len(psutil.wait_procs(children, timeout=patience)[1])


def reference(folder: Path) -> tuple[dict[str, str], float]:
    """The store of a sweep that nobody disturbed, and how long that took."""
    began = time.perf_counter()
    code, document, error = finish(start(command(folder)))
    assert code == 0, error
    assert document["computed"] == CELLS
    return contents(folder), time.perf_counter() - began


def kills(folder: Path, count: int, seed: int = 0) -> dict[str, Any]:
    """SIGKILL at random moments, restarted until done, as many rounds as it takes to kill `count` times."""
    whole, seconds = reference(folder / "whole")
    rng = random.Random(seed)
    done = rounds = lost = twice = corrupt = different = orphans = left = 0
    while done < count:
        rounds += 1
        store = folder / f"round-{rounds}"
        seen: dict[str, tuple[int, int]] = {}
        while True:
            process = start(command(store))
            if done == count:
                break
            time.sleep(rng.uniform(0.0, seconds))
            if process.poll() is not None:
                break
            children = psutil.Process(process.pid).children(recursive=True)
            kill_tree(process, all_at_once=rng.random() < 0.5)
            orphans += settled(children)
            done += 1
            now = births(store)
            twice += sum(now.get(name) != born for name, born in seen.items())
            seen = now
        code, _, error = finish(process)
        assert code == 0, error
        now = births(store)
        twice += sum(now.get(name) != born for name, born in seen.items())
        found = contents(store)
        lost += len(whole.keys() - found.keys())
        different += sum(found.get(name) != digest for name, digest in whole.items())
        check = subprocess.run(
            [sys.executable, "-m", "practicum", "runs", "verify", "--store", str(store), "--json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        corrupt += check.returncode != 0
        left += claims_left(store)
    return {
        "kills": done, "rounds": rounds, "lost": lost, "twice": twice, "corrupt": corrupt, "different": different,
        "orphans": orphans, "claims left": left,
    }  # fmt: skip


def claims_left(store: Path) -> int:
    """Claims in the index of a store in which nobody works."""
    import sqlite3

    with sqlite3.connect(store / "index.sqlite") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables if "claim" in table
        )


def worker_killed(folder: Path, seed: int = 1) -> dict[str, Any]:
    """Workers of a sweep are killed, one after the other: it completes."""
    whole, seconds = reference(folder / "whole")
    rng = random.Random(seed)
    store = folder / "robbed"
    process = start(command(store))
    killed = 0
    while process.poll() is None and killed < 4:
        time.sleep(rng.uniform(0.3, 0.3 * seconds))
        if workers := _workers(process.pid):
            rng.choice(workers).kill()
            killed += 1
    code, document, error = finish(process)
    return {
        "workers killed": killed, "exit code": code, "word": error.splitlines()[-1] if code else "",
        "failed": len(document.get("failed", {})),
        "different": int(contents(store) != whole), "claims left": claims_left(store),
    }  # fmt: skip


def _workers(pid: int) -> list[psutil.Process]:
    """The processes that compute: those that multiprocessing spawned below a sweep."""
    found = []
    try:
        for child in psutil.Process(pid).children(recursive=True):
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
    except psutil.NoSuchProcess:
        pass
    return found


def scheduler_lost(folder: Path) -> dict[str, Any]:
    """The scheduler of a sweep is killed: it stops with a word, and the same command completes it."""
    whole, seconds = reference(folder / "whole")
    figures: dict[str, Any] = {}
    for name in ("local", "remote"):
        store = folder / name
        with remote(folder / f"{name}.json") if name == "remote" else _nothing() as cluster:
            place = ["--scheduler-file", str(folder / "remote.json")] if cluster else []
            process = start(command(store, *place, workers=None if cluster else 2))
            while not list(store.glob("*.nc")):
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.05)
            time.sleep(0.1 * seconds)
            victim = cluster[0].pid if cluster else psutil.Process(process.pid).children()[0].pid
            os.kill(victim, signal.SIGKILL)
            began = time.perf_counter()
            code, _, error = finish(process)
        figures[f"{name}: exit code"] = code
        figures[f"{name}: seconds to notice"] = round(time.perf_counter() - began, 1)
        figures[f"{name}: lines said"] = len([line for line in error.splitlines() if line.startswith("practicum:")])
        figures[f"{name}: word"] = error.splitlines()[-1] if error else ""
        code, document, error = finish(start(command(store)))
        assert code == 0, error
        figures[f"{name}: resumed from"] = document["found"]
        figures[f"{name}: different"] = int(contents(store) != whole)
    return figures


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


@contextmanager
def remote(file: Path, workers: int = 2) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A scheduler and workers of their own, as on a cluster; the first process is the scheduler."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    processes = [
        subprocess.Popen(
            [
                *dask,
                "scheduler",
                "--scheduler-file",
                str(file),
                "--host",
                "127.0.0.1",
                "--dashboard-address",
                "127.0.0.1:0",
            ],
            **quiet,
        )
    ]
    try:
        while not file.exists():
            time.sleep(0.05)
        for _ in range(workers):
            options = ["--scheduler-file", str(file), "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard"]
            processes.append(subprocess.Popen([*dask, "worker", *options], **quiet))
        yield processes
    finally:
        for process in processes:
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                child.kill()
            process.kill()
            process.wait()


def together(folder: Path) -> dict[str, Any]:
    """Two processes sweep the same grid on one store, then three."""
    whole, _ = reference(folder / "whole")
    figures: dict[str, Any] = {}
    for number in (2, 3):
        store = folder / f"shared-{number}"
        processes = [start(command(store, workers=1)) for _ in range(number)]
        ends = [finish(process) for process in processes]
        assert all(code == 0 for code, _, _ in ends), ends
        work = [document["computed"] for _, document, _ in ends]
        figures[f"{number} processes: shares"] = " + ".join(map(str, work))
        figures[f"{number} processes: double work"] = sum(work) - CELLS
        figures[f"{number} processes: different"] = int(contents(store) != whole)
        figures[f"{number} processes: claims left"] = claims_left(store)
    return figures


def bits(folder: Path) -> dict[str, Any]:
    """1 and 4 workers, another order of the axes, and each seed a cell of its own: the same bits."""
    from practicum.runs import Store

    whole, _ = reference(folder / "whole")
    figures: dict[str, Any] = {}
    for workers in (1, 4):
        store = folder / f"workers-{workers}"
        assert finish(start(command(store, workers=workers)))[0] == 0
        figures[f"{workers} workers: different"] = sum(
            contents(store)[name] != digest for name, digest in whole.items()
        )
    swapped = [*GRID[2:], *GRID[:2], *SIZE, "--set", "until=300.0"]
    store = folder / "swapped"
    program = [sys.executable, "-m", "practicum", "sweep"]
    assert finish(start([*program, *swapped, "--store", str(store), "--json"]))[0] == 0
    figures["other order: different"] = int(contents(store) != whole)
    alone = folder / "alone"
    settings = [*GRID, *SIZE[:-2], "--set", "seed=1,0", "--set", "until=300.0"]
    code, document, _ = finish(start([*program, *settings, "--store", str(alone), "--json"]))
    assert code == 0
    batches, singles, differing = Store(folder / "whole"), Store(alone), 0
    for place, run in enumerate(json.loads(_sweep_text(folder / "whole"))["cells"]):
        batch = batches.load(run)
        for column, seed in enumerate((1, 0)):
            one = singles.load(document["cells"][2 * place + column])
            for name in batch.data_vars:
                if "seed" in batch[name].dims:
                    differing += (
                        not batch[name]
                        .sel(seed=seed)
                        .drop_vars("seed")
                        .identical(one[name].sel(seed=seed).drop_vars("seed"))
                    )
    figures["seed alone: different variables"] = differing
    return figures


def _sweep_text(folder: Path) -> str:
    from practicum.runs.sweeps.plan import Sweep

    (path,) = folder.glob("*.sweep")
    return Sweep.read(path).text


def cells_of(folder: Path, name: str, count: int, seconds: float, rate: float) -> list[str]:
    """A sweep of `count` cells of about `seconds` each, given updates a second."""
    until = max(1, round(seconds * rate / 1000))
    grid = ["--set", f"learning_rate=linspace(0.1,0.2,{count})", "--set", f"until={until}", "--set", "save_at=[1.0]"]
    settings = [*grid, *SIZE[:-2], "--seeds", "1"]
    return [sys.executable, "-m", "practicum", "sweep", *settings, "--store", str(folder / name), "--json"]


def updates_per_second() -> float:
    """Of the chain with two students and two teachers, in this process."""
    from practicum import Committee, LearningRule, OrderParameters, simulate

    machine, start_ = Committee(students=2, teachers=2), OrderParameters.random(2, 2, seed=0)

    def run(until: float) -> float:
        began = time.process_time()
        simulate(machine, LearningRule(learning_rate=0.15), start_, 1000, until, save_at=[1.0], workers=1)
        return time.process_time() - began

    run(10.0)
    return 2_000_000 / min(run(2000.0) for _ in range(3))


def loop(folder: Path, arguments: list[str]) -> float:
    """Seconds of a plain loop over the same cells in one process that stores each: what a sweep is measured against."""
    code = (
        "import sys, time\n"
        "from practicum.runs import Store\n"
        "from practicum.runs.sweeps.sweeping import plan_of\n"
        "from practicum.runs.execute import execute\n"
        "settings = [a for flag, a in zip(sys.argv[2:], sys.argv[3:]) if flag == '--set']\n"
        "plan = plan_of(None, settings, seeds='1')\n"
        "store = Store(sys.argv[1])\n"
        "warm = execute(plan.configs[0].replace(until=2.0, save_at=[1.0]), workers=1)\n"
        "began = time.perf_counter()\n"
        "for config in plan.configs:\n"
        "    store.run(config, lambda config: execute(config, workers=1))\n"
        "print(time.perf_counter() - began)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def cost(folder: Path, count: int, seconds: float, workers: tuple[int, ...], repeats: int) -> dict[str, Any]:
    """Wall seconds of sweeps against one process in a loop, taken in turn; medians of the ratios, and their range.

    `cells` is the time from the first cell handed out to the last one back, `whole` that of the whole command with
    starting Python, the cluster and its workers. Against the loop, a cell may be slower only because another is
    computed beside it; what it takes in the workers themselves is the other measure.
    """
    rate = updates_per_second()
    found: dict[str, list[float]] = {}
    for turn in range(repeats):
        name = f"{count}-{seconds:g}-{turn}"
        arguments = cells_of(folder, name, count, seconds, rate)
        plain = loop(folder / f"{name}-loop", arguments)
        found.setdefault("a cell in the loop, s", []).append(plain / count)
        for number in workers:
            store = folder / f"{name}-{number}"
            place = [*arguments[: arguments.index("--store")], "--store", str(store), "--json"]
            began = time.perf_counter()
            code, document, error = finish(start([*place, "--workers", str(number)]))
            assert code == 0, error
            whole, cells = time.perf_counter() - began, document["cell_seconds"]
            for what, value in {
                "whole command, s": whole,
                "cells, s": cells,
                "overhead against the loop, %": 100 * (cells * number / plain - 1),
                "overhead beside computing and storing, %": 100 * (cells * number / document["work_seconds"] - 1),
                "cells against the loop": plain / cells,
                "whole command against the loop": plain / whole,
            }.items():
                found.setdefault(f"{number} worker(s): {what}", []).append(value)
    return {
        what: f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"
        for what, values in found.items()
    }


FAULTS: dict[str, Callable[..., dict[str, Any]]] = {
    "kills": kills,
    "workers": worker_killed,
    "scheduler": scheduler_lost,
    "together": together,
    "bits": bits,
}
ZERO = ("lost", "twice", "corrupt", "different", "orphans", "claims left", "failed", "different variables")


def faults_in(figures: dict[str, Any]) -> list[str]:
    """Names of figures that must be 0 and are not."""
    return [name for name, value in figures.items() if name.rpartition(": ")[2] in ZERO and value]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cells", type=int, help="of the sweeps whose time is taken")
    parser.add_argument("--repeats", type=int, default=3, help="of these sweeps")
    parser.add_argument("--only", default="kills,workers,scheduler,together,bits,overhead,throughput")
    options = parser.parse_args()
    bad = 0
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            if name == "overhead":
                figures = cost(place, options.cells or 400, 0.05, (1, 2), options.repeats)
            elif name == "throughput":
                figures = cost(place, options.cells or 40, 1.0, (2,), options.repeats)
            else:
                figures = FAULTS[name](place, options.kills) if name == "kills" else FAULTS[name](place)
        print(f"\n{name}")
        for what, value in figures.items():
            print(f"  {what:<44} {value}", flush=True)
        bad += len(faults_in(figures))
    return bad


if __name__ == "__main__":
    raise SystemExit(main())
