"""Is this machine ready: versions, processor, caches, store, optional parts."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from practicum.disk.paths import expanded
from practicum.errors import StorageError
from practicum.runs.processes import THREAD_LIMITS, cores

_FOR_DEVELOPERS = ("dev", "docs", "all")
"""Extras that add nothing which a user would miss."""
_LITTLE_SPACE = 1e9


class Check(NamedTuple):
    """One finding: ``state`` is ok, absent (optional), warning, or broken (needed)."""

    name: str
    state: Literal["ok", "absent", "warning", "broken"]
    found: str
    remedy: str = ""


def examine(store: str | os.PathLike[str] | None = None) -> list[Check]:
    """Every finding, in the order in which a person would ask. Writes and removes one probe file in each folder."""
    return [*_versions(), *_processor(), _numba_cache(), *_store(store), *_extras(), *_torch(), *_images()]


def _versions() -> list[Check]:
    from practicum.runs.provenance import versions

    return [
        Check(name, "broken", found, f"pip install {name}") if found == "absent" else Check(name, "ok", found)
        for name, found in versions().items()
    ]


def _processor() -> list[Check]:
    limits = [f"{name}={os.environ[name]}" for name in THREAD_LIMITS if name in os.environ]
    return [
        Check("system", "ok", f"{platform.system()} {platform.release()}"),
        Check("processor", "ok", f"{_model()}, {platform.machine()}, {cores()} core(s) usable"),
        Check("vector registers", "ok", f"{_width()}; the last bits of weights and trainings depend on it"),
        Check("thread limits", "ok", ", ".join(limits) or "none set; practicum gives each worker one thread"),
    ]


def _width() -> str:
    from practicum.runs.provenance import vectors

    return f"{vectors()} bits" if vectors() else "of unknown width"


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown model"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown model"


def _numba_cache() -> Check:
    from practicum.runs.files import require_writable

    remedy = "without it every start compiles for seconds; set NUMBA_CACHE_DIR to a folder that can be written"
    try:
        # Numba looks for a place that can be written when a cached function is defined, and raises if there is none.
        from practicum.theory._vector import asin

        folder = Path(asin.stats.cache_path or "")
        require_writable(folder)
    except (RuntimeError, StorageError) as error:
        return Check("compiled code cache", "warning", str(error), remedy)
    return Check("compiled code cache", "ok", f"{folder} can be written")


def _store(store: str | os.PathLike[str] | None) -> list[Check]:
    from practicum.runs.files import require_writable
    from practicum.runs.store import Store

    folder = Store(store).folder.absolute()
    existed = folder.exists()
    try:
        require_writable(folder)
    except StorageError as error:
        return [Check("store", "broken", str(folder), str(error))]
    free = shutil.disk_usage(folder).free
    count = len(Store(folder).ids())
    if not existed:
        folder.rmdir()  # looking must not leave a trace
    space = f"{free / 1e9:.1f} GB free"
    disk = Check("disk", "ok", space)
    if free < _LITTLE_SPACE:
        disk = Check(
            "disk", "warning", space, "a run takes 0.1 to 100 MB; free some, or name another disk with --store"
        )
    stored = Check("store", "ok", f"{folder} can be written, holds {count} run(s)")
    return [stored, *_foreign(folder), *_unfinished(folder), disk]


def _foreign(folder: Path) -> list[Check]:
    """What would differ if the stored runs were computed here."""
    from practicum.disk.texts import printable
    from practicum.runs.origins import foreign

    found = foreign(folder)
    if not found:
        return []
    words = [f"{one.runs} run(s) by {one.what} {one.then}, now {one.now}" for one in found]
    remedy = "numbers may differ in rounding if they are computed anew; practicum runs check says by how much"
    return [Check("origin of runs", "warning", printable(", ".join(words)), remedy)]


def _unfinished(folder: Path) -> list[Check]:
    from practicum.runs.resuming import progress_of, unfinished

    found = []
    for path in unfinished(folder):
        progress = progress_of(path)
        found.append(f"{path.name} ({'damaged' if progress is None else f'{progress} done'})")
    if not found:
        return []
    remedy = "the same command goes on from them; remove the files of those that nobody wants to end"
    return [Check("unfinished computations", "warning", ", ".join(found), remedy)]


def _extras() -> list[Check]:
    checks = []
    for extra, packages in _declared().items():
        found = {name: _version(name) for name in packages}
        missing = [name for name, number in found.items() if not number]
        if missing:
            remedy = f"optional; pip install 'practicum[{extra}]' adds it"
            checks.append(Check(f"extra {extra}", "absent", f"without {', '.join(missing)}", remedy))
        else:
            checks.append(Check(f"extra {extra}", "ok", ", ".join(f"{name} {found[name]}" for name in packages)))
    return checks


def _declared() -> dict[str, list[str]]:
    """The packages of each extra, as practicum was installed with them."""
    extras: dict[str, list[str]] = {}
    for line in requires("practicum") or []:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and extra[1] not in _FOR_DEVELOPERS:
            extras.setdefault(extra[1], []).append(name[0])
    return extras


def _torch() -> list[Check]:
    """What PyTorch computes on; nothing where it is not installed."""
    if find_spec("torch") is None:
        return []
    try:
        import torch
    except Exception as error:  # a wheel of another platform, or one whose libraries are missing
        reason = " ".join(str(error).split())
        return [Check("PyTorch", "warning", f"cannot be imported: {reason:.120}", "make networks, or install it anew")]
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    where = f"CUDA: {', '.join(devices)}" if devices else "CPU only"
    return [Check("PyTorch", "ok", f"{where}; {torch.get_num_threads()} thread(s), trainings use one")]


def _images() -> list[Check]:
    """Where the image sets would be read from, without fetching one."""
    from practicum.data.sources import DEBIAN, FOLDER, SOURCES

    folders = [expanded(os.environ[FOLDER])] if os.environ.get(FOLDER) else []
    folders.append(DEBIAN)
    if find_spec("pooch") is not None:
        import pooch

        folders.append(Path(pooch.os_cache("practicum")))
    checks = []
    for name in SOURCES:
        # A fetch that failed leaves an empty folder in the cache.
        places = [folder / name for folder in folders]
        found = next((place for place in places if place.is_dir() and any(place.iterdir())), None)
        if found is None:
            remedy = f"optional; fetched when needed, or set ${FOLDER} to a folder that holds the folder {name}"
            checks.append(Check(f"images {name}", "absent", "not on this machine", remedy))
        else:
            checks.append(Check(f"images {name}", "ok", str(found)))
    return checks


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
