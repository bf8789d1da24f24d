"""Labelled arrays to NetCDF4 bytes and back, bit for bit, and the same bytes for the same arrays.

There are two ways, of which a dataset takes the one or the other by what it holds. Plain datasets, which runs are, are
written and read by practicum itself, twenty times faster; all others by xarray. What is written is a NetCDF4 file
either way, and xarray, h5py and the netCDF tools open both alike.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import xarray as xr
from h5py import h5a, h5d, h5f, h5g, h5t  # pyright: ignore[reportAttributeAccessIssue]

from practicum.runs import _netcdf_read
from practicum.runs._netcdf_guard import WIDEST, Budget, refuse_bombs
from practicum.runs._netcdf_guard import arrays as stored_arrays
from practicum.runs._netcdf_plan import plan
from practicum.runs._netcdf_read import Arrays, Variable
from practicum.runs._netcdf_write import write


def to_bytes(dataset: xr.Dataset) -> memoryview:
    """The NetCDF4 (HDF5) image of a dataset.

    The bytes depend on the arrays, their order and attributes and on the versions of h5netcdf, h5py and HDF5
    (which NetCDF4 records); not on the time, the host, or where the arrays came from.

    Raises:
        ValueError: :func:`from_bytes` would refuse it; only text of 64 MiB does that.
    """
    planned = plan(dataset)
    image = to_bytes_by_xarray(dataset) if planned is None else memoryview(write(planned))
    if planned is None or any(v.dtype.kind == "U" and v.nbytes > WIDEST for v in dataset.variables.values()):
        with _opened(bytes(image)) as file:
            refuse_bombs(file, bytes(image))
    return image


def from_bytes(image: bytes | memoryview) -> xr.Dataset:
    """The dataset of a NetCDF4 image, wholly in memory.

    Raises:
        ValueError: the image would take more memory than it has bytes; neither practicum nor xarray wrote it.
        KeyError, OSError: it is no NetCDF4 image.
    """
    found = _plain_arrays(bytes(image))
    if found is None:
        return from_bytes_by_xarray(image)
    variables = {name: xr.Variable(*variable) for name, variable in found.variables.items()}
    data = {name: variable for name, variable in variables.items() if name not in found.coordinates}
    rest = {name: variable for name, variable in variables.items() if name in found.coordinates}
    return xr.Dataset(data, rest, found.attributes)


def arrays(image: bytes) -> Arrays:
    """What is in a NetCDF4 image, without the dataset around it; for who reads thousands.

    Raises:
        As :func:`from_bytes`.
    """
    found = _plain_arrays(image)
    if found is not None:
        return found
    dataset = from_bytes_by_xarray(image)
    variables = {
        str(name): Variable(tuple(map(str, v.dims)), v.values, dict(v.attrs)) for name, v in dataset.variables.items()
    }
    return Arrays(variables, {str(name) for name in dataset.coords}, dict(dataset.attrs))


def places(image: bytes) -> dict[str, tuple[int, int]]:
    """Where in an image that practicum wrote each array of numbers lies: its first byte and its length."""
    found = {}
    with _opened(image) as file:
        for name, dataset in stored_arrays(h5g.open(file, b"/")).items():
            if not isinstance(dataset.get_type(), h5t.TypeStringID) and dataset.get_offset() is not None:
                found[name] = dataset.get_offset(), dataset.get_storage_size()
    return found


def to_bytes_by_xarray(dataset: xr.Dataset) -> memoryview:
    """:func:`to_bytes` of any dataset, and what the fast way is compared with."""
    # What a dataset remembers of the file it was read from (chunks, fill values) must not reach the new file.
    return memoryview(dataset.drop_encoding().to_netcdf(engine="h5netcdf", format="NETCDF4"))


def from_bytes_by_xarray(image: bytes | memoryview) -> xr.Dataset:
    """:func:`from_bytes` of any image, and what the fast way is compared with."""
    with xr.open_dataset(io.BytesIO(image), engine="h5netcdf") as dataset:
        return dataset.load().drop_encoding()


class Label(NamedTuple):
    """What a list of runs needs of one of them."""

    kind: str
    config: str
    config_sha256: str
    status: np.ndarray


def label(image: bytes) -> Label:
    """The label of a run's NetCDF4 image; ten times faster than decoding all of its arrays.

    Raises:
        KeyError, ValueError, OSError: the image is not that of a run.
    """
    with _opened(image) as file:
        budget, root = Budget(image), h5g.open(file, b"/")
        kind, config, digest = (
            budget.text(h5a.open(root, name.encode()), name)[0] for name in ("kind", "config", "config_sha256")
        )
        status = np.array("ok")
        if root.links.exists(b"status"):
            status = _netcdf_read.values(h5d.open(root, b"status"), "status", budget).astype(str)
    return Label(kind, config, digest, status)


def _plain_arrays(image: bytes) -> Arrays | None:
    """The arrays of an image of ours; None, once it is known to be harmless, for those of xarray."""
    with _opened(image) as file:
        if _netcdf_read.is_plain(file):
            return _netcdf_read.read(file, image)
        refuse_bombs(file, image)
    return None


@contextmanager
def _opened(image: bytes) -> Iterator[h5f.FileID]:
    file = h5f.open_file_image(image)
    try:
        yield file
    finally:
        file.close()
