"""The same bits, whoever computes a run, beside which others, in which order: a matrix of kinds by ways.

    python benchmarks/reliability/bits.py [--cells 4]

Each entry counts the cells whose bytes are not those of one process with one worker. The exit code is 1 if one does
not agree.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from practicum import Committee, LearningRule, OrderParameters
from practicum.runs import SimulateConfig, SolveConfig, Store, TrainConfig, run_all
from practicum.runs.config import RunConfig

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_CHILD = "import sys; from practicum.runs import *; [Store(sys.argv[1]).run(config_from_json(c)) for c in sys.argv[2:]]"


def cells(count: int) -> dict[str, list[RunConfig]]:
    """So many configurations of each kind, which differ in the learning rate."""
    from practicum.networks.inputs import GaussianInputs
    from practicum.networks.settings import Training
    from practicum.networks.students import Students
    from practicum.networks.teachers import BalancedTeacher

    rates = [0.2 * (k + 1) for k in range(count)]
    problem = {
        "machine": Committee(students=3, teachers=3, noise=0.1),
        "start": OrderParameters.near_symmetric(3, 3, split=1e-2),
    }
    rules = [LearningRule(learning_rate=rate, batch_size=1 + k % 2) for k, rate in enumerate(rates)]
    # Their first numbers come from LAPACK, the rest from our own kernels: large enough for threads of BLAS to matter.
    sizes = {"dimension": 2000, "until": 3.0, "seeds": 5}
    return {
        "solve": [
            SolveConfig(**{**problem, "machine": Committee(students=3, teachers=3)}, until=300.0,
                        rule=LearningRule(learning_rate=rate)) for rate in rates
        ],
        "chain": [SimulateConfig(**problem, rule=rule, dimension=1000, until=30.0, seeds=5) for rule in rules],
        "weights": [SimulateConfig(**problem, rule=rule, method="weights", **sizes) for rule in rules],
        "weights, float32": [
            SimulateConfig(**problem, rule=rule, method="weights", dtype="float32", **sizes) for rule in rules
        ],
        "training": [
            TrainConfig(
                teacher=BalancedTeacher(inputs=10, hidden=(5, 6), outputs=4),
                students=Students(multiple=2),
                inputs=GaussianInputs(dimension=10, scale=1.0),
                training=Training(epochs=3, batch_size=8, momentum=0.5, learning_rate=0.05 * rate),
                seeds=3,
                samples=80,
                held_out=50,
                keep=("alignment",),
            )
            for rate in rates
        ],
    }  # fmt: skip


def one_worker(folder: Path, configs: list[RunConfig]) -> Store:
    """The reference: one after the other, in this process."""
    return _all(folder, configs, 1)


def four_workers(folder: Path, configs: list[RunConfig]) -> Store:
    """Four processes."""
    return _all(folder, configs, 4)


def shuffled(folder: Path, configs: list[RunConfig]) -> Store:
    """Two processes, another order."""
    mixed = list(configs)
    random.Random(1).shuffle(mixed)
    return _all(folder, mixed, 2)


def four_threads(folder: Path, configs: list[RunConfig]) -> Store:
    """The command line with --workers 4; what has no such option is computed as it is."""
    _in_child(folder, [config for config in configs if config.kind != "simulate"], dict.fromkeys(THREADS, "1"))
    for config in configs:
        if config.kind != "simulate":
            continue
        file = folder / "config.toml"
        file.write_text(_toml(config))
        command = [sys.executable, "-m", "practicum", "simulate", str(file), "--workers", "4", "--store", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Store(folder)


def free_threads(folder: Path, configs: list[RunConfig]) -> Store:
    """A process in which nothing limits the threads of BLAS and OpenMP to one."""
    _in_child(folder, configs, dict.fromkeys(THREADS, "4"))
    return Store(folder)


WAYS: dict[str, Callable[[Path, list[RunConfig]], Store]] = {
    "4 processes": four_workers,
    "shuffled": shuffled,
    "--workers 4": four_threads,
    "4 BLAS threads": free_threads,
}
ALONE = "seeds alone"


def differing(whole: Store, other: Store, configs: list[RunConfig]) -> int:
    """How many cells have other bytes."""
    return sum(whole.path(config).read_bytes() != other.path(config).read_bytes() for config in configs)


def alone(whole: Store, folder: Path, configs: list[RunConfig]) -> int:
    """How many cells have a seed that has other bits when it is computed alone."""
    single = Store(folder)
    count = 0
    for config in configs:
        if config.kind == "solve":
            continue
        batch = whole.run(config)
        parts = [single.run(config.replace(seeds=[seed])) for seed in config.seeds.list()]
        count += any(
            batch.isel(seed=[index])[name].values.tobytes() != part[name].values.astype(batch[name].dtype).tobytes()
            for index, part in enumerate(parts)
            for name in batch.variables
        )
    return count


def matrix(count: int, folder: Path, ways: Mapping[str, Callable[..., Store]] = WAYS) -> dict[str, dict[str, int]]:
    """Differing cells by kind and way."""
    kinds = cells(count)
    everything = [config for configs in kinds.values() for config in configs]
    whole = one_worker(folder / "whole", everything)
    stores = {name: way(folder / name, everything) for name, way in ways.items()}
    return {
        kind: {
            **{name: differing(whole, store, configs) for name, store in stores.items()},
            ALONE: alone(whole, folder / ALONE, configs),
        }
        for kind, configs in kinds.items()
    }


def _all(folder: Path, configs: list[RunConfig], workers: int) -> Store:
    store = Store(folder)
    run_all(store, [(config, None) for config in configs], workers)
    return store


def _in_child(folder: Path, configs: list[RunConfig], limits: dict[str, str]) -> None:
    texts = [config.canonical() for config in configs]
    subprocess.run([sys.executable, "-c", _CHILD, str(folder), *texts], check=True, env={**os.environ, **limits})


def _toml(config: SimulateConfig) -> str:
    """The file that a person would write for a configuration."""

    def table(name: str, values: dict[str, object]) -> str:
        lines = [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]
        return "\n".join([f"[{name}]", *lines])

    values = config.model_dump()
    top = f"until = {config.until!r}\nsave_at = {_value(values['save_at'])}"
    start = {"kind": "explicit", **values["start"]}
    rest = {name: values[name] for name in ("dimension", "method", "dtype", "largest_norm")}
    return "\n\n".join([
        top, table("machine", values["machine"]), table("rule", values["rule"]), table("start", start),
        table("simulate", {**rest, "seeds": config.seeds.list()}),
    ])  # fmt: skip


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=4, help="of each kind")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = matrix(given.cells, Path(folder))
    ways = [*WAYS, ALONE]
    print(f"cells of {given.cells} whose bits are others than in one process, one after the other")
    print(f"{'':<18}" + "".join(f"{way:>16}" for way in ways))
    for kind, row in found.items():
        print(f"{kind:<18}" + "".join(f"{row[way]:>16}" for way in ways))
    sys.exit(any(count for row in found.values() for count in row.values()))


if __name__ == "__main__":
    main()
