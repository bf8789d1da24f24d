"""What the page asks: one flat table of parameters, its bounds, and the values of practicum that it stands for.

The page builds its controls from :func:`parameters`, so that names, bounds and defaults have one source.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from pydantic import Field

from practicum.errors import ParameterError
from practicum.runs.config import SimulateConfig, SolveConfig
from practicum.runs.seeds import Seeds
from practicum.runs.starts import start_from
from practicum.theory.machines import Activation, Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.values import Value


def parameter(
    default: Any,
    label: str,
    help: str,
    *,
    symbol: str = "",
    unit: str = "",
    slider: Any = None,
    beyond: str = "practicum solve and simulate take larger ones",
    **bounds: Any,
) -> Any:
    """A field with what a control needs: `slider` is (least, most, step) of the values that are common.

    `beyond` ends the sentence about a number that is out of bounds: who takes such numbers.
    """
    told = {"label": label, "symbol": symbol, "unit": unit, "slider": slider, "help": help}
    if bounds:
        least = f"above {bounds['gt']:g}" if "gt" in bounds else f"from {bounds['ge']:g}"
        told["remedy"] = f"The page takes numbers {least} to {bounds['le']:g}; {beyond}."
    return Field(default=default, json_schema_extra=told, **bounds)


class Question(Value):
    """Base of what a view asks: the fields that are made by :func:`parameter` become its controls."""


class Problem(Question):
    """One committee that learns from another: machine, rule, start, and how far to look.

    Bounds are those of the page, so that an answer takes seconds at most. ``start="random"`` is
    :meth:`OrderParameters.random` with `norm`, `overlap` and `start_seed`; ``"near-symmetric"`` is
    :meth:`OrderParameters.near_symmetric` with ``Q = norm`` and ``split = overlap``.
    """

    students: int = parameter(
        3, "Student nodes", "Hidden nodes of the network that learns.", symbol="K", slider=(1, 6, 1), ge=1, le=12
    )
    teachers: int = parameter(
        3,
        "Teacher nodes",
        "Hidden nodes of the network that is learnt from.",
        symbol="M",
        slider=(1, 6, 1),
        ge=1,
        le=12,
    )
    activation: Activation = parameter(
        "erf", "Activation", "What a hidden node does with its input: erf(u/√2), max(u, 0) or u.", symbol="g"
    )
    learning_rate: float = parameter(
        0.5, "Learning rate", "How far one example moves the weights. Too large, and the student never arrives.",
        symbol="η", slider=(0.001, 10.0, 0.001), gt=0, le=1000,
    )  # fmt: skip
    inverse_temperature: float = parameter(
        1.0, "Inverse temperature", "1 is gradient descent; larger values learn from small inputs only, which tells "
        "the nodes apart sooner (erf only).", symbol="β", slider=(0.1, 100.0, 0.1), ge=1e-3, le=1e4,
    )  # fmt: skip
    noise: float = parameter(
        0.0, "Output noise", "Standard deviation of the noise on the teacher's answers.",
        symbol="σ", slider=(0.0, 1.0, 0.01), ge=0, le=100,
    )  # fmt: skip
    weight_decay: float = parameter(
        0.0, "Weight decay", "Every update shrinks the weights by this over N.",
        symbol="κ", slider=(0.0, 0.1, 0.001), ge=0, le=100,
    )  # fmt: skip
    batch_size: int = parameter(
        1, "Batch size", "Fresh examples an update.", symbol="B", unit="examples", slider=(1, 64, 1), ge=1, le=1000
    )
    start: Literal["random", "near-symmetric"] = parameter(
        "random", "Start", "Random overlaps, or all nodes alike but for a small split."
    )
    overlap: float = parameter(
        1e-3, "First overlaps", "The largest overlap between nodes at the start (near-symmetric: the split). The "
        "smaller, the longer the plateau.", slider=(0.0, 0.1, 1e-4), ge=0, le=1,
    )  # fmt: skip
    norm: float = parameter(
        0.5, "First norm", "Squared length of the student nodes at the start (random: the largest).",
        symbol="Q", slider=(0.0, 1.0, 0.01), ge=0, le=10,
    )  # fmt: skip
    start_seed: int = parameter(
        0, "Seed of the start", "Another seed, another random start.", slider=(0, 20, 1), ge=0, le=2**53 - 1
    )
    until: float = parameter(
        600.0, "Time", "How far to look: updates over inputs.",
        symbol="α", unit="updates / N", slider=(1.0, 10000.0, 1.0), ge=0.01, le=1e6,
    )  # fmt: skip
    dimension: int = parameter(
        1000, "Inputs", "Inputs of the simulated networks; the theory is the limit of infinitely many.",
        symbol="N", unit="inputs", slider=(10, 100000, 1), ge=1, le=10**9,
    )  # fmt: skip
    seeds: int = parameter(
        8, "Simulated networks", "How many, each with examples of its own.", slider=(1, 32, 1), ge=1, le=64
    )

    @property
    def machine(self) -> Committee:
        """What is learnt from whom."""
        return Committee(students=self.students, teachers=self.teachers, activation=self.activation, noise=self.noise)

    @property
    def rule(self) -> LearningRule:
        """How."""
        return LearningRule(
            learning_rate=self.learning_rate,
            inverse_temperature=self.inverse_temperature,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
        )

    @property
    def recipe(self) -> dict[str, Any]:
        """The start, as a settings file says it."""
        if self.start == "random":
            return {"kind": "random", "seed": self.start_seed, "norm": self.norm, "overlap": self.overlap}
        return {"kind": "near-symmetric", "Q": self.norm, "split": self.overlap}

    def overlaps(self) -> OrderParameters:
        """The start.

        Raises:
            ParameterError: no weights have such overlaps.
        """
        return start_from(self.recipe, self.students, self.teachers)

    def solve_config(self) -> SolveConfig:
        """The run that ``practicum solve`` would store."""
        return SolveConfig(machine=self.machine, rule=self.rule, start=self.overlaps(), until=self.until)

    def simulate_config(self) -> SimulateConfig:
        """The run that ``practicum simulate`` would store."""
        return SimulateConfig(
            machine=self.machine,
            rule=self.rule,
            start=self.overlaps(),
            until=self.until,
            dimension=self.dimension,
            seeds=Seeds.of(self.seeds),
        )


@cache
def parameters(question: type[Question] = Problem) -> list[dict[str, Any]]:
    """What the page needs to know of each parameter of a question to build its control.

    `least`, `most` and `step` are those of the slider; a number typed may go beyond, and the server judges it.
    """
    described = []
    for name, field in question.model_fields.items():
        told: dict[str, Any] = field.json_schema_extra  # type: ignore[assignment]
        if not told:
            continue
        least, most, step = told["slider"] or (None, None, None)
        choices = getattr(field.annotation, "__args__", None) if told["slider"] is None else None
        described.append(
            {
                "name": name,
                "label": told["label"],
                "symbol": told["symbol"] or None,
                "unit": told["unit"] or None,
                "least": least,
                "most": most,
                "step": step,
                "default": field.default,
                "choices": None if choices is None else [*choices],
                "help": told["help"],
            }
        )
    return described


_SAID_BY = {"Q": "overlap", "R": "overlap", "split": "overlap", "seed": "start_seed"}
"""Names in the sentences of practicum whose control on the page has another name."""


def field_of(error: ParameterError) -> str | None:
    """The parameter that a sentence complains about, so that the page can show it beside the control."""
    text = str(error)
    quoted = re.search(r"'(\w+)'", text)  # the first name is the subject, later ones are remedies
    name = _SAID_BY.get(quoted[1], quoted[1]) if quoted else ""
    if any(name in question.model_fields for question in Question.__subclasses__()):
        return name
    return "overlap" if "joint matrix" in text else None
