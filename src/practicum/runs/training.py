"""What makes a training the training it is: :class:`TrainConfig`. Knows values only, no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from practicum.errors import ParameterError
from practicum.networks.inputs import ImageInputs, Law, PatchInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import ImageTeacher, SeparatedTeacher, TeacherValue
from practicum.robustness.regimes.kinds import RegimeValue
from practicum.runs.config import Config
from practicum.runs.seeds import Seeds
from practicum.specialization.matching import checked_threshold

Kept = Literal["activity", "alignment", "alpha", "fan_out", "rho", "winner_rank"]


class TrainConfig(Config):
    """One call of :func:`practicum.train`; the fields are its arguments and mean the same.

    `teacher`, `students`, `inputs`, `training` and `regime` are values or tables of their parameters. Students that are
    written out although the teacher says the same (its activation, widths that are a multiple of its own) are one run
    with those that are not. So are the standard regime and none, and what a regime takes from the training anyway.
    `device` is part of the run, because CPU and CUDA agree to rounding only.

    Raises:
        ParameterError: a value is outside its range, or the values do not fit each other.
    """

    kind: Literal["train"] = "train"
    teacher: TeacherValue
    students: Students = Field(default_factory=Students)
    inputs: Law
    training: Training = Field(default_factory=Training)
    regime: RegimeValue | None = None
    seeds: Seeds = Seeds(first=0, count=16)
    samples: int = Field(default=10_000, ge=1, json_schema_extra={"remedy": "It is N, the examples to learn from."})
    held_out: int = Field(default=10_000, ge=1, json_schema_extra={"remedy": "It is the examples to measure on."})
    teacher_seed: int | None = Field(default=None, ge=0)
    thresholds: float | tuple[float, ...] = 0.95
    keep: tuple[Kept, ...] = ()
    observe_at: int | tuple[int, ...] | None = None
    dtype: Literal["float32", "float64"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"

    @field_validator("students", "training", mode="before")
    @classmethod
    def _build(cls, value: Any, info: ValidationInfo) -> Any:
        kind = {"students": Students, "training": Training}[str(info.field_name)]
        return kind(**value) if isinstance(value, dict) else value

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        return Seeds.of(value)

    @field_validator("thresholds", mode="before")
    @classmethod
    def _thresholds(cls, value: Any) -> Any:
        return tuple(map(checked_threshold, value)) if isinstance(value, (tuple, list)) else checked_threshold(value)

    @field_validator("keep", mode="after")
    @classmethod
    def _each_once(cls, value: tuple[Kept, ...]) -> tuple[Kept, ...]:
        return tuple(sorted(set(value)))

    @field_validator("observe_at", mode="before")
    @classmethod
    def _epochs(cls, value: Any) -> Any:
        several = isinstance(value, (tuple, list, range))
        for epoch in value if several else () if value is None else (value,):
            if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < (0 if several else 1):
                raise ParameterError(
                    "The 'observe_at' parameter must be a number of epochs >= 1 between two looks, a list of epochs, "
                    f"or left out for every epoch. Got {value!r:.80} instead."
                )
        if not several:
            return None if value == 1 else value  # every epoch, said twice
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _fits(self) -> TrainConfig:
        size = self.teacher.inputs.dimension if isinstance(self.teacher, ImageTeacher) else self.teacher.inputs
        if self.inputs.dimension != size:
            raise ParameterError(
                f"The teacher has {size} inputs, and the input law draws {self.inputs.dimension}; give "
                "both the same number."
            )
        flat = not isinstance(self.teacher, ImageTeacher) or self.teacher.inputs.flat
        if not flat and not isinstance(self.inputs, (ImageInputs, PatchInputs)):
            raise ParameterError(
                f"The teacher takes images, and inputs of kind {self.inputs.kind!r} are vectors; give the teacher's "
                "inputs flat = true, or take the inputs from images or patches too."
            )
        if isinstance(self.inputs, (ImageInputs, PatchInputs)) and self.inputs.flat is not flat:
            raise ParameterError(
                f"The teacher takes {'vectors' if flat else 'images'}, so its inputs must have flat = "
                f"{str(flat).lower()}. Got {str(not flat).lower()} instead."
            )
        if isinstance(self.observe_at, tuple) and (not self.observe_at or self.observe_at[-1] > self.training.epochs):
            raise ParameterError(
                f"The 'observe_at' parameter must name epochs from 0 to {self.training.epochs}, at which the training "
                f"ends. Got {list(self.observe_at)!r:.80} instead."
            )
        # During construction only; afterwards the value is frozen.
        object.__setattr__(self, "students", self._plain_students())
        if self.regime is not None:
            plain = None if self.regime.kind == "standard" else self.regime.resolved(self.training)
            object.__setattr__(self, "regime", plain)
        return self

    @model_serializer(mode="wrap")
    def _without_a_regime_as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """No regime is no entry, so that trainings from before there were any keep their ids."""
        return {name: value for name, value in write(self).items() if name != "regime" or value is not None}

    @property
    def teacher_widths(self) -> tuple[int, ...]:
        """Nodes, or channels, of the teacher's hidden layers, from the lowest."""
        return self.teacher.widths if isinstance(self.teacher, ImageTeacher) else self.teacher.sizes[1:-1]

    @property
    def student_widths(self) -> tuple[int, ...]:
        """Nodes, or channels, of the students' hidden layers, from the lowest."""
        return self.students.sizes((1, *self.teacher_widths, 1))[1:-1]

    def _plain_students(self) -> Students:
        """The students without what the teacher says too, so that they have one name."""
        students, teacher = self.students, self.teacher
        changes: dict[str, Any] = {}
        theirs, ours = self.teacher_widths, self.student_widths
        multiple = ours[0] // theirs[0]
        if ours == tuple(multiple * width for width in theirs):
            changes |= {"multiple": multiple, "widths": None}
        activation, slope = getattr(teacher, "activation", "relu"), getattr(teacher, "slope", 0.0)
        if students.activation == activation:
            changes["activation"] = None
        same = students.activation in (None, activation)
        if students.slope is not None and students.slope == (slope if same else 0.0):
            changes["slope"] = None
        if not isinstance(teacher, ImageTeacher):
            biased = not isinstance(teacher, SeparatedTeacher) or teacher.output_bias is not None
            if students.output_bias is biased:
                changes["output_bias"] = None
        if students.initial == "pytorch":
            changes["scale"] = Students.model_fields["scale"].default  # what nothing uses
        return students.replace(**changes)
