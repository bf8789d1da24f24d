"""State dicts out of files, without running anything that is in them.

A file of safetensors needs no torch. A file of torch.save is read with ``weights_only=True``, which builds tensors and
plain containers and calls nothing else.
"""

from __future__ import annotations

import math
import os
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from practicum.disk.paths import expanded
from practicum.disk.regular import open_regular, size_of
from practicum.disk.tensors import read_header
from practicum.errors import ParameterError, StorageError
from practicum.networks._torch import missing, need_torch
from practicum.specialization.batchnorm._sparing import Enlarging, check_torch_file

USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "module")
"""Where training scripts put the state dict of the network, the most usual first."""

_DEPTH = 3
_OLD = b"\x80\x02\x8a\n"
"""The first bytes of torch.save before PyTorch 1.6: a pickle that begins with a long integer."""


class State(NamedTuple):
    """The names and shapes of a state dict in their order, and its numbers when asked for.

    Main arguments:
        source: what to call it in a sentence.
        shapes: of all arrays, by name.
        values: the array of a name, in float64.
        ordered: whether the order is that in which the network was built; safetensors sorts by name.
        about: what the file says of itself, the metadata of safetensors.
    """

    source: str
    shapes: dict[str, tuple[int, ...]]
    values: Callable[[str], np.ndarray]
    ordered: bool = True
    about: Mapping[str, str] = {}


def state_of(mapping: Mapping[str, Any], source: str) -> State:
    """A state dict of arrays or tensors."""
    arrays = {str(name): value for name, value in mapping.items() if _is_array(value)}
    return State(
        source, {name: tuple(value.shape) for name, value in arrays.items()}, lambda name: _float(arrays[name])
    )


