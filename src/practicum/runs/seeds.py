"""Which seeds a simulation runs: consecutive ones by first and count, others one by one."""

from __future__ import annotations

from typing import Any

from pydantic import model_serializer

from practicum.errors import ParameterError
from practicum.values import Value

_LIMIT = 2**63


class Seeds(Value):
    """Seeds of a simulation, in order: ``first, first + 1, ...`` (`count` of them), or `others` as listed.

    Build it with :meth:`of`. Consecutive seeds have one form however they were written.
    """

    first: int = 0
    count: int = 0
    others: tuple[int, ...] = ()

    @classmethod
    def of(cls, value: Any) -> Seeds:
        """From n (seeds 0 to n-1), a sequence of different seeds, or ``{first, count}``.

        Raises:
            ParameterError: a seed is not a whole number from 0 to 2^63 - 1, occurs twice, or there is none.
        """
        if isinstance(value, Seeds):
            return value
        if isinstance(value, range) and value.step == 1 and value:  # short to write, long to list
            return cls.of({"first": value.start, "count": len(value)})
        if isinstance(value, dict):
            unknown = set(value) - {"first", "count"}
            if unknown:
                raise ParameterError(f"The 'seeds' parameter knows 'first' and 'count'. Got {unknown.pop()!r} instead.")
            first, count = cls._whole(value.get("first", 0)), cls._whole(value.get("count", 1))
        elif isinstance(value, (int, float)):
            first, count = 0, cls._whole(value)
        else:
            try:
                seeds = tuple(cls._whole(seed) for seed in value)
            except TypeError:
                raise ParameterError(
                    f"The 'seeds' parameter must be a number of seeds or a list of seeds. Got {value!r:.80} instead."
                ) from None
            if len(set(seeds)) < len(seeds):
                twice = next(seed for i, seed in enumerate(seeds) if seed in seeds[:i])
                raise ParameterError(
                    f"The 'seeds' parameter lists {twice} twice; the same seed gives the same run, not a new sample."
                )
            first, count = (seeds[0] if seeds else 0), len(seeds)
            if seeds != tuple(range(first, first + count)):
                return cls(others=seeds)
        if count < 1 or first + count > _LIMIT:
            raise ParameterError(
                f"The 'seeds' parameter must name at least one seed below 2^63. Got {value!r:.80} instead."
            )
        return cls(first=first, count=count)

    @staticmethod
    def _whole(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or not 0 <= value < _LIMIT:
            whole = None
        else:
            whole = int(value)
        if whole is None or whole != value:
            raise ParameterError(
                f"The 'seeds' parameter must hold whole numbers from 0 to 2^63 - 1. Got {value!r:.80} instead."
            )
        return whole

    def list(self) -> list[int]:
        """The seeds, in order."""
        return [*self.others] if self.others else [*range(self.first, self.first + self.count)]

    def __len__(self) -> int:
        return len(self.others) or self.count

    def __str__(self) -> str:
        if self.others:
            return ",".join(map(str, self.others))
        return str(self.first) if self.count == 1 else f"{self.first}-{self.first + self.count - 1}"

    @model_serializer
    def _dump(self) -> Any:
        return [*self.others] if self.others else {"first": self.first, "count": self.count}
