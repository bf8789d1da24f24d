"""Results for other programs: Zarr, Parquet, CSV and NetCDF, each written whole or not at all.

What is larger than memory is written block by block.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from practicum.disk.paths import expanded
from practicum.errors import ParameterError, PracticumError, StorageError

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


_SMALL = 64 * 1024**2
"""Bytes that may be in memory twice."""


class MissingExport(PracticumError, ImportError):
    """A package of the extra ``export`` is not installed; both an ImportError and a sentence."""


def export_dataset(dataset: xr.Dataset, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a dataset in the format that the ending of its name says, and return the path.

    Main arguments:
        path: ends in

            * ``.zarr``: a folder, Zarr format 2, which every reader of Zarr knows; chunks are those of the dataset.
            * ``.nc``: a NetCDF4 file.
            * ``.parquet``: a long table with one row a number. Its columns are every dimension, empty where the
              variable does not have it; ``variable``, its name; ``value``, a double (of true and false 1 and 0); and
              ``text`` in the place of ``value`` for variables of text.
            * ``.csv``: the same table as text; numbers read back to the same doubles, NaN is an empty place.

    Other arguments:
        force: replace what has this name already; otherwise that is an error. It stays until the new one is whole.

    Raises:
        ParameterError: the ending is none of these, or the format cannot hold the dataset.
        MissingExport: the format needs a package that is not installed.
        StorageError: the name is taken, the folder cannot be written, or the disk is full.
        PracticumError: an array cannot be read.
    """
    target = require_target(path, force=force)
    writer = WRITERS[target.suffix.lower()]
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        writer(dataset, temporary)
        _replace(temporary, target)
    except PracticumError:
        raise
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ParameterError(f"The dataset cannot be written as {target.suffix}: {error}.") from None
    except (OSError, RuntimeError) as error:  # HDF5 reports a full disk as either
        raise StorageError(_why(target, error)) from None
    finally:
        _remove(temporary)
    return target


def require_target(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path of an export, looked at before hours are spent on it.

    Raises:
        ParameterError, MissingExport, StorageError: as :func:`export_dataset`.
    """
    target = expanded(path)
    ending = target.suffix.lower()
    if ending not in WRITERS:
        raise ParameterError(
            f"The name of an export must end in {', '.join(WRITERS)}, which says its format. Got {str(path)!r:.200} "
            "instead."
        )
    if ending in _PACKAGES and find_spec(_PACKAGES[ending]) is None:
        raise MissingExport(
            f"Exports to {ending} need the package '{_PACKAGES[ending]}', which is not installed; run pip install "
            "'practicum[export]', or export to .csv or .nc, which need nothing more."
        )
    if not target.parent.is_dir():
        raise StorageError(f"The folder {target.parent} does not exist; make it, or name another place.")
    if os.path.lexists(target) and not force:
        raise StorageError(f"{target} exists already; give another name, or replace it with --force (force=True).")
    return target


def _zarr(dataset: xr.Dataset, path: Path) -> None:
    with _one_block_at_a_time(dataset):
        dataset.drop_encoding().to_zarr(str(path), mode="w", zarr_format=2, consolidated=True)


def _netcdf(dataset: xr.Dataset, path: Path) -> None:
    if dataset.nbytes <= _SMALL:
        from practicum.runs.netcdf import to_bytes

        path.write_bytes(to_bytes(dataset))
    else:
        from practicum.runs._deaf_file import Deaf

        with open(path, "xb+", buffering=0) as raw, _one_block_at_a_time(dataset):
            file = Deaf(raw)
            try:
                dataset.drop_encoding().to_netcdf(cast(Any, file), engine="h5netcdf", format="NETCDF4")
            finally:
                file.say()
    _sync(path)


def _one_block_at_a_time(dataset: xr.Dataset) -> AbstractContextManager[Any]:
    """In memory, of what Dask reads."""
    if not any(variable.chunks for variable in dataset.variables.values()):
        return nullcontext()
    from dask.config import set as configured

    return configured(scheduler="synchronous")


def _parquet(dataset: xr.Dataset, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from practicum.runs._long_table import TEXT, VALUE, VARIABLE, pieces

    types = _columns(dataset)
    schema = pa.schema(
        [(name, pa.string() if kind.kind == "U" else pa.from_numpy_dtype(kind)) for name, kind in types.items()]
    )
    with pq.ParquetWriter(path, schema) as file:
        for piece in pieces(dataset):
            rows, text = len(piece.values), piece.values.dtype.kind == "U"
            given: dict[str, Any] = {
                **piece.labels,
                VARIABLE: pa.repeat(piece.variable, rows),
                TEXT if text else VALUE: piece.values if text else piece.values.astype("f8"),
            }
            arrays = [
                pa.array(given[field.name], field.type) if field.name in given else pa.nulls(rows, field.type)
                for field in schema
            ]
            file.write_batch(pa.record_batch(arrays, schema))
    _sync(path)


def _csv(dataset: xr.Dataset, path: Path) -> None:
    import pandas as pd

    from practicum.runs._long_table import TEXT, VALUE, VARIABLE, pieces

    names = list(_columns(dataset))
    with open(path, "x", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=names).to_csv(file, index=False, lineterminator="\n")
        for piece in pieces(dataset):
            text = piece.values.dtype.kind == "U"
            values = {TEXT: piece.values} if text else {VALUE: piece.values.astype("f8")}
            rows = pd.DataFrame({**piece.labels, VARIABLE: piece.variable, **values}, columns=names)
            rows.to_csv(file, index=False, header=False, lineterminator="\n")
    _sync(path)


def _columns(dataset: xr.Dataset) -> dict[str, np.dtype]:
    """The columns of a long table, whose own must not be names of dimensions too."""
    from practicum.runs._long_table import TEXT, VALUE, VARIABLE, columns

    taken = {VARIABLE, VALUE, TEXT} & set(map(str, dataset.sizes))
    if taken:
        raise ParameterError(
            f"A long table has columns of its own called {', '.join(sorted(taken))}; rename these dimensions."
        )
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "biufU":
            raise ParameterError(
                f"A long table holds numbers and text, but the variable '{name}' is of type {variable.dtype}; leave it "
                "out, or export to .nc or .zarr."
            )
    return columns(dataset)


WRITERS: Mapping[str, Callable[[Any, Path], None]] = {
    ".zarr": _zarr,
    ".parquet": _parquet,
    ".csv": _csv,
    ".nc": _netcdf,
}
"""What writes a format, by the ending of the name."""

_PACKAGES = {".zarr": "zarr", ".parquet": "pyarrow"}


def _replace(temporary: Path, target: Path) -> None:
    """Give a finished file or folder its name; what had it before is moved away first where it is a folder."""
    if not target.is_dir() or target.is_symlink():
        os.replace(temporary, target)
        return
    old = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    os.replace(target, old)
    try:
        os.replace(temporary, target)
    except OSError:
        os.replace(old, target)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return
    absent = 0
    for _ in range(30):  # threads of Zarr that nobody waits for may still make files in it, and it anew
        absent = 0 if path.exists() else absent + 1
        if absent == 3:
            return
        shutil.rmtree(path, ignore_errors=True)
        time.sleep(0.1)


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _why(target: Path, error: Exception) -> str:
    full = getattr(error, "errno", None) in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    if full or "No space left" in str(error):
        return f"The disk that holds {target.parent} is full. Nothing was written; free some, or name another place."
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return f"{target} cannot be written: {reason}. Nothing was written; name another place."
