"""Files of safetensors, as networks of ``practicum batchnorm``, ``prune`` and :func:`practicum.runs.load_pruned`."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hostile.making import ODD, Act, Case, framed, safetensors, sparse, written

MLP = {"format": "mlp-1", "sizes": [6, 3, 2], "activation": "relu", "slope": 0.0, "normalisation": None}
PRUNED = {"format": "pruned-1", "class": "Sequential"}


def cases(giga: int) -> Iterator[Case]:
    """Every case, read by three."""
    for name, make in _files(giga).items():
        for reader, act in READERS.items():
            yield Case(name, reader, lambda folder, make=make, act=act: act(make(folder / "x.safetensors")))
    for name, content in _pruned().items():
        yield Case(name, "load_pruned", partial(_written, content=content, act=READERS["load_pruned"]))
    for name, content in _perceptrons().items():
        for reader in ("prune", "batchnorm"):
            yield Case(name, reader, partial(_written, content=content, act=READERS[reader]))
    for name, make in ODD.items():
        for reader, act in READERS.items():
            yield Case(f"a {name}", reader, lambda folder, make=make, act=act: act(make(folder / "x.safetensors")))


def _load_pruned(file: str) -> Act:
    from practicum.runs import load_pruned

    return lambda: load_pruned(file)


READERS: dict[str, Callable[[str], Act]] = {
    "batchnorm": lambda file: ["batchnorm", file],
    "prune": lambda file: ["prune", file, "--samples", "100"],
    "load_pruned": _load_pruned,
}


def _written(folder: Path, content: bytes, act: Callable[[str], Act]) -> Act:
    return act(written(folder / "x.safetensors", content))


def _entry(shape: list[int], first: int, last: int, kind: str = "F64") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [first, last]}


def _headers() -> dict[str, tuple[Any, int]]:
    """Headers and the bytes that follow."""
    whole = {"weights.0": _entry([1, 3, 6], 0, 144), "weights.1": _entry([1, 2, 3], 144, 192)}
    return {
        "offsets past the end": ({**whole, "weights.1": _entry([1, 2, 3], 144, 2**40)}, 192),
        "offsets that overlap": ({**whole, "weights.1": _entry([1, 2, 3], 0, 48)}, 192),
        "offsets with a hole": ({**whole, "weights.1": _entry([1, 2, 3], 152, 200)}, 200),
        "offsets that go back": ({**whole, "weights.1": _entry([1, 2, 3], 192, 144)}, 192),
        "negative offsets": ({**whole, "weights.1": _entry([1, 2, 3], -48, 0)}, 192),
        "a shape whose product overflows": ({**whole, "weights.1": _entry([2**33, 2**33], 144, 192)}, 192),
        "a shape that does not match": ({**whole, "weights.1": _entry([1, 2, 4], 144, 192)}, 192),
        "a shape of a million lengths": ({**whole, "weights.1": _entry([1] * 10**6, 144, 152)}, 152),
        "lengths of 10 000 digits": ({**whole, "weights.1": {**_entry([1], 144, 192), "shape": ["#"]}}, 192),
        "metadata that are no texts": ({**whole, "__metadata__": {"practicum": [1]}}, 192),
        "a list for a header": ([whole], 192),
        "bytes after the last tensor": (whole, 10**6),
    }


def _files(giga: int) -> dict[str, Callable[[Path], str]]:
    whole = safetensors({"weights.0": np.zeros((1, 3, 6))}, {"practicum": json.dumps(MLP)})
    found: dict[str, Callable[[Path], str]] = {
        f"a header of 2^{power} bytes": lambda path, p=power: written(path, struct.pack("<Q", 2**p - 1) + whole[8:])
        for power in (40, 60, 64)
    }
    for name, (header, size) in _headers().items():
        text = json.dumps(header).replace('"#"', "9" * 10_000).encode()
        found[name] = lambda path, text=text, size=size: written(path, framed(text, bytes(size)))
    twice = json.dumps({"a.weight": _entry([3, 2], 0, 48)})[:-1]
    twice += ', "a.weight": ' + json.dumps(_entry([3, 2], 0, 48)) + "}"
    nested = ("[" * 10**5 + "]" * 10**5).encode()
    return found | {
        "a name that is given twice": lambda path: written(path, framed(twice.encode(), bytes(48))),
        "a header nested 10^5 deep": lambda path: written(path, framed(b'{"a":' + nested + b"}")),
        "a header of 50 MB of lists": lambda path: written(path, framed(b'{"a":[' + b"[]," * 17 * 10**6 + b"1]}")),
        "zeros to the end of the disk": lambda path: sparse(path, whole, giga),
    }


def _perceptrons() -> dict[str, bytes]:
    """What practicum says of its own networks."""

    def file(about: str, *shapes: tuple[int, ...]) -> bytes:
        arrays = {f"weights.{i}": _zeros(shape) for i, shape in enumerate(shapes)}
        return safetensors(arrays, {"practicum": about})

    shapes = (1, 3, 6), (1, 2, 3)
    nested = "[" * 10**5 + "]" * 10**5
    return {
        "metadata nested 10^5 deep": file(nested, *shapes),
        "a slope of 400 digits": file(json.dumps({**MLP, "slope": "#"}).replace('"#"', "9" * 400), *shapes),
        "an activation of 1 MB": file(json.dumps({**MLP, "activation": "\x1b[2J\n" * 10**5}), *shapes),
        "other sizes than the tensors": file(json.dumps({**MLP, "sizes": [6] * 10**5}), *shapes),
        "no nodes and 2^60 inputs": file(json.dumps({**MLP, "sizes": [2**60, 0, 2]}), (1, 0, 2**60), (1, 2, 0)),
        "another format": file(json.dumps({**MLP, "format": "../../\0\n" * 1000}), *shapes),
    }


def _zeros(shape: tuple[int, ...]) -> np.ndarray:
    """NumPy knows no array of 2^60 columns, not even of none."""
    return np.zeros(shape) if max(shape) < 10**6 else np.empty(shape, np.dtype([]))


def _pruned() -> dict[str, bytes]:
    """What practicum says of pruned networks."""

    def file(architecture: str, name: str = "0.weight") -> bytes:
        about = json.dumps({**PRUNED, "architecture": "#"}).replace('"#"', architecture)
        return safetensors({name: np.zeros((3, 6))}, {"practicum": about})

    def linear(**more: Any) -> str:
        return json.dumps({"kind": "Sequential", "parts": [["0", {"kind": "Linear", **more}]]})

    deep = '{"kind":"Sequential","parts":[["0",' * 10**4 + "1" + "]]}" * 10**4
    return {
        "an architecture nested 10^4 deep": file(deep),
        "a module that is not known": file(json.dumps({"kind": "os.system", "command": "id"})),
        "a layer of 2^60 nodes": file(linear(in_features=2**60, out_features=2**60, bias=False)),
        "a layer of negative width": file(linear(in_features=-1, out_features=3, bias=False)),
        "arguments that are not known": file(linear(in_features=6, out_features=3, bias=False, device="cpu", x=1)),
        "an architecture of another kind": file('["Sequential"]'),
        "parts that are no pairs": file('{"kind":"Sequential","parts":[1,2]}'),
        "tensors with names of folders": file(linear(in_features=6, out_features=3, bias=False), "../../x\n"),
        "numbers of another format": safetensors({"a": np.zeros(1)}, {"practicum": '{"format":"\\n"}'}),
    }
