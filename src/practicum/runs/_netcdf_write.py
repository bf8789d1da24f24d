"""NetCDF4 bytes written by h5py's low-level calls alone: twenty times faster than through xarray and h5netcdf.

A NetCDF4 file is an HDF5 file with conventions: a dimension is a *dimension scale*, its coordinate's dataset or an
empty one that says what it is, and a variable lists the scales of its axes (``DIMENSION_LIST``), each of which lists
its users (``REFERENCE_LIST``).

Source: "NetCDF-4 file format", appendix C.4 of the NetCDF User's Guide; HDF5 Dimension Scale Specification.
"""

from __future__ import annotations

from functools import cache
from itertools import count

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5f, h5g, h5p, h5r, h5s, h5t  # pyright: ignore[reportAttributeAccessIssue]

from practicum.runs._netcdf_guard import NO_VARIABLE, TEXT, TEXT_HERE
from practicum.runs._netcdf_plan import MOST_ATTRIBUTES, Entry, Plan

SIGNATURE = "version=2,practicum=1,"
"""How the property list of the file begins, by which the reader knows what to expect."""

_ORDERED = h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED
_BLOCK = 64 * 1024
_NAMES = count()

_USER = np.dtype([("dataset", h5py.ref_dtype), ("dimension", "u4")])
_SCALES = h5py.vlen_dtype(h5py.ref_dtype)


# Types on disk, and in memory where h5py needs another; made anew for every attribute, they would double the time.
_TEXT_THERE, _USER_THERE, _SCALES_THERE = (h5t.py_create(dtype, logical=True) for dtype in (TEXT, _USER, _SCALES))
_USER_HERE, _SCALES_HERE = (h5t.py_create(dtype) for dtype in (_USER, _SCALES))
_number_type = cache(h5t.py_create)


def write(plan: Plan) -> bytes:
    """The NetCDF4 image of what is planned; the same plan gives the same bytes, at any time and in any process."""
    settings, properties = h5p.create(h5p.FILE_ACCESS), h5p.create(h5p.FILE_CREATE)
    settings.set_fapl_core(_BLOCK, False)
    settings.set_fclose_degree(h5f.CLOSE_STRONG)
    properties.set_obj_track_times(False)
    properties.set_link_creation_order(_ORDERED)
    properties.set_attr_creation_order(_ORDERED)
    properties.set_attr_phase_change(MOST_ATTRIBUTES + 10, MOST_ATTRIBUTES)
    # HDF5 tells open files in memory apart by their names, which appear nowhere in the bytes.
    file = h5f.create(f"practicum-{next(_NAMES)}".encode(), h5f.ACC_TRUNC, fcpl=properties, fapl=settings)
    try:
        _fill(file, plan)
        h5f.flush(file)
        return file.get_file_image()
    finally:
        file.close()


def _fill(file: h5f.FileID, plan: Plan) -> None:
    root = h5g.open(file, b"/")
    _property_list(root)
    variables = {entry.name for entry in plan.entries}
    datasets = {name: _empty_scale(file, name, size) for name, size in plan.sizes.items() if name not in variables}
    for entry in plan.entries:
        datasets[entry.name] = _dataset(file, entry)
    ids = {name: number for number, name in enumerate(plan.sizes)}
    for name, number in ids.items():
        if name in variables:
            h5ds.set_scale(datasets[name], name.encode())
        else:
            h5ds.set_scale(datasets[name], NO_VARIABLE + f"{plan.sizes[name]:10}".encode())
        _numbers(datasets[name], b"_Netcdf4Dimid", np.array(number, dtype="i4"))

    scales = {name: np.array([h5r.create(file, name.encode(), h5r.OBJECT)], dtype=h5py.ref_dtype) for name in ids}
    users: dict[str, list[tuple[h5r.Reference, int]]] = {name: [] for name in ids}
    for entry in plan.entries:
        dataset = datasets[entry.name]
        if entry.dims and entry.name not in ids:
            _attach(dataset, [scales[name] for name in entry.dims])
            reference = h5r.create(file, entry.name.encode(), h5r.OBJECT)
            for axis, name in enumerate(entry.dims):
                users[name].append((reference, axis))
            _numbers(dataset, b"_Netcdf4Coordinates", np.array([ids[name] for name in entry.dims], dtype="i4"))
        if entry.values.dtype.kind == "f":
            _numbers(dataset, b"_FillValue", np.full(1, np.nan, dtype=entry.values.dtype))
        _attributes(dataset, entry.attributes)
        if entry.values.dtype == bool:
            _attributes(dataset, {"dtype": "bool"})
    for name, listed in users.items():
        if listed:
            values = np.array(listed, dtype=_USER)
            attribute = h5a.create(datasets[name], b"REFERENCE_LIST", _USER_THERE, h5s.create_simple(values.shape))
            attribute.write(values, _USER_HERE)
    _attributes(root, plan.attributes)


