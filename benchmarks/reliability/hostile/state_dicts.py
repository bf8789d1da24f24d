"""Files of torch.save, as networks of ``practicum batchnorm`` and ``practicum prune``."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hostile.making import DEFLATED, ODD, STORED, Canary, Case, deflated_zeros, safetensors, sparse, written, zip_of

READERS: dict[str, Callable[[str], list[str]]] = {
    "batchnorm": lambda file: ["batchnorm", file],
    "prune": lambda file: ["prune", file, "--samples", "100"],
}
MARK, STOP = b"(", b"."


def cases(giga: int) -> Iterator[Case]:
    """Every case, read by both."""
    for name, make in {**_programs(), **_bombs(giga)}.items():
        for reader, act in READERS.items():
            yield Case(name, reader, lambda folder, make=make, act=act: act(make(folder)))
    for name, odd in ODD.items():
        for reader, act in READERS.items():
            yield Case(f"a {name}", reader, lambda folder, odd=odd, act=act: act(odd(folder / "x.pt")))


def _saved(value: Any, **how: Any) -> bytes:
    image = io.BytesIO()
    torch.save(value, image, **how)
    return image.getvalue()


def _state() -> dict[str, torch.Tensor]:
    return nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 2)).state_dict()


def _script() -> bytes:
    image = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(6, 3)), image)
    return image.getvalue()


def _zipped(content: bytes, name: str) -> bytes:
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        archive.writestr(name, content)
    return image.getvalue()


def _programs() -> dict[str, Callable[[Path], str]]:
    """Whoever unpickles these runs a program."""

    def of(content: Callable[[Path], bytes], ending: str = "pt") -> Callable[[Path], str]:
        return lambda folder: written(folder / f"x.{ending}", content(folder))

    def both(folder: Path) -> dict[str, Any]:
        return {**_state(), "x": Canary(folder)}

    return {
        "a pickle in .pt": of(lambda folder: _saved(both(folder))),
        "a pickle in an old .pt": of(lambda folder: _saved(both(folder), _use_new_zipfile_serialization=False)),
        "a pickle in a .pt in a .zip": of(lambda folder: _zipped(_saved(both(folder)), "x.pt")),
        "a pickle called data.pkl in a .zip": of(lambda folder: _zipped(pickle.dumps(Canary(folder)), "x/data.pkl")),
        "a bare pickle, protocol 4": of(lambda folder: pickle.dumps(both(folder), 4)),
        "a bare pickle, protocol 2": of(lambda folder: pickle.dumps(Canary(folder), 2)),
        "a bare pickle, protocol 0": of(lambda folder: pickle.dumps(Canary(folder), 0)),
        "a pickle as .pkl": of(lambda folder: pickle.dumps(Canary(folder)), "pkl"),
        "a pickle as .safetensors": of(lambda folder: pickle.dumps(Canary(folder)), "safetensors"),
        "a pickle as metadata of safetensors": of(
            lambda folder: safetensors({}, {"practicum": pickle.dumps(Canary(folder), 0).decode("latin-1")})
        ),
        "an archive of TorchScript": of(lambda _: _script()),
        "a whole module": of(lambda _: _saved(nn.Linear(6, 3))),
    }


def _named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _archive(program: bytes, **members: bytes) -> bytes:
    """An archive of torch.save whose pickle is this program."""
    contents = {"x/data.pkl": b"\x80\x02" + program + STOP, "x/version": b"3\n", "x/byteorder": b"little"}
    contents |= {f"x/data/{name.removeprefix('n')}": content for name, content in members.items()}
    return zip_of({name: (content, len(content), STORED) for name, content in contents.items()})


def _old(program: bytes) -> bytes:
    """A file as torch.save wrote it before 1.6."""
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
    return b"".join(parts) + b"\x80\x02" + program + STOP + pickle.dumps([], 2)


def _tensor(numbers: int, shape: int, stride: int) -> bytes:
    """A tensor of `shape` numbers, `stride` apart, in a storage of `numbers`."""
    storage = MARK + _text("storage") + _named("torch", "FloatStorage") + _text("0") + _text("cpu")
    storage += _number(numbers) + b"tQ"
    lengths = MARK + _number(shape) + b"t" + MARK + _number(stride) + b"t"
    rest = b"\x89" + _named("collections", "OrderedDict") + b")R"
    return _named("torch._utils", "_rebuild_tensor_v2") + MARK + storage + _number(0) + lengths + rest + b"tR"


def _dict(value: bytes, name: str = "bn.weight") -> bytes:
    return b"}" + _text(name) + value + b"s"


def _lists(levels: int) -> bytes:
    """A list of ten lists of ten lists..., each of them once in the memory."""
    program = b"]" + MARK + b"K\x00" * 10 + b"e"
    for level in range(levels):
        program = program + b"q" + bytes([level]) + b"0]" + MARK + (b"h" + bytes([level])) * 10 + b"e"
    return program


def _tables(levels: int, names: int) -> bytes:
    """A dict of dicts of dicts..., in which every name leads to the same one."""
    program = b"}" + _text("x.weight") + _tensor(1, 1, 1) + b"s"
    for level in range(levels):
        inner = b"".join(_text(str(name)) + b"h" + bytes([level]) for name in range(names))
        program = program + b"q" + bytes([level]) + b"0}" + MARK + inner + b"u"
    return program


def _bombs(giga: int) -> dict[str, Callable[[Path], str]]:
    """No program, but more than the file has room for."""
    filled = _named("builtins", "bytearray") + MARK + _number(giga) + b"tR"
    doubled = _text("0" * 1000)
    for _ in range(22):
        doubled = _named("_codecs", "encode") + MARK + doubled + _text("hex") + b"tR"
    converted = _named("torch._utils", "_rebuild_device_tensor_from_cpu_tensor") + MARK + _tensor(1, giga, 0)
    converted += _named("torch", "float64") + _text("cpu") + b"\x89tR"
    made = _named("torch", "FloatTensor") + MARK + _lists(8) + b"tR"
    four = bytes(4)

    def of(content: Callable[[], bytes]) -> Callable[[Path], str]:
        return lambda folder: written(folder / "x.pt", content())

    def packed() -> bytes:
        return zip_of({"x/data.pkl": (deflated_zeros(giga), giga, DEFLATED), "x/version": (b"3\n", 2, STORED)})

    def state() -> bytes:
        return _saved(OrderedDict({"bn.weight": torch.ones(1).expand(giga)}))

    return {
        "bytearray(10^9)": of(lambda: _archive(_dict(filled))),
        "bytearray(10^9) in an old file": of(lambda: _old(_dict(filled))),
        "a text that is encoded again and again": of(lambda: _archive(_dict(doubled))),
        "one number that is converted in 10^9 places": of(lambda: _archive(_dict(converted), n0=four)),
        "a tensor of lists of lists": of(lambda: _archive(_dict(made))),
        "one number in 10^9 places": of(state),
        "one number in 10^9 places, by hand": of(lambda: _archive(_dict(_tensor(1, giga, 0)), n0=four)),
        "a storage larger than its member": of(lambda: _archive(_dict(_tensor(giga, giga, 1)), n0=four)),
        "a storage larger than the file, old": of(lambda: _old(_dict(_tensor(giga, giga, 1)))),
        "a tensor larger than its storage": of(lambda: _archive(_dict(_tensor(1, giga, 1)), n0=four)),
        "a table that leads to itself in 10^12 ways": of(lambda: _archive(_tables(4, 10**4), n0=four)),
        "a pickle of zeros, compressed": of(packed),
        "a list of members of 100 MB": of(lambda: zip_of({"x/data.pkl": (b"N.", 2, STORED)}, directory=10**8)),
        "a pickle that never ends": lambda folder: sparse(folder / "x.pt", b"\x80\x02\x8a\n", giga),
    }