def read(path: str | os.PathLike[str], wanted: Callable[[State], bool], key: str | None = None) -> State:
    """The state dict in a file of safetensors or of torch.save; which of the two, the first bytes say.

    Main arguments:
        path: of the file.
        wanted: whether a state dict is of the kind that is looked for; training checkpoints hold several things.
        key: which one to take, with slashes between the levels, where several are wanted.

    Raises:
        StorageError: no such file, empty, damaged, of another kind, or with pickled objects besides tensors.
        ParameterError: several state dicts are wanted, or `key` names none; safetensors or torch is not installed.
    """
    path = expanded(path)
    try:
        with open_regular(path) as file:
            head, size = file.read(9), size_of(file)
    except OSError as error:
        raise StorageError(f"The checkpoint {path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    if head[:4] in (b"PK\x03\x04", _OLD):
        found = _states(_torch(path), f"the checkpoint {path}")
        _check_numbers(path, size, found)
    elif head[8:9] == b"{":
        found = {"": _safetensors(path)}
    elif head[:1] == b"\x80":
        raise _refused(path, "it is a pickle of something else than a state dict")
    else:
        begins = f"begins with {head[:4].hex(' ')}" if head else "is empty"
        raise StorageError(
            f"The file {path} is no checkpoint: it {begins}, and a file of safetensors or of torch.save was expected."
        )
    return _chosen(found, wanted, key, path)


def _safetensors(path: Path) -> State:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise missing(error) from None
    try:
        with open_regular(path) as file:
            read_header(file)
        with safe_open(path, framework="np") as file:
            about = dict(file.metadata() or {})
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            shapes = {name: tuple(slices[name].get_shape()) for name in sorted(slices, key=_natural)}
            kinds = {name: slices[name].get_dtype() for name in slices}
    except (SafetensorError, OSError, ValueError) as error:
        raise StorageError(
            f"The checkpoint {path} is damaged or truncated: it begins as a file of safetensors, but cannot be read "
            f"({str(error).removeprefix('Error while deserializing header: ')}); fetch it again."
        ) from None

    def values(name: str) -> np.ndarray:
        if kinds[name] == "BF16":
            return _bfloat16(path, name).reshape(shapes[name])
        try:
            with safe_open(path, framework="np") as file:
                return np.asarray(file.get_tensor(name), np.float64)
        except (TypeError, AttributeError, SafetensorError):  # AttributeError: NumPy has no such type
            raise StorageError(
                f"The checkpoint {path} holds {name} as {kinds[name]}, a type that is not read; convert it to float32."
            ) from None

    return State(f"the checkpoint {path}", shapes, values, ordered=False, about=about)


def _bfloat16(path: Path, name: str) -> np.ndarray:
    """NumPy has no bfloat16; it is the upper half of a float32."""
    with open_regular(path) as file:
        first, last = read_header(file)[name]["data_offsets"]
        file.seek(first, os.SEEK_CUR)
        halves = np.frombuffer(file.read(last - first), "<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def _torch(path: Path) -> Any:
    need_torch()
    import torch

    with open_regular(path) as file:
        zipped = file.read(2) == b"PK"
    try:
        check_torch_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, which the reader can do nothing about
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
    except Enlarging as error:
        raise _refused(path, f"it holds a pickled object ({error})") from None
    except pickle.UnpicklingError as error:
        name = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it holds a pickled object ({name[1]})" if name else "it is damaged or holds other things than tensors"
        raise _refused(path, why) from None
    except Exception as error:  # a damaged pickle can raise anything
        if "TorchScript" in str(error):
            raise StorageError(
                f"The checkpoint {path} is a program of TorchScript, not a state dict; load it where it may run and "
                "save its state_dict() alone."
            ) from None
        raise _damaged(path) from None


def _refused(path: Path, why: str) -> StorageError:
    return StorageError(
        f"The checkpoint {path} is refused, because {why}, and unpickling can run any program; save model.state_dict() "
        "alone, with torch.save or safetensors."
    )


def _damaged(path: Path) -> StorageError:
    return StorageError(
        f"The checkpoint {path} is damaged or truncated: it begins as a file of torch.save, but cannot be read; fetch "
        "it again."
    )


def _check_numbers(path: Path, size: int, found: dict[str, State]) -> None:
    """A tensor can be one number that is spread over as many places as it likes."""
    if any(sum(map(math.prod, state.shapes.values())) > size for state in found.values()):
        raise StorageError(
            f"The checkpoint {path} is refused, because its tensors claim more numbers than the {size} bytes of the "
            "file; save a copy of model.state_dict() whose tensors are contiguous."
        )


def _states(
    loaded: Any, source: str, place: str = "", depth: int = 0, seen: set[int] | None = None
) -> dict[str, State]:
    """Every mapping in `loaded` that holds arrays, by its place; one that is held several times is named once."""
    seen = set() if seen is None else seen
    if not isinstance(loaded, Mapping) or depth > _DEPTH or id(loaded) in seen:
        return {}
    seen.add(id(loaded))
    found = {}
    if any(_is_array(value) for value in loaded.values()):
        found[place] = state_of(loaded, source)
    for name, value in loaded.items():
        found |= _states(value, source, f"{place}/{name}".lstrip("/"), depth + 1, seen)
    return found


def _chosen(found: dict[str, State], wanted: Callable[[State], bool], key: str | None, path: Path) -> State:
    if not found:
        raise StorageError(f"The checkpoint {path} holds no arrays; save model.state_dict().")
    if key is not None:
        if key not in found:
            places = ", ".join(repr(place) for place in found if place)
            raise ParameterError(
                f"The checkpoint {path} has no state dict at the key {key!r:.60}; "
                + (f"it has {places}." if places else "it is one state dict, so leave the key out.")
            )
        return found[key]
    fitting = {place: state for place, state in found.items() if wanted(state)}
    for states in (fitting, found):
        for place in ("", *USUAL):
            if place in states:
                return states[place]
        if states:
            break
    if len(fitting) > 1:
        raise ParameterError(
            f"The checkpoint {path} holds {len(fitting)} state dicts of the kind that is looked for; choose one: "
            f"{' or '.join(f'key={place!r}' for place in fitting)}."
        )
    return next(iter((fitting or found).values()))


def _is_array(value: Any) -> bool:
    try:
        return hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value.dtype, "kind", "f") in "biuf"
    except RuntimeError:  # a lazy module that has seen no input yet
        return False


def _float(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        if value.is_complex() or value.is_quantized or value.is_meta or str(value.layout) != "torch.strided":
            kind = "meta" if value.is_meta else f"{value.dtype}, {value.layout}"
            raise ParameterError(
                f"BatchNorms are read from dense tensors of real numbers. Got a tensor of {kind} instead."
            )
        value = value.detach().cpu().double().numpy()
    return np.array(value, np.float64)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """features.2 before features.10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
