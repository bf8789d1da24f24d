"""What all input laws share, and how examples are drawn from whatever a user calls a law."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._described import Described
from practicum.values import whole

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


Width = Annotated[int, Field(ge=1, json_schema_extra={"remedy": "It is d, the number of inputs."})]


class LawValue(Described):
    """Base of the input laws: values that draw examples."""

    around_teacher: ClassVar[bool] = False
    """Whether the law places its examples around a teacher and so needs one."""

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        """`count` examples, float64 (count, d) unless the law says otherwise.

        Main arguments:
            rng: see :func:`practicum.networks.randomness.generator`.
            count: N >= 1.

        Other arguments:
            teacher: for the laws that place their examples around it; the others ignore it.
            seed_index: which of the teacher's networks, if it has one a seed.

        Raises:
            ParameterError: `count` is not a whole number >= 1, or the law needs a teacher and got none.
        """
        raise NotImplementedError

    @property
    def held_out(self) -> Any:
        """The law of the held-out examples that belong to this law of training examples: most often itself."""
        return self


def lowest_layer(law: str, teacher: Any, seed_index: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (m, d) and biases (m,) of a teacher's lowest layer in float64, or one sentence."""
    if teacher is None:
        raise ParameterError(
            f"{law} places its examples around the hyperplanes of a teacher and got none; call "
            "sample(rng, count, teacher)."
        )
    if not hasattr(teacher, "weights") or not hasattr(teacher, "biases"):
        raise ParameterError(
            f"{law} needs a teacher that is an MLP, because only there is a node of the lowest layer a hyperplane. "
            f"Got {type(teacher).__name__}; teachers.from_module makes an MLP of a Sequential of linear layers."
        )
    index = whole("seed_index", seed_index, 0)
    seeds, nodes, inputs = teacher.weights[0].shape
    if seeds > 1 and index >= seeds:
        raise ParameterError(f"The 'seed_index' parameter must be < {seeds}, the teacher's seeds. Got {index} instead.")
    if inputs != dimension:
        raise ParameterError(
            f"The 'dimension' parameter of {law} must be {inputs}, the teacher's inputs. Got {dimension} instead."
        )
    index = index if seeds > 1 else 0
    weight = teacher.weights[0][index].detach().double().cpu().numpy()
    bias = teacher.biases[0]
    return weight, np.zeros(nodes) if bias is None else bias[index].detach().double().cpu().numpy()


def draw(
    law: Any,
    rng: np.random.Generator,
    count: int,
    dimension: int | tuple[int, ...],
    teacher: MLP | None = None,
    seed_index: int = 0,
) -> np.ndarray:
    """`count` examples (count, d) of a law, of a function, or of the rows of an array.

    Main arguments:
        law: a value such as ``GaussianInputs``; a function ``law(rng, (n, d))`` that returns an array (n, d); or an
            array (rows, d), from which different rows are drawn, in random order.
        dimension: d; or the shape of one example, such as (1, 28, 28), if it is no vector.

    The last two are for calls in Python: they have no canonical JSON, so no run that uses them can be stored.

    Raises:
        ParameterError: the examples have another shape or are not finite, or the array has fewer than `count` rows.
    """
    count = whole("count", count, 1)
    shape = (count, *((dimension,) if isinstance(dimension, int) else dimension))
    require("A set of examples", lambda count, inputs: 8 * count * inputs, count=count, inputs=math.prod(shape[1:]))
    if hasattr(law, "sample"):
        values = law.sample(rng, count, teacher, seed_index)
    elif callable(law):
        values = law(rng, shape)
    else:
        values = _rows(law, rng, count)
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":
            raise TypeError
        array = array if array.dtype == np.float32 else array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"Inputs must be an array of real numbers. Got {_shown(values)} instead.") from None
    if array.shape != shape:
        raise ParameterError(
            f"{_name(law)} must give an array of shape {shape}, one example a row. Got shape {array.shape} instead."
        )
    if not np.isfinite(array).all():
        place = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ParameterError(
            f"Inputs must be finite, because one bad number spoils all weights. Got {array[place]} in example "
            f"{place[0]}; correct the law, or drop the example."
        )
    return array


def as_rows(law: Any) -> np.ndarray:
    """The array (rows, ...) that stands for a law, from an array, a tensor or a list; or one sentence."""
    array = np.asarray(law.detach().cpu() if hasattr(law, "detach") else law)
    if array.ndim < 2 or array.dtype.kind not in "fiu":
        raise ParameterError(
            "Inputs must be a law such as GaussianInputs(dimension=100), a function law(rng, (n, d)), or an array of "
            f"shape (rows, d). Got {_shown(law)} instead."
        )
    return array


def _rows(law: Any, rng: np.random.Generator, count: int) -> np.ndarray:
    array = as_rows(law)
    if len(array) < count:
        raise ParameterError(
            f"An array of inputs must have at least {count} rows, one for each example that is asked for. Got "
            f"{len(array)} instead; ask for fewer, or repeat rows yourself if that is what you mean."
        )
    return array[rng.permutation(len(array))[:count]]


def _name(law: Any) -> str:
    return type(law).__name__ if hasattr(law, "sample") else "An input law" if callable(law) else "An array of inputs"


def _shown(value: Any) -> str:
    """The beginning of a value, on one line."""
    return " ".join(repr(value).split())[:60]
