"""How students are trained, as a value that can stand in a run's canonical JSON; knows no torch."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks._described import Described

Loss = Literal["mse", "cross-entropy", "kl"]
Optimizer = Literal["sgd", "adam"]


class Training(Described):
    """How students are trained: the loss, the rule of descent and how often.

    Main arguments:
        loss: "mse", mean squared difference of the outputs; "cross-entropy" on the teacher's largest output; "kl", the
            divergence of the student's soft labels from the teacher's.
        optimizer: "sgd" or "adam", with the defaults of ``torch.optim``.
        learning_rate: at the start. A step of "mse" follows the gradient of 1/2 sum over outputs, averaged over the
            batch, whereas the loss that is reported is the mean over samples and outputs: their ratio is C/2.
        batch_size: samples a step.
        epochs: how many.
        steps_per_epoch: None passes over the training data in a new random order every epoch, each example once, the
            last batch being what is left; a number draws that many batches with replacement.

    Other arguments:
        momentum: of SGD, as in ``torch.optim.SGD`` without dampening.
        weight_decay: added to the gradient as weight_decay times weight, biases included.
        schedule: pairs (epoch, learning rate): the rate once so many epochs are done. Epochs rise.
        output_noise: standard deviation of normal noise on the teacher's outputs in training, fixed for a data set.
        regenerate: new training inputs every epoch, from the law the data were made by.
        temperature: T of "kl": soft labels are softmax(outputs / T) and the loss is T^2 KL(teacher || student), so that
            gradients keep their size.

    Raises:
        ParameterError: a parameter outside its range, or one that nothing would use.

    Sources: section 5 of Tian, arXiv:1909.13458 (the step and the loss); Hinton, Vinyals, Dean, arXiv:1503.02531 (T^2).
    """

    kind: Literal["training"] = "training"
    loss: Loss = "mse"
    optimizer: Optimizer = "sgd"
    learning_rate: float = Field(
        default=0.01, gt=0, json_schema_extra={"remedy": "0.01 is a safe start for SGD, 0.001 for Adam."}
    )
    momentum: float = Field(default=0.0, ge=0, lt=1, json_schema_extra={"remedy": "At 1 nothing would ever fade."})
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: tuple[
        tuple[Annotated[int, Field(ge=1)], Annotated[float, Field(gt=0)]],
        ...,
    ] = ()
    batch_size: int = Field(default=16, ge=1)
    epochs: int = Field(default=100, ge=1)
    steps_per_epoch: int | None = Field(default=None, ge=1)
    output_noise: float = Field(default=0.0, ge=0, json_schema_extra={"remedy": "It is a standard deviation."})
    regenerate: bool = False
    temperature: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Training:
        starts = [epoch for epoch, _ in self.schedule]
        if any(late <= early for early, late in pairwise(starts)):
            raise ParameterError(
                f"The 'schedule' parameter of Training must name rising epochs. Got {list(self.schedule)} instead."
            )
        if self.momentum and self.optimizer != "sgd":
            raise ParameterError(
                f"The 'momentum' parameter of Training belongs to 'sgd'; {self.optimizer!r} has its own. Got "
                f"{self.momentum:g} instead of 0."
            )
        if self.temperature != 1 and self.loss != "kl":
            raise ParameterError(
                f"The 'temperature' parameter of Training must be 1 unless the loss is 'kl', which alone softens "
                f"labels. Got {self.temperature:g} with loss {self.loss!r} instead."
            )
        return self

    def rate(self, epoch: int) -> float:
        """The learning rate in the epoch that follows `epoch` epochs."""
        rate = self.learning_rate
        for start, later in self.schedule:
            if epoch >= start:
                rate = later
        return rate

    def steps(self, samples: int) -> int:
        """Updates an epoch on so many samples."""
        return -(-samples // self.batch_size) if self.steps_per_epoch is None else self.steps_per_epoch
