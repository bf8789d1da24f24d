"""From the file of a run to its content, verified: whole, readable, and under its own name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from practicum.canonical import ID_LENGTH, sha256
from practicum.errors import StorageError
from practicum.runs.files import read_sealed

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.netcdf import Label

T = TypeVar("T")

ENDING = ".nc"


def run_path(folder: Path, run: str) -> Path:
    """The file of a run, whether or not it exists."""
    return folder / f"{run}{ENDING}"


def read_run(path: Path) -> xr.Dataset:
    """The run in a file.

    Raises:
        StorageError: the file is missing, damaged, no run, or another run's.
    """
    from practicum.runs import netcdf

    image, _ = _verified(path)
    return _decoded(path, image, netcdf.from_bytes)


def read_label(path: Path) -> Label:
    """What a list needs of the run in a file, all of which is verified all the same.

    Raises:
        StorageError: as :func:`read_run`.
    """
    return _verified(path)[1]


def _verified(path: Path) -> tuple[bytes, Label]:
    from practicum.runs import netcdf

    run = path.name.removesuffix(ENDING)
    image = read_sealed(path, f"run {run}")
    label = _decoded(path, image, netcdf.label)
    if sha256(label.config) != label.config_sha256 or not label.config_sha256.startswith(run):
        raise StorageError(
            f"The file {path} of run {run} holds the configuration of run {label.config_sha256[:ID_LENGTH]}; "
            "it was renamed: give it back its name, or move it away."
        )
    return image, label


def _decoded(path: Path, image: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(image)
    except Exception as error:  # h5py and xarray raise many kinds here; the file is sealed, so it is not ours
        run = path.name.removesuffix(ENDING)
        raise StorageError(f"The file {path} of run {run} holds no run that can be read: {error}.") from None
