"""What makes a run the run it is: :class:`SolveConfig`, :class:`SimulateConfig` and :class:`StudyConfig`.

:class:`~practicum.runs.training.TrainConfig`, of networks, has a file of its own.

A configuration is resolved: defaults are written out, recipes of a start have become numbers, seeds are listed.
Two spellings of one run therefore have one canonical JSON and one id, and the JSON alone is enough to run it
again. What does not change the numbers (workers, where results are stored) is no part of it.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from practicum.canonical import ID_LENGTH, canonical_json, sha256
from practicum.disk.texts import plain_json
from practicum.errors import ParameterError
from practicum.memory import require
from practicum.runs import _needs
from practicum.runs.seeds import Seeds
from practicum.runs.starts import start_from
from practicum.simulation.inputs import BlockIsotropic, Gaussian
from practicum.theory._until import SMALLEST_RTOL, Until, points
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.values import Value


def _explicit_start(start: Any) -> OrderParameters:
    if isinstance(start, OrderParameters):
        K, M = start.students, start.teachers
        require("A start that is written out", _needs.start, students=K, teachers=M)
    values = start if isinstance(start, OrderParameters) else start_from(start)
    # -0.0 and 0.0 are one start; the canonical JSON writes both as 0, so the run must start from 0.0 too.
    return OrderParameters(**{name: np.asarray(value) + 0.0 for name, value in values.to_dict().items()})


def _dump_start(start: Any) -> Any:
    return [part.to_dict() for part in start] if isinstance(start, tuple) else start.to_dict()


def _one_or_pair(start: Any) -> Any:
    if isinstance(start, (tuple, list)) and len(start) == 2:
        return tuple(_explicit_start(part) for part in start)
    return _explicit_start(start)


Start = Annotated[Any, BeforeValidator(_explicit_start), PlainSerializer(_dump_start)]
StartOrPair = Annotated[Any, BeforeValidator(_one_or_pair), PlainSerializer(_dump_start)]


class Config(Value):
    """What the kinds of configuration share: a canonical JSON, and an id made of it.

    `revision` is raised by practicum when the same settings come to mean other numbers, so that a run stored
    by an older version is never taken for one of this version.
    """

    revision: Literal[1] = 1

    @classmethod
    def _explain(cls, error: Any) -> str:
        # A sentence written for the user deeper down is passed on as it is.
        causes = [e.get("ctx", {}).get("error") for e in error.errors()]
        return next((str(cause) for cause in causes if isinstance(cause, ParameterError)), super()._explain(error))

    def canonical(self) -> str:
        """The canonical JSON of this configuration; :func:`config_from_json` is the inverse."""
        return self._text

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return sha256(self._text)

    @cached_property
    def _text(self) -> str:
        # Kept, because a sweep asks for it at every step of a cell, and making it takes as long as storing the cell.
        return canonical_json(self.model_dump())

    @property
    def id(self) -> str:
        """The first 16 digits of :attr:`sha256`, the name of the run."""
        return self.sha256[:ID_LENGTH]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.canonical() == other.canonical()

    def __hash__(self) -> int:
        return hash(self.canonical())


class _Trajectory(Config):
    """A machine that learns by a rule from a start: what theory and simulation share."""

    machine: Committee
    rule: LearningRule
    start: Start
    until: float | str = 1000.0
    save_at: tuple[float, ...] | None = None

    @field_validator("machine", "rule", mode="before")
    @classmethod
    def _build(cls, value: Any, info: ValidationInfo) -> Any:
        kind = {"machine": Committee, "rule": LearningRule}[str(info.field_name)]
        return kind(**value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sizes_fit(self) -> Any:
        need = (self.machine.students, self.machine.teachers)
        for start in self.start if isinstance(self.start, tuple) else (self.start,):
            if (start.students, start.teachers) != need:
                raise ParameterError(
                    f"The start has {start.students} students and {start.teachers} teachers, but the machine has "
                    f"{need[0]} and {need[1]}; give R one row a student and one column a teacher, or a recipe such as "
                    "kind = 'random'."
                )
        return self

    def replace(self, **changes: Any) -> Self:
        """A copy with some parameters changed, validated anew; the default `save_at` follows a new `until`."""
        follows = not isinstance(self.until, str) and self.save_at == tuple(points(None, self.until).tolist())
        return super().replace(**{**({"save_at": None} if "until" in changes and follows else {}), **changes})

    def _write_out(self, **values: Any) -> None:
        for name, value in values.items():  # during construction only; afterwards the value is frozen
            object.__setattr__(self, name, value)


class SolveConfig(_Trajectory):
    """One call of :func:`practicum.solve`; the fields are its arguments and mean the same.

    `save_at` is written out as 201 points when `until` is a number; `max_alpha` is kept only when `until` is a
    condition, since it changes nothing otherwise.
    """

    kind: Literal["solve"] = "solve"
    rtol: float = Field(
        default=1e-10, ge=SMALLEST_RTOL, lt=1, json_schema_extra={"remedy": "A double carries no more than 16 digits."}
    )
    atol: float = Field(default=1e-15, gt=0)
    method: Literal["auto", "dop853", "LSODA", "Radau", "BDF"] = "auto"
    largest_norm: float = Field(default=1e6, gt=0)
    max_alpha: float | None = Field(default=1e6, gt=0)

    @model_validator(mode="after")
    def _write_out_points(self) -> SolveConfig:
        end = Until.parse(self.until, 1e6 if self.max_alpha is None else self.max_alpha)
        if end.target >= 0:
            save_at = None if self.save_at is None else tuple(points(self.save_at, end.alpha).tolist())
            until = f"generalization_error {'<' if end.below else '>'} {end.target!r}"
            self._write_out(until=until, save_at=save_at, max_alpha=end.alpha)
        else:
            self._write_out(until=end.alpha, save_at=tuple(points(self.save_at, end.alpha).tolist()), max_alpha=None)
        return self


class SimulateConfig(_Trajectory):
    """One call of :func:`practicum.simulate`; the fields are its arguments and mean the same.

    `seeds` accepts what simulate accepts and is kept as ``{first, count}`` where the seeds are consecutive,
    as a list otherwise; `save_at` is written out. `inputs` is None or
    :class:`~practicum.simulation.inputs.BlockIsotropic`: a function or an array of examples has no canonical JSON, so
    such a run cannot be stored; call simulate itself.
    """

    kind: Literal["simulate"] = "simulate"
    start: StartOrPair
    dimension: int = Field(ge=1, json_schema_extra={"remedy": "It is N, the number of inputs, e.g. 1000."})
    seeds: Seeds = Seeds(first=0, count=1)
    method: Literal["chain", "weights"] = "chain"
    inputs: BlockIsotropic | None = None
    dtype: Literal["float64", "float32"] = "float64"
    largest_norm: float = Field(default=1e6, gt=0)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        return Seeds.of(value)

    @field_validator("inputs", mode="before")
    @classmethod
    def _law(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return BlockIsotropic(**value)
        if value is None or isinstance(value, BlockIsotropic):
            return value
        if isinstance(value, Gaussian):  # the default by another name
            return None
        raise ParameterError(
            "The 'inputs' parameter of a stored simulation must be BlockIsotropic(...), a table of its parameters, or "
            f"left out for isotropic inputs. Got {value!r:.60} instead; call simulate itself for other laws of inputs."
        )

    @model_validator(mode="after")
    def _write_out_points(self) -> SimulateConfig:
        end = Until.parse(self.until, 1e6)
        if end.target >= 0:
            raise ParameterError(
                "The 'until' parameter of a simulation must be a number (alpha = updates / N), because its seeds would "
                f"stop at different alphas. Got {self.until!r} instead; a condition works with solve."
            )
        dtype = "float64" if self.method == "chain" else self.dtype  # the chain knows no other
        self._write_out(until=end.alpha, save_at=tuple(points(self.save_at, end.alpha).tolist()), dtype=dtype)
        return self


class StudyConfig(Config):
    """A part of a study that is neither solve nor simulate, such as an optimum over a map of rules.

    Main arguments:
        study, part: names.
        parameters: everything the numbers depend on, as JSON values. Raise a ``revision`` of your own in it when
            the code behind the part changes its numbers.
    """

    kind: Literal["study"] = "study"
    study: str
    part: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


if TYPE_CHECKING:
    from practicum.runs.training import TrainConfig

    RunConfig = SolveConfig | SimulateConfig | StudyConfig | TrainConfig
else:
    RunConfig = Config  # a name for annotations, so that solve does not wait for the values of networks

_KINDS = {
    "solve": "practicum.runs.config.SolveConfig",
    "simulate": "practicum.runs.config.SimulateConfig",
    "study": "practicum.runs.config.StudyConfig",
    "train": "practicum.runs.training.TrainConfig",
}


def config_from_json(text: str) -> RunConfig:
    """The configuration of a canonical (or any equivalent) JSON text.

    Raises:
        ParameterError: the text is not JSON, its ``kind`` is unknown, or a value is outside its range.
    """
    try:
        values = plain_json(text)
    except ValueError as error:
        raise ParameterError(f"A configuration must be a JSON object, but the text is not JSON: {error}.") from None
    if not isinstance(values, dict) or values.get("kind") not in _KINDS:
        got = values.get("kind") if isinstance(values, dict) else values
        raise ParameterError(
            f"A configuration must be of kind {', '.join(map(repr, _KINDS))}. Got {got!r:.80} instead."
        )
    module, _, name = _KINDS[values["kind"]].rpartition(".")
    return getattr(import_module(module), name)(**values)
