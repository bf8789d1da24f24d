"""Files that would grow when they are opened: refused before the memory is taken.

A sealed file can come from a stranger, who knows how files are sealed. HDF5 unpacks, repeats and fetches: a kilobyte
of zeros, compressed, is a gigabyte; a text is kept once and named a million times; data may lie in another file of
this machine. Neither practicum nor xarray's defaults write any of it, so that every array and text of an honest
file lies in its image, once and as it is.
"""

from __future__ import annotations

from math import prod
from typing import Any

import h5py
import numpy as np
from h5py import h5, h5a, h5d, h5f, h5g, h5l, h5o, h5t  # pyright: ignore[reportAttributeAccessIssue]

WIDEST = 64 * 1024**2
"""Bytes that an array of text may take in memory, where the widest of its texts sets the width of all."""
_FEW = 64
_IN_FILE = 16
"""Bytes of the address of a text: length (4), heap (8), number in the heap (4)."""

NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable."
TEXT = h5py.string_dtype()
TEXT_HERE = h5t.py_create(TEXT)


class Budget:
    """What may still be read from an image: never more than its own length in all.

    Main arguments:
        image: the bytes of the file.
    """

    def __init__(self, image: bytes) -> None:
        self.image = image
        self.left = len(image)

    def spend(self, amount: int, name: str) -> None:
        """Count what is going to be read.

        Raises:
            ValueError: the image cannot hold that much besides what was read before.
        """
        self.left -= amount
        if self.left < 0:
            raise ValueError(f"'{name}' would take more bytes than the file has; it was not written by practicum")

    def array(self, dataset: h5d.DatasetID, name: str) -> h5t.TypeID:
        """The type of an array that may be read.

        Raises:
            ValueError: the array does not lie in the image, once and as it is.
        """
        kind = dataset.get_type()
        text = isinstance(kind, h5t.TypeStringID) and kind.is_variable_str()
        items, stored = prod(dataset.shape), dataset.get_storage_size()
        size = items * (_IN_FILE if text else kind.get_size())
        # Only what lies in the file in one piece, unpacked, has a place there.
        if dataset.get_offset() is None:
            layout = dataset.get_create_plist()
            if layout.get_nfilters() or layout.get_external_count() or layout.get_layout() == h5d.VIRTUAL:
                raise ValueError(f"the array '{name}' is compressed or lies elsewhere; practicum writes neither")
            if layout.get_layout() == h5d.CONTIGUOUS and size:
                raise ValueError(f"the array '{name}' is declared, but does not lie in the file")
        elif stored != size:
            raise ValueError(f"the array '{name}' has another size than what lies in the file")
        self.spend(size, name)
        if text and items:
            self._texts(dataset, items, name)
        return kind

    def _texts(self, dataset: h5d.DatasetID, items: int, name: str) -> None:
        offset = dataset.get_offset()
        if offset is None:
            raise ValueError(f"the text '{name}' does not lie in the file in one piece")
        lengths = np.frombuffer(self.image, "<u4", items * 4, offset)[::4]
        self.spend(int(lengths.sum(dtype=np.int64)), name)
        if 4 * items * int(lengths.max()) > WIDEST:
            raise ValueError(f"the text '{name}' would take more than {WIDEST} bytes")

    def text(self, attribute: h5a.AttrID, name: str) -> list[str]:
        """The text of an attribute, or texts.

        Raises:
            ValueError: there is more of it than the image holds.
        """
        shape = attribute.shape
        items = prod(shape)
        if items > _FEW and items * len(self.image) > WIDEST:  # each of them could be as long as the file
            raise ValueError(f"the attribute '{name}' has {items} texts, which is too many for a file of this size")
        found = np.empty(shape, dtype=TEXT)
        attribute.read(found, TEXT_HERE)
        texts: Any = found.ravel().tolist()
        self.spend(sum(map(len, texts)), name)
        return [text.decode() for text in texts]


def arrays(root: h5g.GroupID, order: int = h5.INDEX_NAME) -> dict[str, h5d.DatasetID]:
    """The datasets of a file, by name or in the order in which they were written (``h5.INDEX_CRT_ORDER``).

    Raises:
        ValueError: something leads out of the file, or into groups.
    """
    names: list[bytes] = []
    root.links.iterate(names.append, idx_type=order)
    found = {}
    for name in names:
        if root.links.get_info(name).type != h5l.TYPE_HARD:
            raise ValueError(f"'{name.decode()}' leads elsewhere")
        if isinstance(thing := h5o.open(root, name), h5d.DatasetID):
            found[name.decode()] = thing
        elif isinstance(thing, h5g.GroupID):
            raise ValueError(f"'{name.decode()}' is a group, which may go round in circles; practicum writes none")
    return found


def attributes(where: h5d.DatasetID | h5g.GroupID, order: int = h5.INDEX_NAME) -> list[bytes]:
    """The names of attributes."""
    names: list[bytes] = []
    h5a.iterate(where, lambda name, *_: names.append(name), index_type=order)
    return names


def fixed_text(where: h5d.DatasetID | h5g.GroupID | h5f.FileID, name: bytes) -> bytes:
    """An attribute that is a text of fixed width, as NetCDF4 and HDF5 write their own; b"" if there is none."""
    if not h5a.exists(where, name):
        return b""
    attribute = h5a.open(where, name)
    kind = attribute.get_type()
    if attribute.shape != () or not isinstance(kind, h5t.TypeStringID) or kind.is_variable_str():
        return b""
    text = np.empty((), dtype=f"S{kind.get_size()}")
    attribute.read(text)
    return text.item()


def only_a_dimension(dataset: h5d.DatasetID) -> bool:
    """Whether a dataset stands for a dimension without a coordinate: it has a length and no data."""
    return not dataset.get_storage_size() and fixed_text(dataset, b"NAME").startswith(NO_VARIABLE)


def refuse_bombs(file: h5f.FileID, image: bytes) -> None:
    """Look at a whole file, of any writer, without reading its arrays.

    Raises:
        ValueError: it would take more memory than it has bytes.
    """
    budget, root = Budget(image), h5g.open(file, b"/")
    datasets = arrays(root)
    for where in (root, *datasets.values()):
        for name in attributes(where):
            attribute = h5a.open(where, name)
            kind = attribute.get_type()
            if isinstance(kind, h5t.TypeStringID) and kind.is_variable_str():
                budget.text(attribute, name.decode())
    for name, dataset in datasets.items():
        if not only_a_dimension(dataset):
            budget.array(dataset, name)
