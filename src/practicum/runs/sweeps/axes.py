"""What is swept: a name and its values, written as a comma list, a range, or a list."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from practicum.canonical import canonical_json
from practicum.errors import ParameterError
from practicum.runs.settings import parse

MOST_VALUES = 1_000_000
_CALL = re.compile(r"(range|linspace|geomspace)\((.*)\)")
_WHOLE = re.compile(r"([+-]?\d+)\.\.([+-]?\d+)")
_DIGITS = 12
"""Of the numbers of a range, so that linspace(0, 1, 11) gives 0.3, not 0.30000000000000004, and finds stored runs."""


class Axis(NamedTuple):
    """One swept parameter: its name, as a setting has it, and the values it takes, in order."""

    name: str
    values: tuple[Any, ...]


def axis(name: str, values: Any) -> Axis:
    """An axis of given values.

    Main arguments:
        name: of the parameter, dotted or bare where only one table knows it.
        values: a sequence or an array of them; or a text, see :func:`values_of`.

    Raises:
        ParameterError: there is no value, the same twice, or a value that is no number, text, list or table.
    """
    if isinstance(values, str):
        values = values_of(name, values)
    elif isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise ParameterError(
            f"The sweep over '{name}' needs a list of values, such as [0.1, 0.5]. Got {values!r:.80} instead."
        )
    found = tuple(_plain(value) for value in values)
    if not found:
        raise ParameterError(f"The sweep over '{name}' needs at least one value. Got an empty list instead.")
    seen: set[str] = set()
    for value in found:
        try:
            text = canonical_json(value)
        except ParameterError:
            raise ParameterError(
                f"The values of '{name}' must be finite numbers, texts, lists or tables. Got {value!r:.80} instead."
            ) from None
        if text in seen:
            raise ParameterError(f"The sweep over '{name}' has the value {text:.80} twice; one cell is enough.")
        seen.add(text)
    return Axis(name, found)


def split(settings: Iterable[str]) -> tuple[list[tuple[str, Any]], list[Axis]]:
    """Settings ``name=value`` apart from those that have several values, which are axes.

    Raises:
        ParameterError: a text is no setting.
    """
    fixed: list[tuple[str, Any]] = []
    axes: list[Axis] = []
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if equals and name and text and _several(text):
            axes.append(axis(name, text))
        else:
            fixed.append(parse(setting))
    return fixed, axes


def values_of(name: str, text: str) -> list[Any]:
    """The values that a text lists: ``0.1,0.5``, ``2..8``, ``range(2, 9)``, ``linspace(0, 1, 11)``,
    ``geomspace(1e-3, 1, 7)``, or several of these with commas between them.

    ``2..8`` includes 8; ``range`` stops before its end and ``linspace`` and ``geomspace`` include theirs, as in Python
    and NumPy. Numbers of the last two are rounded to 12 digits.

    Raises:
        ParameterError: a part is empty, or a range is not one.
    """
    found: list[Any] = []
    for part in _parts(text):
        if not part:
            raise ParameterError(
                f"The sweep over '{name}' has an empty place between its commas. Got {text!r:.80} instead."
            )
        found += _range(name, part) or [parse(f"{name}={part}")[1]]
    return found


def _several(text: str) -> bool:
    return len(_parts(text)) > 1 or bool(_CALL.fullmatch(text) or _WHOLE.fullmatch(text))


def _parts(text: str) -> list[str]:
    """The text between commas that stand in no bracket and no quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += letter
    return [part.strip() for part in parts]


def _range(name: str, text: str) -> list[Any]:
    """The numbers of a range; nothing if the text is none."""
    if match := _WHOLE.fullmatch(text):
        first, last = int(match[1]), int(match[2])
        return _whole(name, text, first, last + 1, 1)
    match = _CALL.fullmatch(text)
    if match is None:
        return []
    kind, inside = match[1], match[2]
    try:
        numbers = [float(part) for part in _parts(inside)]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise _bad(name, text, "numbers between its brackets")
    if kind == "range":
        if len(numbers) > 3 or not all(number.is_integer() for number in numbers) or (numbers[2:] == [0]):
            raise _bad(name, text, "one to three whole numbers between its brackets, and no step of 0")
        first, last = (0.0, numbers[0]) if len(numbers) == 1 else numbers[:2]
        return _whole(name, text, int(first), int(last), int(numbers[2]) if len(numbers) == 3 else 1)
    if len(numbers) != 3 or not numbers[2].is_integer() or not 2 <= numbers[2] <= MOST_VALUES:
        raise _bad(name, text, f"first, last and how many (2 to {MOST_VALUES})")
    first, last, count = numbers[0], numbers[1], int(numbers[2])
    if kind == "geomspace" and not first * last > 0:
        raise _bad(name, text, "two ends of one sign, neither of them 0")
    steps = [i / (count - 1) for i in range(count)]
    if kind == "linspace":
        inner = [first + (last - first) * step for step in steps]
    else:
        inner = [math.copysign(math.exp(_between(math.log(abs(first)), math.log(abs(last)), s)), first) for s in steps]
    return [first, *(float(f"{value:.{_DIGITS}g}") for value in inner[1:-1]), last]


def _between(first: float, last: float, step: float) -> float:
    return first + (last - first) * step


def _whole(name: str, text: str, first: int, end: int, step: int) -> list[int]:
    found = range(first, end, step)
    if not 1 <= len(found) <= MOST_VALUES:
        raise _bad(name, text, f"1 to {MOST_VALUES} whole numbers")
    return list(found)


def _bad(name: str, text: str, need: str) -> ParameterError:
    return ParameterError(
        f"The range {text!r:.80} of '{name}' must have {need}; write 2..8, range(2, 9), linspace(0, 1, 11) or "
        "geomspace(0.001, 1, 7)."
    )


def _plain(value: Any) -> Any:
    """Numbers and arrays of NumPy as numbers and lists of Python."""
    return value.tolist() if hasattr(value, "tolist") else value
