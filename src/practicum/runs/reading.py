"""From the file of a run to its content, verified: whole, readable, and under its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from practicum.canonical import ID_LENGTH, sha256
from practicum.disk.texts import plain_json
from practicum.errors import PracticumError, StorageError
from practicum.runs.files import read_sealed

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.netcdf import Arrays, Label

T = TypeVar("T")

ENDING = ".nc"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def run_path(folder: Path, run: str) -> Path:
    """The file of a run, whether or not it exists."""
    return folder / f"{run}{ENDING}"


def read_run(path: Path) -> xr.Dataset:
    """The run in a file.

    Raises:
        StorageError: the file is missing, damaged, no run, or another run's.
    """
    from practicum.runs import netcdf

    image, label = _verified(path)
    dataset = _decoded(path, image, netcdf.from_bytes)
    _decoded(path, image, lambda _: _require_texts(dataset.attrs, label.kind))
    return dataset


def read_arrays(path: Path, decode: Callable[[bytes], Arrays] | None = None) -> Arrays:
    """The arrays of the run in a file, without the dataset around them.

    Other arguments:
        decode: in place of :func:`practicum.runs.netcdf.arrays`.

    Raises:
        StorageError: as :func:`read_run`.
    """
    from practicum.runs import netcdf

    image = read_sealed(path, f"run {path.name.removesuffix(ENDING)}", _SIGNATURE)
    found = _decoded(path, image, decode or netcdf.arrays)
    _require_own_name(path, str(found.attributes.get("config")), str(found.attributes.get("config_sha256")))
    return found


def read_label(path: Path) -> Label:
    """What a list needs of the run in a file, all of which is verified all the same.

    Raises:
        StorageError: as :func:`read_run`.
    """
    return _verified(path)[1]


@contextmanager
def expected(path: Path) -> Iterator[None]:
    """Whoever uses the run in a file finds what runs of its kind hold, or says in one sentence that it does not.

    Raises:
        StorageError: something of the kind was missing; the file is sealed, but not practicum's.
    """
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        if isinstance(error, PracticumError):
            raise
        run, why = path.name.removesuffix(ENDING), " ".join(str(error).split())
        raise StorageError(
            f"The file {path} of run {run} does not hold what runs of its kind do ({why:.100}); move it away and run "
            "again to compute it anew."
        ) from None


def _verified(path: Path) -> tuple[bytes, Label]:
    from practicum.runs import netcdf

    run = path.name.removesuffix(ENDING)
    image = read_sealed(path, f"run {run}", _SIGNATURE)
    label = _decoded(path, image, netcdf.label)
    _require_own_name(path, label.config, label.config_sha256)
    return image, label


def _require_own_name(path: Path, config: str, digest: str) -> None:
    run = path.name.removesuffix(ENDING)
    if sha256(config) != digest or not digest.startswith(run):
        raise StorageError(
            f"The file {path} of run {run} holds the configuration of run {digest[:ID_LENGTH]}; "
            "it was renamed: give it back its name, or move it away."
        )


def _require_texts(attributes: dict[str, Any], kind: str) -> None:
    """What every run says of itself besides its numbers.

    Raises:
        ValueError, KeyError, TypeError: something is missing or of another kind.
    """
    config, packages = plain_json(attributes["config"]), plain_json(attributes["versions"])
    if not isinstance(config, dict) or config.get("kind") != kind:
        raise ValueError("its configuration is of another kind")
    if not isinstance(packages, dict) or not all(isinstance(version, str) for version in packages.values()):
        raise ValueError("its versions are no table of texts")
    if not isinstance(attributes["architecture"], str):
        raise ValueError("its architecture is no text")


def _decoded(path: Path, image: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(image)
    except Exception as error:  # h5py and xarray raise many kinds here; the file is sealed, so it is not ours
        run = path.name.removesuffix(ENDING)
        raise StorageError(f"The file {path} of run {run} holds no run that can be read: {error}.") from None
