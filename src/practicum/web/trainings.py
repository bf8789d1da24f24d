"""What the view Specialize asks: one over-realized ReLU student of a small teacher, as the run that it stands for."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from practicum.errors import ParameterError
from practicum.networks.inputs import GaussianInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import BalancedTeacher, SeparatedTeacher
from practicum.runs.seeds import Seeds
from practicum.runs.training import TrainConfig
from practicum.web.limits import Limits
from practicum.web.problems import Question, parameter

_TRAIN = "practicum train takes larger ones"
_OUTPUTS = 20
"""Enough that the fan-outs of a dozen teacher nodes point into different directions."""
_BIAS = -0.7
"""Of the nodes of a teacher of one hidden layer: their lines pass by the origin, where all would cross otherwise."""
_HELD_OUT = 1000
"""Correlations of so many examples are known to about 0.03 where they are small, and far better near 1."""
_LOOKS = 100
"""Pictures of a film, about."""


class SmallTraining(Question):
    """One student that learns from one teacher; the bounds are those of the page, so that it takes seconds.

    With one hidden layer the teacher is a :class:`SeparatedTeacher`, with more of them a :class:`BalancedTeacher`; all
    hidden layers have `hidden` nodes, and those of the student `multiple` times as many.
    """

    inputs: int = parameter(
        2, "Inputs", "With two of them the nodes can be drawn as lines in the plane.",
        symbol="d", slider=(2, 20, 1), beyond=_TRAIN, ge=2, le=20,
    )  # fmt: skip
    layers: int = parameter(
        1, "Hidden layers", "Of the teacher and of the student.", slider=(1, 3, 1), beyond=_TRAIN, ge=1, le=3
    )
    hidden: int = parameter(
        5, "Teacher nodes", "In each hidden layer of the network that is learnt from.",
        symbol="m", slider=(2, 12, 1), beyond=_TRAIN, ge=2, le=20,
    )  # fmt: skip
    multiple: int = parameter(
        4, "Over-realization", "How many student nodes there are for one teacher node. Only one of them is needed.",
        unit="student nodes a teacher node", slider=(1, 10, 1), beyond=_TRAIN, ge=1, le=20,
    )  # fmt: skip
    decay: float = parameter(
        0.5, "Decay of the teacher's strength", "Teacher node j acts on the outputs with a strength of about j to the "
        "power of −p: strong ones are found first. At 0 all are alike.",
        symbol="p", slider=(0.0, 2.0, 0.05), beyond=_TRAIN, ge=0, le=4,
    )  # fmt: skip
    learning_rate: float = parameter(
        0.01, "Learning rate", "How far a batch moves the weights. Too large, and the student diverges.",
        symbol="η", slider=(0.001, 2.0, 0.001), beyond=_TRAIN, gt=0, le=100,
    )  # fmt: skip
    batch_size: int = parameter(
        16, "Batch size", "Examples an update.", symbol="B", unit="examples", slider=(1, 128, 1), beyond=_TRAIN, ge=1,
        le=1000,
    )  # fmt: skip
    examples: Literal["fixed", "online"] = parameter(
        "fixed", "Examples", "Fixed: the same ones every epoch. Online: new ones every epoch."
    )
    samples: int = parameter(
        1000, "Examples an epoch", "How many of them the student sees in one epoch.",
        symbol="N", unit="examples", slider=(100, 10000, 100), beyond=_TRAIN, ge=10, le=20_000,
    )  # fmt: skip
    epochs: int = parameter(
        100, "Epochs", "How long the student learns.", slider=(1, 300, 1), beyond=_TRAIN, ge=1, le=1000
    )
    training_seed: int = parameter(
        0, "Seed", "Another seed: another teacher, another student, other examples.",
        slider=(0, 20, 1), beyond=_TRAIN, ge=0, le=2**53 - 1,
    )  # fmt: skip
    threshold: float = parameter(
        0.95, "Threshold of the correlation", "Above it a student node counts as one that resembles a teacher node.",
        symbol="ρ", slider=(0.5, 0.99, 0.01), beyond="at 1 not even rounding would be allowed", ge=0, le=0.999,
    )  # fmt: skip

    def config(self) -> TrainConfig:
        """The run that ``practicum train`` would store."""
        d, m, p = self.inputs, self.hidden, self.decay
        if self.layers == 1:
            teacher = SeparatedTeacher(inputs=d, hidden=m, outputs=_OUTPUTS, decay=p, bias=_BIAS)
        else:
            teacher = BalancedTeacher(inputs=d, hidden=(m,) * self.layers, outputs=_OUTPUTS, decay=p)
        training = Training(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            epochs=self.epochs,
            regenerate=self.examples == "online",
        )
        return TrainConfig(
            teacher=teacher,
            students=Students(multiple=self.multiple),
            inputs=GaussianInputs(dimension=d),
            training=training,
            seeds=Seeds.of([self.training_seed]),
            samples=self.samples,
            held_out=_HELD_OUT,
            thresholds=self.threshold,
            keep=("activity", "alignment", "fan_out", "rho"),
            observe_at=-(-self.epochs // _LOOKS),
        )

    def check(self, limits: Limits) -> None:
        """One sentence before anything is computed, if it would take too long.

        Raises:
            ParameterError: each number is within its bounds, and all together are too much.
        """
        widths = (self.inputs, *(self.layers * (self.hidden * self.multiple,)), _OUTPUTS)
        weights = sum(above * (below + 1) for below, above in pairwise(widths))
        work = self.epochs * self.samples * weights
        if work > limits.multiplications:
            raise ParameterError(
                f"The training takes epochs * samples * weights = {work:.2g} multiplications, and the page allows "
                f"{limits.multiplications:.2g}, so that it ends soon; lower 'epochs', 'samples' or 'multiple', or use "
                "the command that the page gives."
            )
