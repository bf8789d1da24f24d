"""Runs with a valid seal, the right name and a configuration, in which HDF5 unpacks, repeats or fetches something.

Each file is made twice: as xarray writes it, and with the mark of practicum's own writer, which another reader reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import h5py
import numpy as np

from hostile.making import BLOCK, Case, sparse

MARK = b"practicum-run-1 sha256="
MEGA = 10**6
VERBS = {"runs show": False, "runs list": True, "runs verify": True, "report": True}
"""Who reads a store; whether the command goes on to other runs and says what is wrong with this one."""


class Recipe(NamedTuple):
    """How a run differs from an honest one.

    Main arguments:
        fill: what xarray would write.
        link: what is put into the file afterwards, by h5py.
        patch: what becomes of its bytes.
        texts: attributes; None leaves one out.
        harmless: whether it can be shown.
    """

    fill: Callable[[h5netcdf.File], None]
    link: Callable[[h5py.File, Path], None] = lambda file, folder: None
    patch: Callable[[bytes], bytes] = bytes
    texts: Mapping[str, Any] = {}
    harmless: bool = False


def cases(giga: int) -> Iterator[Case]:
    """Every case."""
    for name, recipe in {**_arrays(giga), **_texts()}.items():
        for own in (False, True):
            for verb, harmless in VERBS.items():

                def make(folder: Path, recipe=recipe, own=own, verb=verb) -> list[str]:
                    run, image = stored(recipe, own, folder)
                    return _read(verb, folder, run, sealed(image))

                yield Case(f"{name}, {'ours' if own else 'of xarray'}", verb, make, harmless or recipe.harmless)
    for name, body in _bodies().items():
        yield Case(name, "runs show", lambda folder, body=body: _read("runs show", folder, "0" * 16, sealed(body)))
    yield Case("zeros with a seal", "runs show", lambda folder: _zeros(folder, giga, True))
    yield Case("zeros without a seal", "runs show", lambda folder: _zeros(folder, 1000 * giga, False))


def sealed(body: bytes) -> bytes:
    """A body with the seal that it should have."""
    return body + MARK + hashlib.sha256(body).hexdigest().encode()


def configuration() -> str:
    """The canonical text of a small run."""
    from practicum.runs.settings import configuration

    return configuration("solve", None, ["students=1", "teachers=1", "learning_rate=0.5", "until=1"]).canonical()


def stored(recipe: Recipe, own: bool, folder: Path) -> tuple[str, bytes]:
    """The id of a run, and the image of a dataset that says it is that run."""
    config = recipe.texts.get("config", configuration())
    digest = hashlib.sha256(config.encode()).hexdigest()
    attributes = {
        "kind": "solve", "config": config, "config_sha256": digest, "versions": "{}", "architecture": "any", "cite": "",
        "references": "", **recipe.texts,
    }  # fmt: skip
    image = io.BytesIO()
    with h5netcdf.File(image, "w", invalid_netcdf=False) as file:
        for name, value in attributes.items():
            if value is not None:
                file.attrs[name] = value
        recipe.fill(file)
    with h5py.File(image, "r+") as file:
        if own:
            del file.attrs["_NCProperties"]
            file.attrs["_NCProperties"] = np.bytes_(b"version=2,practicum=1,hdf5=2.0.0,h5py=3.16.0")
        recipe.link(file, folder)
    return digest[:16], recipe.patch(image.getvalue())


def _read(verb: str, folder: Path, run: str, content: bytes) -> list[str]:
    (folder / f"{run}.nc").write_bytes(content)
    rest = [run] if verb in ("runs show", "report") else []
    more = ["--output", str(folder / "page")] if verb == "report" else []
    return [*verb.split(), *rest, "--store", str(folder), *more]


def _zeros(folder: Path, size: int, with_seal: bool) -> list[str]:
    digest = hashlib.sha256()
    for _ in range(size // BLOCK if with_seal else 0):
        digest.update(bytes(BLOCK))
    end = MARK + digest.hexdigest().encode() if with_seal else b""
    sparse(folder / f"{'0' * 16}.nc", b"", size // BLOCK * BLOCK + len(end), end)
    return ["runs", "show", "0" * 16, "--store", str(folder)]


def _plain(file: h5netcdf.File) -> None:
    """What a run has."""
    file.dimensions["alpha"] = 3
    for name in ("alpha", "generalization_error"):
        file.create_variable(name, ("alpha",), "f8", data=np.linspace(1, 0.1, 3))
    file.create_variable("status", (), h5py.string_dtype(), data=np.array("ok", dtype=object))
    file.create_variable("alpha_end", (), "f8", data=1.0)


def _declared(length: int, name: str = "v", **how: Any) -> Callable[[h5netcdf.File], None]:
    def fill(file: h5netcdf.File) -> None:
        _plain(file)
        file.dimensions["x"] = length
        file.create_variable(name, ("x",), "f8", **how)

    return fill


def _compressed(size: int) -> Callable[[h5netcdf.File], None]:
    def fill(file: h5netcdf.File) -> None:
        _plain(file)
        file.dimensions["x"] = size // 8
        array = file.create_variable("v", ("x",), "f8", chunks=(BLOCK // 8,), compression="gzip")._h5ds
        block = zlib.compress(bytes(BLOCK), 9)
        for first in range(0, size // 8 - BLOCK // 8, BLOCK // 8):
            array.id.write_direct_chunk((first,), block)

    return fill


def _elsewhere(file: h5py.File, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.arange(3.0)
    file["v"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")


def _nowhere(file: h5py.File, _: Path) -> None:
    file["v"] = h5py.SoftLink("/etc/passwd")


def _round(file: h5py.File, _: Path) -> None:
    file["v"] = file["/"]


def _virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "secret", shape=(3,))
    made = file.create_virtual_dataset("made", layout, fillvalue=1.0)
    made.dims[0].attach_scale(file["alpha"])
    made.attrs["_Netcdf4Coordinates"] = np.zeros(1, "i4")


def _deep(file: h5netcdf.File) -> None:
    _plain(file)
    group = file
    for _ in range(2000):
        group = group.create_group("g")


def _overlapping(file: h5netcdf.File) -> None:
    """Fifty arrays that are declared; :func:`_all_at_one_place` gives them the numbers of the first."""
    _declared(MEGA, "first", data=np.ones(MEGA))(file)
    for number in range(50):
        file.create_variable(f"v{number}", ("x",), "f8")


def _all_at_one_place(image: bytes) -> bytes:
    with h5py.File(io.BytesIO(image)) as file:
        place = file["first"].id.get_offset()
    size = struct.pack("<Q", 8 * MEGA)
    return image.replace(b"\xff" * 8 + size, struct.pack("<Q", place) + size)


def _arrays(giga: int) -> dict[str, Recipe]:
    """Files with arrays of other sizes, or at other places, than they seem."""
    much, chunks = 10**15, (2**20,)
    passwd = [("/etc/passwd", 0, 80)]
    return {
        "10^15 numbers in chunks that are not there": Recipe(_declared(much, chunks=chunks, fillvalue=0.0)),
        "10^15 coordinates in chunks that are not there": Recipe(_declared(much, "x", chunks=chunks, fillvalue=0.0)),
        "10^15 numbers that are not there": Recipe(_declared(much)),
        "zeros compressed by gzip": Recipe(_compressed(giga)),
        "numbers that lie in /etc/passwd": Recipe(_declared(10, external=passwd)),
        "a link to another file": Recipe(_plain, _elsewhere),
        "a link to nowhere": Recipe(_plain, _nowhere),
        "an array of another file's": Recipe(_plain, _virtual),
        "a group that holds the file": Recipe(_plain, _round),
        "groups 2000 deep": Recipe(_deep),
        "fifty arrays at one place": Recipe(_overlapping, patch=_all_at_one_place),
    }


def _one_long(file: h5netcdf.File) -> None:
    """A long text and a hundred thousand short ones, which :func:`_all_as_the_first` makes the same long one."""
    _plain(file)
    file.dimensions["x"] = 100_000
    texts = np.array(["a" * MEGA] + ["b"] * 99_999, dtype=object)
    file.create_variable("v", ("x",), h5py.string_dtype(), data=texts)


def _all_as_the_first(image: bytes) -> bytes:
    with h5py.File(io.BytesIO(image)) as file:
        place, count = file["v"].id.get_offset(), file["v"].shape[0]
    return image[:place] + image[place : place + 16] * count + image[place + 16 * count :]


def _many_attributes(file: h5netcdf.File) -> None:
    """A long text and 999 short ones of different lengths, which :func:`_attributes_as_the_first` makes the same."""
    _plain(file)
    file.attrs["long"] = "a" * MEGA
    for number in range(999):
        file.attrs[f"a{number}"] = "b" * (10_000 + number)


def _attributes_as_the_first(image: bytes) -> bytes:
    place = image.index(struct.pack("<I", MEGA))
    found = bytearray(image)
    for number in range(999):
        where = image.find(struct.pack("<I", 10_000 + number))
        if where >= 0:
            found[where : where + 16] = image[place : place + 16]
    return bytes(found)


def _list_of_texts(file: h5netcdf.File) -> None:
    _plain(file)
    file.attrs["long"] = np.array(["a" * MEGA] + ["b"] * 2999, dtype=h5py.string_dtype())


def _list_as_the_first(image: bytes) -> bytes:
    place = image.index(struct.pack("<I", MEGA))
    return image[:place] + image[place : place + 16] * 3000 + image[place + 16 * 3000 :]


def _said(**texts: Any) -> Recipe:
    return Recipe(_plain, texts=texts)


def _ended(status: str) -> Recipe:
    def link(file: h5py.File, _: Path) -> None:
        file["status"][...] = status

    return Recipe(_plain, link, harmless=True)


def _bare(file: h5netcdf.File) -> None:
    file.create_variable("other", (), "f8", data=0.0)


def _texts() -> dict[str, Recipe]:
    """Files with much text, or with none where it is expected."""
    nested = '{"kind":"solve","x":' + "[" * 10**5 + "]" * 10**5 + "}"
    return {
        "one text that is named 10^5 times": Recipe(_one_long, patch=_all_as_the_first),
        "one text in a thousand attributes": Recipe(_many_attributes, patch=_attributes_as_the_first),
        "one text in a list of 3000": Recipe(_list_of_texts, patch=_list_as_the_first),
        "a configuration nested 10^5 deep": _said(config=nested),
        "a configuration that is no table": _said(config="[1]"),
        "a configuration of another kind": _said(config='{"kind":"../../x"}'),
        "no versions": _said(versions=None),
        "versions nested 10^5 deep": _said(versions=nested),
        "versions that are no table": _said(versions="[1]"),
        "no architecture": _said(architecture=None),
        "no curves": Recipe(_bare),
        "a training without curves": _said(kind="train"),
        "a kind that writes on the terminal": _said(kind="\x1b[2J\nok"),
        "a status that writes on the terminal": _ended("\x1b[2J\nok"),
    }


def _bodies() -> dict[str, bytes]:
    return {
        "a seal of nothing": b"",
        "a sealed text": b"root:x:0:0",
        "a sealed signature of HDF5": b"\x89HDF\r\n\x1a\n" + bytes(1000),
        "a sealed JSON": json.dumps({"format": "failure-1"}).encode(),
    }
