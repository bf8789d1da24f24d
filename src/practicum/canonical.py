"""One text for one meaning: the canonical JSON whose SHA-256 names a run."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from practicum.errors import ParameterError

ID_LENGTH = 16
"""Hexadecimal digits of a run's SHA-256 that name its file; all 64 are inside the file and compared."""

_EXACT = 2.0**53


def canonical_json(value: Any) -> str:
    """The one JSON text of nested dicts, lists, strings, numbers, booleans and None.

    Keys are sorted, there is no white space, only ASCII is used, and a number has one form: the shortest
    decimal that reads back to the same double, without ``.0`` when it is whole (as in RFC 8785), so that 1
    and 1.0, or 0.0 and -0.0, cannot give two names to one run.

    Raises:
        ParameterError: a number is NaN or infinite (JSON has neither), or an object is not of the kinds above.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ParameterError(f"A configuration holds {value!r}, but only finite numbers can be written as JSON.")
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ParameterError(f"A configuration has a key that is not text: {list(value)!r:.80}.")
        return {key: _plain(item) for key, item in value.items()}
    raise ParameterError(
        f"A configuration holds {value!r:.60} of type {type(value).__name__}; "
        "convert it to numbers, text, lists or dicts first (an array has .tolist())."
    )
