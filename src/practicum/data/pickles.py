"""Lists and arrays of bytes out of a pickled dict, without unpickling: nothing that a file names is imported or called.

An unpickler calls whatever a file names, so that a file can run any program. Here the disassembler of the standard
library, `pickletools.genops`, splits the bytes into opcodes and their arguments, which runs nothing, and the few
opcodes that plain values need move these arguments about. The seven names that arrays need are compared as texts and
never looked up; any other name, and any other opcode, ends the reading.
"""

from __future__ import annotations

import pickletools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from practicum.errors import StorageError

LONGEST = 10**6
"""Most opcodes that are read, so that no file takes minutes; a batch of CIFAR-10 has some 40 000."""

_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")  # NumPy 1 and 2
_FROM_BUFFER = ("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer")
_ARRAY, _TYPE, _ENCODE = "numpy ndarray", "numpy dtype", "_codecs encode"
_NAMES = (*_RECONSTRUCT, *_FROM_BUFFER, _ARRAY, _TYPE, _ENCODE)

_MARK, _BYTE = object(), object()


class _Name(NamedTuple):
    """What a file wants to have imported."""

    text: str


class _Array:
    """An array as a file describes it: nothing is copied or believed before it is asked for."""

    def __init__(self, shape: Any = None, values: Any = None, order: Any = "C") -> None:
        self.shape, self.values, self.order = shape, values, order

    def build(self) -> np.ndarray:
        values = self.values.encode("latin-1") if isinstance(self.values, str) else self.values
        if any(length < 0 for length in self.shape):  # NumPy would choose it
            raise ValueError
        return np.frombuffer(values, np.uint8).reshape(self.shape, order=self.order)


class _Refused(Exception):
    """Why a file is not read, a part of a sentence."""


def read_pickle(content: bytes, source: str, wanted: Sequence[str]) -> dict[str, Any]:
    """Some values of a pickled dict: numbers, texts, lists of them, and arrays of unsigned bytes.

    Protocols 2 to 5 of Python 2 and 3. Texts of Python 2 are bytes; here they are texts, as keys are.

    Main arguments:
        content: of the file, whole.
        source: the beginning of a sentence about it, such as "The file x".
        wanted: the keys.

    Raises:
        StorageError: the file is damaged, lacks a key, or holds something else; one sentence.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    end = 0
    try:
        for count, (opcode, argument, position) in enumerate(pickletools.genops(content)):
            if count == LONGEST:
                raise _Refused(f"it has more than {LONGEST} opcodes")
            if opcode.name != "STOP":
                _step(opcode.name, argument, stack, memo)
            end = (position or 0) + 1
        (found,) = stack
        if end != len(content) or not isinstance(found, dict):
            raise ValueError
        chosen = {key: found[key] for key in wanted if key in found}
        built = {key: value.build() if isinstance(value, _Array) else value for key, value in chosen.items()}
    except _Refused as error:
        raise StorageError(
            f"{source} is refused, because {error}, and only plain values and arrays of unsigned bytes are read, so "
            "that no file can run a program; fetch the set again."
        ) from None
    except Exception:  # in a damaged pickle anything can be of any type
        raise StorageError(f"{source} is damaged: a pickled dict was expected; fetch the set again.") from None
    if len(built) < len(wanted):
        lacks = " and ".join(repr(key) for key in wanted if key not in built)
        raise StorageError(f"{source} holds no {lacks}; another file seems to have been given this name.")
    return built


def _step(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    """What one opcode does."""
    match name:
        case "PROTO" | "FRAME":
            pass
        case "NONE":
            stack.append(None)
        case "NEWTRUE" | "NEWFALSE":
            stack.append(name == "NEWTRUE")
        case "BININT" | "BININT1" | "BININT2" | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8":
            stack.append(argument)
        case "BINSTRING" | "SHORT_BINSTRING" | "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8":
            stack.append(argument)  # pickletools makes a latin-1 text of Python 2's bytes
        case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
            stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
        case "BINPUT" | "LONG_BINPUT":
            memo[argument] = stack[-1]
        case "MEMOIZE":
            memo[len(memo)] = stack[-1]
        case "BINGET" | "LONG_BINGET":
            stack.append(memo[argument])
        case "MARK":
            stack.append(_MARK)
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            stack.append(tuple(reversed([stack.pop() for _ in range(int(name[-1]))])))
        case "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        case "APPEND":
            value = stack.pop()
            stack[-1].append(value)
        case "APPENDS":
            values = _since_mark(stack)
            stack[-1].extend(values)
        case "SETITEM":
            value, key = stack.pop(), stack.pop()
            stack[-1][_text(key)] = value
        case "SETITEMS":
            pairs = _since_mark(stack)
            stack[-1].update({_text(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)})
        case "GLOBAL":
            stack.append(_name(argument))
        case "STACK_GLOBAL":
            inner, module = stack.pop(), stack.pop()
            stack.append(_name(f"{_text(module)} {_text(inner)}"))
        case "REDUCE":
            arguments = stack.pop()
            stack.append(_made(stack.pop(), arguments))
        case "BUILD":
            state = stack.pop()
            _describe(stack[-1], state)
        case _:
            raise _Refused(f"it has the opcode {name}")


def _since_mark(stack: list[Any]) -> list[Any]:
    """The values above the last mark, taken off together with it."""
    values = []
    while (value := stack.pop()) is not _MARK:
        values.append(value)
    return values[::-1]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _name(text: str) -> _Name:
    if text not in _NAMES:
        raise _Refused(f"it names {_shown(text.replace(' ', '.'))}")
    return _Name(text)


def _shown(value: Any) -> str:
    """A few characters of a text; what else a file says may be too long to write down."""
    return ascii(value[:60]) if isinstance(value, str) else type(value).__name__


def _made(name: _Name, arguments: tuple[Any, ...]) -> Any:
    """What the call that a file wants stands for."""
    if name.text in _RECONSTRUCT:
        return _Array()
    if name.text in _FROM_BUFFER:
        values, _, shape, order = arguments
        return _Array(shape, values, order)
    if name.text == _ENCODE:  # how protocol 2 of Python 3 writes bytes
        text, encoding = arguments
        if encoding != "latin1":
            raise _Refused(f"it encodes a text as {_shown(encoding)}")
        return text
    if name.text == _TYPE:
        if arguments[0] not in ("u1", b"u1"):
            raise _Refused(f"it has an array of type {_shown(arguments[0])}")
        return _BYTE
    raise _Refused(f"it calls {_shown(name.text.replace(' ', '.'))}")


def _describe(made: Any, state: tuple[Any, ...]) -> None:
    """Give an array its shape and values; the type of bytes needs no description."""
    if isinstance(made, _Array):
        _, made.shape, _, column_by_column, made.values = state
        made.order = "F" if column_by_column else "C"
    elif made is not _BYTE:
        raise _Refused("it sets the state of something else than an array")
