"""Values: frozen, validated at construction, one sentence for every bad parameter."""

from __future__ import annotations

import math
import os
from numbers import Integral, Real
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from practicum.errors import ParameterError

_BOUNDS = {
    "greater_than": ("must be > {gt:g}", "gt"),
    "greater_than_equal": ("must be >= {ge:g}", "ge"),
    "less_than": ("must be < {lt:g}", "lt"),
    "less_than_equal": ("must be <= {le:g}", "le"),
}


def _sentence(name: str, error: Any, remedies: dict[str, str], fields: list[str]) -> str:
    """One sentence for one pydantic error, in the form scikit-learn made familiar."""
    place = error["loc"][0] if error["loc"] else ""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "extra_forbidden":
        return f"{name} has no parameter '{place}'; it knows {', '.join(fields)}.{nearest(str(place), fields)}"
    if kind == "missing":
        remedy = remedies.get(str(place), "")
        return f"{name} needs the parameter '{place}', which was not given.{' ' + remedy if remedy else ''}"
    if kind in _BOUNDS:
        bound = _BOUNDS[kind][0].format(**context)
    elif kind == "finite_number":
        bound = "must be a finite number"
    elif kind == "literal_error":
        bound = f"must be one of {context['expected']}"
    elif kind in ("int_type", "int_parsing", "int_from_float"):
        bound = "must be a whole number"
    elif kind == "int_size":
        bound = "must be below 2^63"
    elif kind in ("float_type", "float_parsing"):
        bound = "must be a number"
    elif kind in ("tuple_type", "list_type"):
        bound = "must be a list, even of one value"
    else:
        bound = f"is not valid ({error['msg']})"
    remedy = remedies.get(str(place), "")
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:60]}... ({len(shown)} characters)"
    return f"The '{place}' parameter of {name} {bound}. Got {shown} instead.{' ' + remedy if remedy else ''}"


def nearest(word: str, known: list[str]) -> str:
    """`` Did you mean 'learning_rate'?`` when a known word is close, an empty string otherwise."""
    from difflib import get_close_matches

    match = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean '{match[0]}'?" if match else ""


def whole(name: str, value: Any, least: int) -> int:
    """A whole number >= `least`, NumPy's included, or one sentence."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ParameterError(f"The '{name}' parameter must be a whole number >= {least}. Got {value!r:.80} instead.")
    return int(value)


def real(value: Any) -> float:
    """A real number as a float, NumPy's included; NaN, within no bounds, for all else and for what no float holds."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def threads(workers: int | None) -> int:
    """The number of threads that `workers` asks for: as many as processors if None."""
    return (os.cpu_count() or 1) if workers is None else whole("workers", workers, 1)


class Value(BaseModel):
    """Base of the configuration values: immutable, hashable, unknown keys refused.

    Raises :class:`~practicum.errors.ParameterError` (a ``ValueError``) with one sentence where
    pydantic would raise its own multi-line report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, *positional: Any, **data: Any) -> None:
        if positional:
            name, first = type(self).__name__, next(iter(type(self).model_fields), "name")
            raise ParameterError(f"{name} takes its parameters by name: {name}({first}=..., ...).")
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise ParameterError(self._explain(error)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic would take True for 1 and "2" for 2; here that is a slip.
        kind = cls.model_fields[str(info.field_name)].annotation
        if kind in (int, float) and isinstance(value, bool | str):
            raise PydanticCustomError("int_type" if kind is int else "float_type", "a number")  # type: ignore[arg-type]
        if kind is int and isinstance(value, int | float) and abs(value) >= 2**63:
            raise PydanticCustomError("int_size", "below 2^63")  # what other programs read back
        return value

    @classmethod
    def _explain(cls, error: ValidationError) -> str:
        remedies = {
            name: str(field.json_schema_extra["remedy"])
            for name, field in cls.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and "remedy" in field.json_schema_extra
        }
        # A misspelt name is the cause of the "missing" that comes with it: say that first.
        errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        return _sentence(cls.__name__, errors[0], remedies, list(cls.model_fields))

    def replace(self, **changes: Any) -> Self:
        """A copy with some parameters changed, validated anew."""
        return type(self)(**{**self.model_dump(), **changes})
