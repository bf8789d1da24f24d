"""Students: networks of the teacher's depth that start from small or from usual random weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks._assembly import assembled, checked_seeds
from practicum.networks._described import Described, check_slope
from practicum.networks._memory import check_weights
from practicum.networks._torch import need_torch
from practicum.networks.names import Activation, Normalisation
from practicum.networks.randomness import generator
from practicum.values import whole

if TYPE_CHECKING:
    from practicum.networks.cnn import CNN
    from practicum.networks.ensemble import Ensemble
    from practicum.networks.mlp import MLP


class Students(Described):
    """Students of a teacher, one a seed: how wide they are and where they start.

    Main arguments:
        multiple: over-realization, an hidden layer has `multiple` times the nodes of the teacher's; 1 if neither this
            nor `widths` is given.
        widths: the nodes of each hidden layer instead, from the lowest.
        initial: "pytorch" starts weights and biases of a layer with n inputs uniform on +-1/sqrt(n), as
            ``torch.nn.Linear`` does; "normal" starts all weights of all layers from N(0, scale^2) and all biases at 0,
            as the two-layer experiments of the source do.
        scale: of "normal"; "pytorch" does not use it.

    Other arguments:
        initial_scale: a factor on all initial weights and biases of either kind; below 1 it starts students nearer to
            zero, where features are learnt, above 1 nearer to linearised training.
        activation, slope: None takes the teacher's.
        normalisation: BatchNorm "before" or "after" every activation, or None for none, whatever the teacher has.
        output_bias: whether outputs have biases; None does as the teacher does.

    Raises:
        ParameterError: both `multiple` and `widths`.

    Source: section 5 of Tian, arXiv:1909.13458.
    """

    kind: Literal["students"] = "students"
    multiple: int | None = Field(
        default=None, ge=1, json_schema_extra={"remedy": "For students narrower than the teacher give 'widths'."}
    )
    widths: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        default=None, json_schema_extra={"remedy": "It is one width a hidden layer."}
    )
    initial: Literal["pytorch", "normal"] = "pytorch"
    scale: float = Field(default=0.005, gt=0, json_schema_extra={"remedy": "Equal weights would stay equal for ever."})
    initial_scale: float = Field(
        default=1.0, gt=0, json_schema_extra={"remedy": "1.0 leaves the initial weights as they are."}
    )
    activation: Activation | None = None
    slope: float | None = Field(default=None, ge=0)
    normalisation: Normalisation | None = None
    output_bias: bool | None = None

    @model_validator(mode="after")
    def _fits(self) -> Students:
        if self.multiple is not None and self.widths is not None:
            raise ParameterError(
                "Students take 'multiple' or 'widths', because each of them fixes all widths. Got multiple="
                f"{self.multiple} and widths={self.widths}; drop one of them."
            )
        check_slope("Students", self.activation, self.slope)
        return self

    def sizes(self, teacher: Sequence[int]) -> tuple[int, ...]:
        """(d, n_1, ..., C) of the students of a teacher of sizes (d, m_1, ..., C).

        Raises:
            ParameterError: `widths` of another depth than the teacher's, or no sizes of a network.
        """
        given = tuple(whole("sizes", size, 1) for size in teacher)
        if len(given) < 3:
            raise ParameterError(
                "The sizes of a teacher must be its inputs, at least one hidden layer and its outputs, such as "
                f"(100, 20, 50). Got {given} instead."
            )
        if self.widths is None:
            return (given[0], *((self.multiple or 1) * width for width in given[1:-1]), given[-1])
        if len(self.widths) != len(given) - 2:
            raise ParameterError(
                f"The 'widths' parameter of Students must have {len(given) - 2} number(s), one a hidden layer of the "
                f"teacher {given}, because nodes are compared layer by layer. Got {self.widths} instead."
            )
        return (given[0], *self.widths, given[-1])

    def build(
        self,
        teacher: MLP | Ensemble | CNN | Sequence[int],
        seeds: Sequence[int],
        *,
        dtype: Any = "float64",
        device: Any = "cpu",
    ) -> Any:
        """The students, one a seed, ready to be trained.

        Main arguments:
            teacher: an MLP, or sizes (d, m_1, ..., C); then activation and slope are "relu" and 0 unless given, and
                outputs have biases unless `output_bias` is False. Of a CNN, or an Ensemble of CNNs, students are an
                Ensemble of CNNs; otherwise an MLP.
            seeds: whole numbers >= 0, all different; a student depends on its seed and sizes alone.

        Other arguments:
            dtype: float64 or float32, rounded from the same float64 numbers.
            device: of the tensors.

        Raises:
            ParameterError: `widths` of another depth, a slope that the activation does not have, bad seeds, dtype or
                device, or more weights than this machine has memory for.
        """
        need_torch()
        from practicum.networks.cnn import CNN, cnn_students
        from practicum.networks.ensemble import Ensemble
        from practicum.networks.mlp import MLP

        if isinstance(teacher, (Ensemble, CNN)):
            return cnn_students(self, teacher, seeds, dtype=dtype, device=device)
        activation, slope, output_bias = self.activation, self.slope, self.output_bias
        if isinstance(teacher, MLP):
            sizes = self.sizes(teacher.sizes)
            # A leaky ReLU that is asked for beside another teacher's activation has slope 0, unless it is given too.
            same = activation in (None, teacher.activation)
            slope = teacher.slope if slope is None and same else slope
            activation = activation or teacher.activation
            output_bias = teacher.biases[-1] is not None if output_bias is None else output_bias
        elif hasattr(teacher, "parameters") or not hasattr(teacher, "__iter__"):
            raise ParameterError(
                "Students are built from a teacher that is an MLP, or from sizes such as (784, 20, 10). Got "
                f"{type(teacher).__name__}; give the sizes that the students' layers should be multiples of."
            )
        else:
            sizes = self.sizes(teacher)
        activation = activation or "relu"
        check_slope("Students", activation, slope)
        numbers = checked_seeds(seeds)
        check_weights(sizes, len(numbers))
        networks = [self._drawn(generator(seed, "student"), sizes, output_bias is not False) for seed in numbers]
        return assembled(
            networks,
            activation=activation,
            slope=slope or 0.0,
            normalisation=self.normalisation,
            dtype=dtype,
            device=device,
        ).train()

    def _drawn(
        self, rng: np.random.Generator, sizes: tuple[int, ...], output_bias: bool
    ) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        weights: list[np.ndarray] = []
        biases: list[np.ndarray | None] = []
        for columns, rows in pairwise(sizes):
            if self.initial == "normal":
                weights.append(self.initial_scale * self.scale * rng.standard_normal((rows, columns)))
                biases.append(np.zeros(rows))
            else:
                bound = self.initial_scale / np.sqrt(columns)
                weights.append(rng.uniform(-bound, bound, (rows, columns)))
                biases.append(rng.uniform(-bound, bound, rows))
        return weights, biases if output_bias else [*biases[:-1], None]
