"""The base of the values of networks."""

from __future__ import annotations

from typing import Any

from practicum.errors import ParameterError
from practicum.networks.names import Activation
from practicum.values import Value


class Described(Value):
    """A value whose own sentences, about parameters that do not fit each other, reach the user as they are."""

    @classmethod
    def _explain(cls, error: Any) -> str:
        causes = (e.get("ctx", {}).get("error") for e in error.errors())
        return next((str(cause) for cause in causes if isinstance(cause, ParameterError)), super()._explain(error))


def check_slope(name: str, activation: Activation | None, slope: float | None) -> None:
    """One sentence for a slope that nothing would use; None means that it is the teacher's."""
    if slope and activation not in (None, "leaky-relu"):
        raise ParameterError(
            f"The 'slope' parameter of {name} must be 0 unless the activation is 'leaky-relu', the only one that has a "
            f"slope. Got {slope:g} with activation {activation!r}; set activation='leaky-relu'."
        )
