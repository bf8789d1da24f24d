"""By which versions, on which architecture, the runs of a folder were made, and what of that is different here."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from practicum.runs.provenance import architecture, versions

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Of a package."""


class Foreign(NamedTuple):
    """So many runs were made by another version of a package than the one that is here, or on another architecture."""

    what: str
    then: str
    now: str
    runs: int


def foreign(folder: Path) -> list[Foreign]:
    """What would differ if the runs of a folder were computed here: names with another version, by name and version.

    Only the labels are read; files that cannot be read are left out, see ``practicum runs verify``.
    """
    from practicum.runs.folder import Folder

    found: Counter[tuple[str, str]] = Counter()
    for run in Folder(folder).ids():
        found.update(_label(folder / f"{run}.nc").items())
    here = {**versions(), "architecture": architecture()}
    here |= versions(*sorted({name for name, _ in found} - here.keys()))
    return [
        Foreign(name, then, here[name], count) for (name, then), count in sorted(found.items()) if then != here[name]
    ]


def _label(path: Path) -> dict[str, str]:
    """Versions by name, and the architecture; nothing of a file that is no run."""
    import h5py

    try:
        if not path.is_file():
            return {}
        with h5py.File(path, "r") as file:
            found = json.loads(str(file.attrs["versions"]))
            theirs = {name: str(version) for name, version in found.items() if _NAME.fullmatch(name)}
            return {**theirs, "architecture": str(file.attrs["architecture"])}
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        return {}
