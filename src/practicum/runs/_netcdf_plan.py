"""What is written for a dataset, and which datasets are so plain that they can be written without xarray's help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

MOST_ATTRIBUTES = 60
"""Attributes of one variable, which its header can hold without trees of their own."""

_NUMBERS = {np.dtype(code) for code in ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")}
_LARGEST_ATTRIBUTE = 16 * 1024
"""Bytes of the numbers of an attribute; a header of HDF5 ends at 64 kB."""

# These steer how xarray decodes a variable, or belong to NetCDF4 itself. So does every name with a leading underscore.
_STEERING = {"coordinates", "dtype", "missing_value", "scale_factor", "add_offset", "calendar", "bounds"}
_STEERING |= {"grid_mapping", "climatology", "geometry", "node_coordinates", "node_count", "part_node_count"}
_STEERING |= {"interior_ring", "cell_measures", "formula_terms"}
_STEERING |= {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS"}
_TIMES = {"days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"}


class Entry(NamedTuple):
    """A variable as it is written; text is an array of str objects."""

    name: str
    dims: tuple[str, ...]
    values: np.ndarray
    attributes: dict[str, str | np.ndarray]


class Plan(NamedTuple):
    """A file: the sizes of the dimensions in the order of their ids, variables, attributes."""

    sizes: dict[str, int]
    entries: list[Entry]
    attributes: dict[str, str | np.ndarray]


def plan(dataset: xr.Dataset) -> Plan | None:
    """What is written for a dataset, or None if it is not plain.

    Plain are arrays of float32, float64, the integers, bool and fixed-width text; none of length 0; with names in
    ASCII; with attributes that are text, numbers, lists of numbers or lists of text, and that do not steer how xarray
    decodes the variable. What is written for them is what xarray writes.
    """
    attributes = _attributes(dataset.attrs)
    if attributes is None:
        return None
    entries, sizes = [], {}
    # Readers put the coordinates last. So do we, that a dataset is the same bytes before and after.
    for name in (*dataset.data_vars, *dataset.coords):
        entry = _entry(name, dataset.variables[name])
        if entry is None:
            return None
        entries.append(entry)
        sizes.update(zip(entry.dims, entry.values.shape))
    if not all(_plain_name(name) and size for name, size in sizes.items()):
        return None
    if any(entry.name in sizes and entry.dims != (entry.name,) for entry in entries):
        return None  # a variable that has the name of a dimension without being its coordinate
    if not _name_coordinates(entries, {str(name) for name in dataset.coords} - set(sizes), attributes):
        return None
    if max(len(where) for where in (attributes, *(entry.attributes for entry in entries))) > MOST_ATTRIBUTES:
        return None
    return Plan(sizes, entries, attributes)


def _entry(name: Any, variable: xr.Variable) -> Entry | None:
    dims = variable.dims
    if not _plain_name(name) or len(set(dims)) < len(dims) or not isinstance(variable.dtype, np.dtype):
        return None
    values, attributes = variable.values, _attributes(variable.attrs)
    if attributes is None or values.dtype.metadata is not None:
        return None
    units = attributes.get("units", "")
    if not isinstance(units, str) or units in _TIMES or "since" in units:
        return None
    if values.dtype.kind == "U":
        values = values.astype(object)
        if not all(map(_plain_text, values.flat)):
            return None
    elif values.dtype != bool and (values.dtype not in _NUMBERS or not values.dtype.isnative):
        return None
    # Not ascontiguousarray, which would make a scalar an array of one.
    return Entry(name, tuple(map(str, dims)), np.asarray(values, order="C"), attributes)


def _name_coordinates(entries: list[Entry], extra: set[str], attributes: dict[str, str | np.ndarray]) -> bool:
    """Write which variables are coordinates besides those of the dimensions; False if a name does not allow it.

    By the CF conventions a variable names the coordinates along its dimensions; what no variable names is
    named by the file.
    """
    if any(" " in name for name in extra):
        return False
    along = {entry.name: set(entry.dims) for entry in entries if entry.name in extra}
    named = set()
    for entry in entries:
        if entry.name not in extra and entry.name not in entry.dims:
            mine = sorted(name for name, dims in along.items() if dims <= set(entry.dims))
            if mine:
                entry.attributes["coordinates"] = " ".join(mine)
                named.update(mine)
    if extra - named:
        attributes["coordinates"] = " ".join(sorted(extra - named))
    return True


def _attributes(attributes: Mapping[Any, Any]) -> dict[str, str | np.ndarray] | None:
    found = {}
    for name, value in attributes.items():
        plain = _attribute(value)
        if plain is None or not _plain_name(name) or name.startswith("_") or name in _STEERING:
            return None
        found[name] = plain
    return found


def _attribute(value: Any) -> str | np.ndarray | None:
    if isinstance(value, str):
        return value if type(value) is str and _plain_text(value) else None
    if isinstance(value, (list, tuple)):
        if value and all(type(item) is str for item in value):
            return np.array(value, dtype=object) if all(map(_plain_text, value)) else None
        if not all(type(item) in (int, float) for item in value):
            return None
    elif not isinstance(value, (int, float, np.number, np.ndarray)):
        return None
    numbers = np.atleast_1d(value)
    plain = numbers.dtype in _NUMBERS and numbers.dtype.isnative and numbers.dtype.metadata is None
    return numbers if plain and numbers.ndim == 1 and 0 < numbers.nbytes <= _LARGEST_ATTRIBUTE else None


def _plain_name(name: Any) -> bool:
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isprintable()
        and name == name.strip()
        and name not in ("", ".")
        and "/" not in name
        and not name.startswith("_nc4_")
    )


def _plain_text(text: str) -> bool:
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
