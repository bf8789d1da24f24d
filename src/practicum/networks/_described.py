"""The base of the values of networks."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BeforeValidator

from practicum.errors import ParameterError
from practicum.networks.names import Activation
from practicum.values import Value, nearest


class Described(Value):
    """A value whose own sentences, about parameters that do not fit each other, reach the user as they are."""

    @classmethod
    def _explain(cls, error: Any) -> str:
        causes = (e.get("ctx", {}).get("error") for e in error.errors())
        return next((str(cause) for cause in causes if isinstance(cause, ParameterError)), super()._explain(error))


def by_kind(what: str, *kinds: type[Described]) -> BeforeValidator:
    """For a field that takes values of several kinds: a table of parameters becomes a value by its 'kind'.

    What pydantic calls a discriminated union; that one reports every kind's errors, and does not go together with the
    check of :class:`~practicum.values.Value` that numbers are numbers.
    """
    known = {get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in kinds}

    def built(value: Any) -> Any:
        if isinstance(value, kinds):
            return value
        if not isinstance(value, dict):
            raise ParameterError(
                f"{what} must be one of {', '.join(kind.__name__ for kind in kinds)}, or a table of the parameters of "
                f"one. Got {value!r:.60} instead."
            )
        name = value.get("kind")
        if not isinstance(name, str) or name not in known:
            raise ParameterError(
                f"{what} must have a 'kind', one of {', '.join(map(repr, known))}. Got {name!r:.60} instead."
                f"{nearest(str(name), list(known))}"
            )
        return known[name](**value)

    return BeforeValidator(built)


def check_slope(name: str, activation: Activation | None, slope: float | None) -> None:
    """One sentence for a slope that nothing would use; None means that it is the teacher's."""
    if slope and activation not in (None, "leaky-relu"):
        raise ParameterError(
            f"The 'slope' parameter of {name} must be 0 unless the activation is 'leaky-relu', the only one that has a "
            f"slope. Got {slope:g} with activation {activation!r}; set activation='leaky-relu'."
        )
