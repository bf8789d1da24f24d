"""Stores of many small runs, written in no time: the same files as practicum's, with next to nothing in them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from made_up import MACHINE, RULE, START
from practicum.runs import SimulateConfig, Store
from practicum.runs.failures import record_failure

NOBODY = 65534


def small_config(seed: int, **changes):
    values = {"machine": MACHINE, "rule": RULE, "start": START, "until": 1.0, "save_at": (0.0, 1.0), "dimension": 50}
    return SimulateConfig(**{**values, "seeds": [seed], **changes})


def small_run(config: SimulateConfig, status: str = "ok") -> xr.Dataset:
    seeds = config.seeds.list()
    return xr.Dataset(
        {
            "generalization_error": (("seed", "alpha"), [[0.5, 0.25 / (1 + seed)] for seed in seeds]),
            "status": ("seed", [status] * len(seeds)),
        },
        coords={"alpha": [0.0, 1.0], "seed": seeds},
        attrs={"cite": ""},
    )


def store_small(folder: Path, *seeds: int, **changes) -> list[str]:
    """Store one run for each seed; their ids."""
    store = Store(folder)
    configs = [small_config(seed, **changes) for seed in seeds]
    for config in configs:
        store.put(config, small_run(config))
    return [config.id for config in configs]


def fail_small(folder: Path, seed: int, **changes) -> str:
    """Note that a run failed; its id."""
    config = small_config(seed, **changes)
    record_failure(folder, config, "ZeroDivisionError", f"The seed {seed} divided by zero.", 3)
    return config.id


def age(folder: Path, seconds: float = 10.0, pattern: str = "*") -> None:
    """Make files of a folder older, as if they had been written some time ago."""
    for path in folder.glob(pattern):
        details = path.stat()
        os.utime(path, ns=(details.st_atime_ns, details.st_mtime_ns - int(seconds * 1e9)))


def flip(path: Path, place: int = -200) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    if content:
        content[place % len(content)] ^= 4
    path.write_bytes(content)


@contextlib.contextmanager
def nothing_may_be_written(folder: Path) -> Iterator[None]:
    """A folder that can only be read, for root too, who then is nobody for a while."""
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    parents = [path for path in folder.absolute().parents if not path.stat().st_mode & 0o001]
    above = {path: path.stat().st_mode for path in parents}
    root = os.geteuid() == 0
    try:
        for path, mode in above.items():
            path.chmod(mode | 0o111)
        for path in modes:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if root:
            os.seteuid(NOBODY)
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in {**modes, **above}.items():
            if path.exists():
                path.chmod(mode)
