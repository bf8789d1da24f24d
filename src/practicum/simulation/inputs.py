"""Where the examples come from: isotropic or block-isotropic Gaussian inputs, a function, or rows of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from pydantic import Field

from practicum.errors import ParameterError
from practicum.values import Value

Law = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


class Gaussian(Value):
    """Independent standard normal inputs, ``x ~ N(0, I_N)``: the setting of the theory, and the fast path."""


class BlockIsotropic(Value):
    """Gaussian inputs of variance 1 on the first `dimension` coordinates and ``scale^2`` on the rest.

    The low-rank setting is ``scale = 0``: nothing outside the data subspace is ever seen, nor learnt.

    Main arguments:
        dimension: d >= 1, the coordinates of unit variance; at most N, which the simulation checks.
        scale: s >= 0, the standard deviation on the other N - d coordinates.

    Source: the low-rank setting of Yang et al., "Understanding Robustness in Teacher-Student Setting", AISTATS 2021.
    """

    dimension: int = Field(ge=1, json_schema_extra={"remedy": "It counts the coordinates of unit variance."})
    scale: float = Field(
        default=0.0, ge=0, json_schema_extra={"remedy": "It is a standard deviation; 0 gives low-rank inputs."}
    )


class Examples:
    """Examples of any law, block after block: the one interface that the simulation draws from.

    Main arguments:
        inputs: a function ``(rng, (n, N)) -> array (n, N)``, or an array (rows, N) that is sampled with replacement.
        dimension: N.
        rng: the generator that the law draws from; one a seed.
        dtype: of the blocks handed out.

    A function is always asked for blocks of the same shape, whatever is saved and when, so that a run depends on its
    seed alone. It is called from several threads, each with a generator of its own.
    """

    def __init__(self, inputs: Law | np.ndarray, dimension: int, rng: np.random.Generator, dtype: Any) -> None:
        self.inputs, self.rng, self.dtype = inputs, rng, np.dtype(dtype)
        self.shape = (max(1, min(4096, 2**19 // dimension)), dimension)
        self.block = np.empty((0, dimension), self.dtype)
        self.rows = np.empty(0, np.int64)
        self.used, self.before = 0, rng.bit_generator.state

    def take(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """At most `count` next examples: an array and the rows of it to use, in order."""
        if self.rows.size == 0:
            self._draw()
        rows, self.rows = self.rows[:count], self.rows[count:]
        self.used += rows.size
        return self.block, rows

    def place(self) -> np.ndarray:
        """Where it is, seven words: the generator before the block under way, and how many of that are used."""
        state: Any = self.before
        halves = [part for name in ("state", "inc") for part in divmod(state["state"][name], 2**64)]
        return np.array([*halves, state["has_uint32"], state["uinteger"], self.used], np.uint64)

    def go_to(self, place: np.ndarray) -> None:
        """Go on from such a place: the block under way is drawn again."""
        *halves, has, integer, used = (int(word) for word in place)
        state, increment = (halves[i] * 2**64 + halves[i + 1] for i in (0, 2))
        self.rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": increment},
            "has_uint32": has,
            "uinteger": integer,
        }
        self._draw()
        self.rows, self.used = self.rows[used:], used

    def _draw(self) -> None:
        self.used, self.before = 0, self.rng.bit_generator.state
        if isinstance(self.inputs, np.ndarray):
            self.block = self.inputs
            self.rows = self.rng.integers(0, len(self.inputs), self.shape[0])
        else:
            self.block = checked_examples(self.inputs(self.rng, self.shape), self.shape, self.dtype)
            self.rows = np.arange(self.shape[0])


def checked_examples(values: Any, shape: tuple[int, int], dtype: Any) -> np.ndarray:
    """The output of an input law as a contiguous array, or one sentence about what is wrong with it."""
    try:
        array = np.ascontiguousarray(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"Inputs must be an array of numbers of shape {shape}. Got {values!r:.60} instead."
        ) from None
    if array.shape != shape:
        raise ParameterError(
            f"An input law that is asked for {shape[0]} examples of {shape[1]} inputs must return an array of shape "
            f"{shape}. Got shape {array.shape} instead; it is called as law(rng, (n, N))."
        )
    if not np.isfinite(array).all():
        row, column = (int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ParameterError(
            f"Inputs must be finite, because one bad number spoils all weights. Got {array[row, column]} in example "
            f"{row}, input {column}; correct the law, or drop the example."
        )
    return array


def checked_inputs(inputs: Any, dimension: int, dtype: Any) -> Gaussian | BlockIsotropic | Law | np.ndarray:
    """The input law in the form that the simulation uses, or one sentence about what is wrong with it.

    Raises:
        ParameterError: d > N; an array that is not finite, empty, or not of N columns; anything else.
    """
    if inputs is None:
        return Gaussian()
    if isinstance(inputs, BlockIsotropic) and inputs.dimension > dimension:
        raise ParameterError(
            f"The 'dimension' parameter of BlockIsotropic must be <= N = {dimension}, because the block is part of the "
            f"input. Got {inputs.dimension} instead; raise the dimension of the simulation, or lower that of the block."
        )
    if isinstance(inputs, (Gaussian, BlockIsotropic)):
        return inputs
    if callable(inputs):
        return cast("Law", inputs)
    if isinstance(inputs, np.ndarray):
        if inputs.ndim != 2 or inputs.size == 0 or inputs.shape[1] != dimension:
            raise ParameterError(
                f"An array of inputs must have shape (rows, N) with N = {dimension}, one example a row. "
                f"Got shape {inputs.shape} instead."
            )
        return checked_examples(inputs, (len(inputs), dimension), dtype)
    raise ParameterError(
        "The 'inputs' parameter must be None, Gaussian(), BlockIsotropic(...), a function law(rng, (n, N)) or an array "
        f"of shape (rows, N). Got {inputs!r:.60} instead."
    )
