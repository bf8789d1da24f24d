"""JSON, TOML and words by other hands: nothing without end, errors of one kind, and nothing that steers a terminal."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

DEEPEST = 64
"""Levels of lists and tables; what walks over them calls itself for each."""

_LONGEST = 2**64
"""Whole numbers are smaller; Python's have no end, and printing one of a million digits takes minutes."""

_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_ENDLESS = re.compile(r"\S{1000,}")
_LONG_KEY = re.compile(r"""(?:\.[ \t]*(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*){32}""")
"""A dotted key of 33 parts. tomllib takes time in the square of their number."""


def plain_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none, gives a name twice, is nested deeper than :data:`DEEPEST`, or holds a number that is too
            long.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise _too_deep() from None
    check_plain(value)
    return value


def plain_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ValueError: as :func:`plain_json` does.
    """
    if _LONG_KEY.search(text):
        raise ValueError("a name in it has more than 32 parts")
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    check_plain(value)
    return value


def printable(text: str) -> str:
    """A text for one line of a terminal: what would move its cursor, or turn the text around, is written as a code.

    Of a word of a thousand characters the ends are left.
    """
    if len(text) < 250 and text.isprintable():  # nearly all; a list has thousands
        return text
    text = _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return _ENDLESS.sub(lambda found: f"{found[0][:200]}...{found[0][-50:]}", text)


def check_plain(value: Any) -> None:
    """Nothing if a value of lists, dicts and numbers is neither deep nor long.

    Raises:
        ValueError: it is.
    """
    level = [value]
    for _ in range(DEEPEST + 1):
        if any(type(item) is int and not -_LONGEST < item < _LONGEST for item in level):
            raise ValueError("a whole number in it has more than 64 bits")
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise _too_deep()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):  # which one counts is another one for every reader
        raise ValueError("a name in it is given twice")
    return found


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {DEEPEST} levels deep")
