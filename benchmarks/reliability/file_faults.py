"""Files under fire: writers that are killed, bits that turn, files that end too early.

    python benchmarks/reliability/file_faults.py [--kills 100] [--in-place 25] [--damages 1000] [--only kills,damages]

Each paragraph is one fault with its figures. The exit code counts the figures that must be 0 and are not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from itertools import count, cycle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from practicum import Committee, LearningRule, OrderParameters
from practicum.errors import StorageError
from practicum.runs import SimulateConfig, SolveConfig, Store, StudyConfig, TrainConfig, netcdf
from practicum.runs.config import RunConfig
from practicum.runs.execute import execute
from practicum.runs.failures import record_failure
from practicum.runs.files import read_sealed, write_sealed
from practicum.runs.verifying import verify_files

NUMBERS = 2**18
"""Of each of two arrays: a run of 4 MB."""
_NOISE = np.random.default_rng(0).normal(size=NUMBERS)
LATEST = 0.25
"""Seconds after which a writer is killed at the latest; a write takes a tenth of it."""


def dataset(number: int) -> xr.Dataset:
    """A dataset in which every number says which one it is."""
    values = {"numbers": ("point", np.full(NUMBERS, float(number))), "noise": ("point", _NOISE + number)}
    return xr.Dataset(values, attrs={"number": number})


def arrays(path: Path) -> tuple[int, dict[str, np.ndarray]]:
    """The number and the arrays of a file, as h5py reads it, which compares nothing."""
    with h5py.File(path) as file:
        return int(np.ravel(file.attrs["number"])[0]), {name: file[name][...] for name in ("numbers", "noise")}


def config(number: int) -> StudyConfig:
    """What the run of that number is called."""
    return StudyConfig(study="faults", part="write", parameters={"number": number})


def is_right(found: Mapping[str, Any], number: int) -> bool:
    """Whether arrays are those of that number."""
    return all(np.array_equal(np.asarray(found[str(name)]), values) for name, values in dataset(number).items())


def killed(work: Callable[[Callable[[int], None]], None], delay: float) -> int:
    """Start a writer in a process of its own and kill it after a while; the last number that it said was written."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            work(lambda number: os.write(writer, number.to_bytes(8, "little")) and None)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        first = said.read(8)  # it has begun
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        words = first + said.read()
    return int.from_bytes(words[len(words) // 8 * 8 - 8 : len(words) // 8 * 8], "little")


def kill_writers(folder: Path, times: int, seed: int = 0) -> dict[str, Any]:
    """SIGKILL while runs are stored and a sealed file is replaced, over and over."""
    rng = random.Random(seed)
    store, state = Store(folder / "runs"), folder / "state"
    found: Counter[str] = Counter()
    begin = 0
    for _ in range(times):

        def work(say: Callable[[int], None], begin: int = begin) -> None:
            for number in count(begin):
                store.put(config(number), dataset(number))
                write_sealed(state, number.to_bytes(8, "little") * NUMBERS)
                say(number)

        last = killed(work, rng.uniform(0, LATEST))
        found["interrupted"] += any(".part" in path.name for path in [*store.folder.iterdir(), *folder.iterdir()])
        for number in count(begin):
            path = store.path(config(number))
            if not path.exists():
                found["lost"] += number <= last
                break
            try:
                stored = store.load(path.stem)
                found["wrong"] += stored.attrs["number"] != number or not is_right(stored, number)
            except StorageError:
                found["unreadable"] += 1
            path.unlink()
        try:
            body = read_sealed(state, "a state")
            found["wrong"] += body not in [n.to_bytes(8, "little") * NUMBERS for n in (last, last + 1)]
        except StorageError:
            found["unreadable"] += 1
        begin = last + 2
        _clear(store.folder, folder)
    return {"kills": times, **{name: found[name] for name in ("interrupted", "unreadable", "wrong", "lost")}}


def _clear(*folders: Path) -> None:
    for folder in folders:
        for path in folder.glob(".*.part"):
            path.unlink()


def _rewrite(path: Path, say: Callable[[int], None]) -> None:
    """The file is written anew where it stands, as xarray does."""
    for number in count(1):
        dataset(number).to_netcdf(path, engine="h5netcdf")
        say(number)


def _update(path: Path, say: Callable[[int], None]) -> None:
    """The numbers in the file are changed where they stand, as HDF5 allows."""
    dataset(0).to_netcdf(path, engine="h5netcdf")
    for number in count(1):
        new = dataset(number)
        with h5py.File(path, "r+") as file:
            for name in new:
                file[str(name)][...] = new[name].values
            file.attrs["number"] = number
        say(number)


def _copy(path: Path, say: Callable[[int], None]) -> None:
    """The bytes of a stored run are written where the last ones stand, without a file beside it."""
    for number in count(1):
        image = netcdf.to_bytes(dataset(number))
        with open(path, "r+b" if path.exists() else "wb") as file:
            for first in range(0, len(image), 2**16):
                file.write(image[first : first + 2**16])
            file.flush()
            os.fsync(file.fileno())
        say(number)


IN_PLACE = {
    "written over with the bytes of a run": _copy,
    "written anew by xarray": _rewrite,
    "changed by h5py": _update,
}


def kill_in_place(folder: Path, times: int, write: Callable[..., None], seed: int = 0) -> dict[str, Any]:
    """SIGKILL while a file is written in place: how many are damaged, and how many of these open without an error."""
    rng = random.Random(seed)
    damaged = silent = 0
    for attempt in range(times):
        path = folder / f"{attempt}.nc"
        killed(lambda say, path=path: write(path, say), rng.uniform(0, LATEST))
        try:
            number, found = arrays(path)
        except Exception:  # h5py raises many kinds
            damaged += 1
        else:
            mixed = not is_right(found, number)
            damaged += mixed
            silent += mixed
    return {"kills": times, "damaged": damaged, "of which opened without an error": silent}


def fill(folder: Path) -> Store:
    """A store with a run of every kind, a failed one, a checkpoint, and a sweep with its copy in few files."""
    from practicum.runs.sweeps import from_config, open_sweep
    from practicum.runs.sweeps.axes import axis

    store = Store(folder)
    shared = {
        "machine": Committee(students=2, teachers=2),
        "rule": LearningRule(learning_rate=0.5),
        "start": OrderParameters.random(2, 2, seed=0),
    }
    small = SolveConfig(**shared, until=1.0, save_at=(0.0, 1.0))
    plan = from_config(small, [axis("noise", np.linspace(0, 0.3, 204).tolist())])  # small sweeps need no copy
    plan.sweep.write(folder)
    for cell in plan.configs:
        store.run(cell)
    open_sweep(store, plan.sweep).close()
    store.run(SolveConfig(**shared, until=5.0))
    store.run(SimulateConfig(**shared, until=2.0, dimension=100, seeds=3))
    store.put(config(0), dataset(0).isel(point=slice(1000)))
    record_failure(folder, config(1), "ZeroDivisionError", "One cannot divide by zero.", 3)
    if find_spec("torch") is not None:
        _train(store)
    return store


class _Interrupted(Exception):
    """Here, instead of a kill."""


def _train(store: Store) -> None:
    """A training, and the checkpoint of another one that did not come to its end."""
    from practicum.networks.inputs import GaussianInputs
    from practicum.networks.settings import Training
    from practicum.networks.students import Students
    from practicum.networks.teachers import SeparatedTeacher

    shared: dict[str, Any] = {
        "teacher": SeparatedTeacher(inputs=6, hidden=3, outputs=4, output_bias=None),
        "students": Students(multiple=2),
        "inputs": GaussianInputs(dimension=6, scale=1.5),
        "samples": 40,
        "held_out": 50,
    }
    store.run(TrainConfig(**shared, training=Training(epochs=2, batch_size=8)))

    def stopping(config: RunConfig, *, save: Callable[[Any], None], resume: Any) -> xr.Dataset:
        def once(state: Any) -> None:
            save(state)
            raise _Interrupted

        return execute(config, save=once, resume=resume)

    with suppress(_Interrupted):
        store.run(TrainConfig(**shared, training=Training(epochs=3, batch_size=8)), stopping, seconds=0)


def damages(folder: Path, times: int, seed: int = 0) -> dict[str, Any]:
    """One bit that turns or an end that is missing, at a random place of a random file of each kind in turn."""
    rng = random.Random(seed)
    store = fill(folder)
    by_kind: dict[str, list[str]] = {}
    for path, kind, problem in verify_files(store.folder):
        assert not problem, problem
        name = str(path.relative_to(store.folder))
        label = f"{kind}, {store.load(path.stem).attrs['kind']}" if kind == "run" else kind
        by_kind.setdefault(label, []).append(name)
    missed, unnamed, tried = Counter[str](), Counter[str](), Counter[str]()
    kinds = cycle(by_kind)
    for _ in range(times):
        kind = next(kinds)
        name = rng.choice(by_kind[kind])
        path = store.folder / name
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        said = [found.problem for found in verify_files(store.folder, name)]
        path.write_bytes(whole)
        tried[kind] += 1
        missed[kind] += not all(said) or not said
        run = Path(name).parts[0].partition(".")[0]
        unnamed[kind] += any(str(path) not in text or run not in text for text in said)
    return {
        "damages": times,
        "unnoticed": sum(missed.values()),
        "not named": sum(unnamed.values()),
        "tried": ", ".join(f"{number} {kind}" for kind, number in tried.items()),
        "where": dict(missed + unnamed),
    }


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """A file in which one bit has turned, or that ends too early."""
    if rng.random() < 0.5:
        return whole[: rng.randrange(len(whole))]
    place = rng.randrange(8 * len(whole))
    return whole[: place // 8] + bytes([whole[place // 8] ^ 1 << place % 8]) + whole[place // 8 + 1 :]


def show(title: str, figures: dict[str, Any], must_be_0: tuple[str, ...] = ()) -> int:
    """Print a paragraph; how many figures are not 0 that must be."""
    print(title)
    for name, value in figures.items():
        print(f"  {name:<36}{value}{'   <--' if name in must_be_0 and value else ''}")
    return sum(bool(figures[name]) for name in must_be_0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--in-place", type=int, default=25)
    parser.add_argument("--damages", type=int, default=1000)
    parser.add_argument("--only", default="kills,in-place,damages")
    chosen = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if "kills" in chosen.only:
            (folder / "a").mkdir()
            figures = kill_writers(folder / "a", chosen.kills)
            bad += show("SIGKILL while runs are stored", figures, ("unreadable", "wrong", "lost"))
        for number, (name, write) in enumerate(IN_PLACE.items() if "in-place" in chosen.only else ()):
            (folder / f"b{number}").mkdir()
            show(f"SIGKILL while a file is {name}", kill_in_place(folder / f"b{number}", chosen.in_place, write))
        if "damages" in chosen.only:
            figures = damages(folder / "c", chosen.damages)
            bad += show("One bit or the end of a stored file", figures, ("unnoticed", "not named"))
    raise SystemExit(bad)


if __name__ == "__main__":
    main()
