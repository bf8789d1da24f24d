"""Ten thousand stored runs: what it costs to store them, to list them, and to open them as one dataset.

    python benchmarks/reliability/many_runs.py [--count 10000] [--store FOLDER]

The runs are simulations of the exact chain, of 4 seeds and 201 points, computed and stored one after the other like any
other run; together they are the cells of one sweep. Every figure but the first is of a process of its own, with cold
imports. With a folder that holds them already nothing is computed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

BARS = {
    "index made anew (s)": (60.0, 3.0),
    "runs list, the whole command (s)": (0.5, 0.5),
    "open as one dataset, first time (s)": (60.0, 3.0),
    "open as one dataset, again (s)": (5.0, 3.0),
}
"""For 10 000 runs, and the least that is granted to fewer: a command has to start."""


def plan(count: int) -> Any:
    """A grid of about so many cells."""
    from practicum.runs.sweeps import from_tables
    from practicum.runs.sweeps.axes import axis

    rows = max(1, round(count**0.5))
    tables = {
        "machine": {"students": 3, "teachers": 2},
        "rule": {"inverse_temperature": 4.0},
        "start": {"kind": "near-symmetric", "split": 0.01},
        "simulate": {"dimension": 100, "seeds": 4},
        "until": 20.0,
    }
    axes = [
        axis("learning_rate", [0.1 + 0.9 * i / rows for i in range(rows)]),
        axis("noise", [0.3 * i / max(1, count // rows) for i in range(max(1, count // rows))]),
    ]
    return from_tables("simulate", tables, (), axes)


def store_all(folder: Path, count: int) -> dict[str, float]:
    """Compute and store the cells; nothing is done for those that are there."""
    from practicum.runs import Store
    from practicum.runs.execute import execute

    store, made = Store(folder), plan(count)
    made.sweep.write(folder)
    began = time.perf_counter()
    for config in made.configs:
        if config not in store:
            store.run(config, partial(execute, workers=1))
    seconds = time.perf_counter() - began
    size = sum(store.path(config).stat().st_size for config in made.configs)
    return {
        "runs": len(made.configs),
        "compute and store all (s)": seconds,
        "size (MB)": size / 1e6,
        "size of one (kB)": size / 1e3 / len(made.configs),
    }


def overhead(folder: Path, count: int) -> dict[str, float]:
    """What storing 200 cells costs that are computed in no time: of the processor, for the rest is the disk's."""
    from practicum.runs import Store, netcdf, store

    configs = plan(count).configs[:200]
    datasets = [Store(folder).get(config) for config in configs]
    spent = dict.fromkeys(("encode", "write"), 0.0)

    def timed(name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            began = time.process_time()
            try:
                return function(*arguments)
            finally:
                spent[name] += time.process_time() - began

        return call

    encode, write = netcdf.to_bytes, store.write_sealed
    netcdf.to_bytes, store.write_sealed = timed("encode", encode), timed("write", write)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            began = time.process_time()
            for config, dataset in zip(configs, datasets):
                Store(temporary).keep(config, Store(temporary).compute(config, lambda _, found=dataset: found))
            seconds = time.process_time() - began
    finally:
        netcdf.to_bytes, store.write_sealed = encode, write
    each = 1e3 / len(configs)
    return {
        "encode one (ms)": spent["encode"] * each,
        "write one, without waiting for the disk (ms)": spent["write"] * each,
        "everything else of storing one (ms)": (seconds - spent["encode"] - spent["write"]) * each,
    }


def listing(folder: Path) -> dict[str, float]:
    """The figures of the index: made anew, and used. The fastest of five is what the command takes by itself."""

    def command(*arguments: str) -> tuple[float, str]:
        words = [sys.executable, "-m", "practicum", "runs", *arguments, "--store", str(folder)]
        began = time.perf_counter()
        out = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        return time.perf_counter() - began, out

    def fastest(*arguments: str) -> float:
        return min(command(*arguments)[0] for _ in range(5))

    _, said = command("rebuild", "--json")
    return {
        "index made anew (s)": json.loads(said)["seconds"],
        "runs list, the whole command (s)": fastest("list"),
        "runs list --where (s)": fastest("list", "--where", "noise > 0.15 and 'ok' in status"),
        "runs list --json (s)": fastest("list", "--json"),
    }


OPEN = """
import json, sys, time
began = time.perf_counter()
from practicum.runs import Store
from practicum.runs.sweeps import open_sweep
data = open_sweep(Store(sys.argv[1]), sys.argv[2])
opened = time.perf_counter()
mean = float(data.generalization_error.mean())
done = time.perf_counter()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"open": opened - began, "mean": done - opened, "value": mean, "peak": peak}))
"""


def opened_apart(folder: Path, sweep: str) -> dict[str, Any]:
    """Seconds to open the sweep and to compute one mean, in a fresh process."""
    command = [sys.executable, "-c", OPEN, str(folder), sweep]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def opening(folder: Path, count: int) -> dict[str, float]:
    """The figures of the consolidated copy: made, and used."""
    from practicum.runs.sweeps.consolidated import ENDING

    sweep = plan(count).sweep.id
    for path in (folder / f"{sweep}{ENDING}").glob("*"):
        path.unlink()
    first, again = opened_apart(folder, sweep), opened_apart(folder, sweep)
    assert first["value"] == again["value"]
    copy = sum(path.stat().st_size for path in (folder / f"{sweep}{ENDING}").glob("*"))
    return {
        "open as one dataset, first time (s)": first["open"],
        "open as one dataset, again (s)": again["open"],
        "mean of one variable (s)": again["mean"],
        "size of the copy (MB)": copy / 1e6,
        "peak memory, first time (MB)": first["peak"] / 1e3,
        "peak memory, again (MB)": again["peak"] / 1e3,
    }


def report(figures: dict[str, float], count: int) -> list[str]:
    """Print the figures; those that are over their bar at this count are returned."""
    over = []
    for name, figure in figures.items():
        bar, least = BARS.get(name, (None, 0.0))
        word = "" if bar is None else f"   bar {bar:g} at 10000"
        print(f"{name:42s} {figure:12.2f}{word}")
        if bar is not None and figure > max(bar * count / 10_000, least):
            over.append(name)
    return over


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--store", type=Path, help="a folder to keep; a temporary one if not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.store or Path(temporary)
        figures = store_all(folder, arguments.count)
        figures |= {**overhead(folder, arguments.count), **listing(folder), **opening(folder, arguments.count)}
        return len(report(figures, arguments.count))


if __name__ == "__main__":
    raise SystemExit(main())
