"""What :mod:`practicum.runs._netcdf_write` wrote, read by h5py's low-level calls alone."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from h5py import h5, h5a, h5d, h5f, h5g, h5s, h5t  # pyright: ignore[reportAttributeAccessIssue]

from practicum.runs._netcdf_guard import TEXT, TEXT_HERE, Budget, arrays, attributes, fixed_text, only_a_dimension
from practicum.runs._netcdf_write import SIGNATURE

_DIMENSION, _AXES = b"_Netcdf4Dimid", b"_Netcdf4Coordinates"
_HIDDEN = {b"_NCProperties", _DIMENSION, _AXES, b"_FillValue", b"CLASS", b"NAME"}
_HIDDEN |= {b"DIMENSION_LIST", b"REFERENCE_LIST"}


class Variable(NamedTuple):
    """An array with what is said about it."""

    dims: tuple[str, ...]
    values: np.ndarray
    attributes: dict[str, Any]


class Arrays(NamedTuple):
    """A dataset before xarray makes one of it, which takes as long as reading it."""

    variables: dict[str, Variable]
    coordinates: set[str]
    attributes: dict[str, Any]


def is_plain(file: h5f.FileID) -> bool:
    """Whether the file says that it was written by the writer that this reader knows."""
    return fixed_text(file, b"_NCProperties").startswith(SIGNATURE.encode())


def read(file: h5f.FileID, image: bytes) -> Arrays:
    """The arrays of a file for which :func:`is_plain` holds, wholly in memory, in the order in which they were written.

    Raises:
        ValueError: an array does not lie in the image as it is.
        KeyError, OSError: something that the writer writes is missing.
    """
    budget, root = Budget(image), h5g.open(file, b"/")
    datasets = arrays(root, h5.INDEX_CRT_ORDER)
    names = {name: attributes(dataset, h5.INDEX_CRT_ORDER) for name, dataset in datasets.items()}
    dimensions = {
        int(_ids(h5a.open(datasets[name], _DIMENSION))): name for name, known in names.items() if _DIMENSION in known
    }
    scales = set(dimensions.values())
    found = root_attributes(root, budget)
    coordinates = set(found.pop("coordinates", "").split())
    variables: dict[str, Variable] = {}
    for name, dataset in datasets.items():
        if name in scales and only_a_dimension(dataset):
            continue
        if name in scales:
            dims: tuple[str, ...] = (name,)
        elif _AXES in names[name]:
            dims = tuple(dimensions[number] for number in _ids(h5a.open(dataset, _AXES)).tolist())
        else:
            dims = ()
        mine = _attributes(dataset, names[name], budget)
        coordinates.update(mine.pop("coordinates", "").split())
        array = values(dataset, name, budget)
        if mine.get("dtype") == "bool":
            del mine["dtype"]
            array = array.astype(bool)
        variables[name] = Variable(dims, array, mine)
    return Arrays(variables, (coordinates | scales) & set(variables), found)


def root_attributes(root: h5g.GroupID, budget: Budget) -> dict[str, Any]:
    """The attributes of the file itself."""
    return _attributes(root, attributes(root, h5.INDEX_CRT_ORDER), budget)


def values(dataset: h5d.DatasetID, name: str, budget: Budget) -> np.ndarray:
    """The array of a dataset.

    Raises:
        ValueError: it does not lie in the image as it is.
    """
    kind = budget.array(dataset, name)
    if not isinstance(kind, h5t.TypeStringID):
        shape, place = dataset.shape, dataset.get_offset()
        if place is not None:
            return np.frombuffer(budget.image, kind.dtype, prod(shape), place).reshape(shape).copy()
        numbers = np.empty(shape, dtype=kind.dtype)
        dataset.read(h5s.ALL, h5s.ALL, numbers, kind)
        return numbers
    text = np.empty(dataset.shape, dtype=TEXT)
    dataset.read(h5s.ALL, h5s.ALL, text, TEXT_HERE)
    items: Any = text.ravel().tolist()
    return np.array([item.decode() for item in items], dtype=str).reshape(text.shape)


def _attributes(where: h5d.DatasetID | h5g.GroupID, names: list[bytes], budget: Budget) -> dict[str, Any]:
    return {name.decode(): _attribute(h5a.open(where, name), name, budget) for name in names if name not in _HIDDEN}


def _attribute(attribute: h5a.AttrID, name: bytes, budget: Budget) -> Any:
    """As xarray reads it: a text, a list of texts, a number, or an array of numbers."""
    kind = attribute.get_type()
    if isinstance(kind, h5t.TypeStringID):
        found = budget.text(attribute, name.decode())
    else:
        found = np.empty(attribute.shape, dtype=kind.dtype)
        attribute.read(found, kind)
    return found[0] if len(found) == 1 else found


def _ids(attribute: h5a.AttrID) -> np.ndarray:
    numbers = np.empty(attribute.shape, dtype="i4")
    attribute.read(numbers, h5t.NATIVE_INT32)
    return numbers