def _dataset(file: h5f.FileID, entry: Entry) -> h5d.DatasetID:
    space = h5s.create_simple(entry.values.shape) if entry.dims else h5s.create(h5s.SCALAR)
    if entry.values.dtype.kind == "O":
        dataset = h5d.create(file, entry.name.encode(), _TEXT_THERE, space, _creation(None))
        dataset.write(h5s.ALL, h5s.ALL, entry.values.astype(TEXT), TEXT_HERE)
        return dataset
    values = entry.values.view("i1") if entry.values.dtype == bool else entry.values  # NetCDF knows no bool
    kind = _number_type(values.dtype)
    fill = values.dtype if values.dtype.kind == "f" else None
    dataset = h5d.create(file, entry.name.encode(), kind, space, _creation(fill))
    dataset.write(h5s.ALL, h5s.ALL, values, kind)
    return dataset


def _empty_scale(file: h5f.FileID, name: str, size: int) -> h5d.DatasetID:
    return h5d.create(file, name.encode(), h5t.IEEE_F32BE, h5s.create_simple((size,)), _creation(None))


@cache
def _creation(fill: np.dtype | None) -> h5p.PropDCID:
    """How an array is kept; where it were not written, it would be NaN of this type, or 0."""
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    properties.set_attr_creation_order(_ORDERED)
    # Kept in the header: the trees that HDF5 makes from the ninth attribute on take time and tens of kilobytes.
    properties.set_attr_phase_change(MOST_ATTRIBUTES + 10, MOST_ATTRIBUTES)
    if fill is not None:
        properties.set_fill_value(np.array(np.nan, dtype=fill))
    return properties


def _attach(dataset: h5d.DatasetID, scales: list[np.ndarray]) -> None:
    values = np.empty(len(scales), dtype=_SCALES)
    for axis, scale in enumerate(scales):
        values[axis] = scale
    attribute = h5a.create(dataset, b"DIMENSION_LIST", _SCALES_THERE, h5s.create_simple(values.shape))
    attribute.write(values, _SCALES_HERE)


def _attributes(where: h5d.DatasetID | h5g.GroupID, attributes: dict[str, str | np.ndarray]) -> None:
    for name, value in attributes.items():
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            _numbers(where, name.encode(), value)
        else:
            text = np.array(value, dtype=TEXT)
            space = h5s.create_simple(text.shape) if text.shape else h5s.create(h5s.SCALAR)
            h5a.create(where, name.encode(), _TEXT_THERE, space).write(text, TEXT_HERE)


def _numbers(where: h5d.DatasetID | h5g.GroupID, name: bytes, values: np.ndarray) -> None:
    kind = _number_type(values.dtype)
    space = h5s.create_simple(values.shape) if values.shape else h5s.create(h5s.SCALAR)
    h5a.create(where, name, kind, space).write(np.ascontiguousarray(values), kind)


def _property_list(root: h5g.GroupID) -> None:
    versions = f"{SIGNATURE}hdf5={h5py.version.hdf5_version},h5py={h5py.__version__}".encode()
    kind = h5t.C_S1.copy()
    kind.set_size(len(versions))
    kind.set_strpad(h5t.STR_NULLPAD)
    h5a.create(root, b"_NCProperties", kind, h5s.create(h5s.SCALAR)).write(np.array(versions), kind)
