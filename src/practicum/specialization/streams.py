"""Two networks on a stream of batches: the moments and counts of each pair of layers, whatever the length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.specialization.activations import record
from practicum.specialization.activity import Activity
from practicum.specialization.correlation import Correlation

Layers = Sequence[str] | Sequence[tuple[str, str]] | None


class Stream(NamedTuple):
    """What one pair of layers has done so far; `activity` counts only if it was asked for."""

    teacher: str
    student: str
    correlation: Correlation
    activity: Activity


def follow(
    teacher: nn.Module, student: nn.Module, batches: Iterable[Tensor], layers: Layers = None, *, activity: bool = True
) -> list[Stream]:
    """Send batches through two networks and gather, layer by layer, what their nodes have in common.

    Main arguments:
        batches: tensors, as both networks take them.

    Other arguments:
        layers: names of modules to compare, the same for both networks or pairs (teacher's, student's); see
            :func:`record`. If not given, the hidden layers, in their order.
        activity: whether firing is counted too.

    Raises:
        ParameterError: there is no batch or no layer, a layer does not exist, the networks have different numbers of
            layers or of seeds, or convolutions different numbers of positions.
    """
    pairs = None if layers is None else _pairs(layers)
    theirs_named, ours_named = (None, None) if pairs is None else ([pair[side] for pair in pairs] for side in (0, 1))
    streams: list[Stream] = []
    for batch in batches:
        theirs, ours = record(teacher, batch, theirs_named), record(student, batch, ours_named)
        if len(theirs.values) != len(ours.values):
            raise ParameterError(
                "Teacher and student must have as many layers as each other, because they are compared layer by layer. "
                f"Got {', '.join(theirs.names)} and {', '.join(ours.names)} instead; name pairs of layers to compare."
            )
        names = zip(theirs.names, ours.names)
        streams = streams or [Stream(a, b, Correlation(), Activity()) for a, b in names]
        for stream, a, b, a_drive, b_drive in zip(streams, theirs.values, ours.values, theirs.drives, ours.drives):
            if a.shape[1] != b.shape[1]:
                raise ParameterError(
                    f"The layers '{stream.teacher}' and '{stream.student}' must have as many samples (in a convolution "
                    f"the positions are samples). Got {a.shape[1]} and {b.shape[1]} instead; compare layers of one "
                    "resolution."
                )
            stream.correlation.update(a, b)
            if activity:
                stream.activity.update(a_drive, b_drive)
    if not streams:
        raise ParameterError("A comparison needs at least one batch of inputs. Got none.")
    return streams


def _pairs(layers: Any) -> list[tuple[str, str]]:
    """Names of layers as pairs (teacher's, student's), or one sentence."""
    listed = [] if isinstance(layers, str) or not hasattr(layers, "__iter__") else list(layers)
    pairs = [(name, name) if isinstance(name, str) else name for name in listed]
    if not pairs or not all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        for pair in pairs
    ):
        raise ParameterError(
            "The 'layers' to compare must be a list of names, the same for both networks, or of pairs (teacher's, "
            f"student's). Got {layers!r:.60} instead; None takes the hidden layers."
        )
    return [(theirs, ours) for theirs, ours in pairs]


def rows(inputs: Tensor, count: int, axis: int) -> Iterator[Tensor]:
    """The batches of `count` samples that a tensor of inputs has along its axis of samples."""
    for first in range(0, inputs.shape[axis], count):
        yield inputs.narrow(axis, first, min(count, inputs.shape[axis] - first))


def batches_of(inputs: Any, like: nn.Module, count: int = 500) -> Iterator[Tensor]:
    """Batches in the precision and on the device of a network, from an array, a tensor, or any stream of batches.

    A stream may give pairs (inputs, labels), as data loaders do; the labels are left out. An array or a tensor is
    (samples, ...), as a network without an axis of seeds takes it.

    Raises:
        ParameterError: the inputs are no numbers, not finite, or empty.
    """
    parameter = next(iter(like.parameters()), torch.zeros(()))
    if isinstance(inputs, (np.ndarray, Tensor)):
        if inputs.ndim < 2 or 0 in inputs.shape:
            raise ParameterError(
                f"Inputs must have shape (samples, ...), with at least one sample. Got {tuple(inputs.shape)} instead."
            )
        stream: Iterable[Any] = rows(_as_tensor(inputs), count, 0)
    else:
        if isinstance(inputs, (str, bytes)) or not hasattr(inputs, "__iter__"):
            raise ParameterError(f"Inputs must be an array, a tensor or a stream of them. Got {inputs!r:.60} instead.")
        stream = inputs
    for batch in stream:
        batch = batch[0] if isinstance(batch, (tuple, list)) else batch
        if not isinstance(batch, (np.ndarray, Tensor)):
            raise ParameterError(
                f"A stream of inputs must give arrays or tensors, or pairs (inputs, labels). Got {batch!r:.60} instead."
            )
        tensor = _as_tensor(batch).to(parameter)
        if not bool(tensor.isfinite().all()):
            raise ParameterError(
                "Inputs must be finite, because one bad number spoils all correlations; drop the sample."
            )
        yield tensor


def _as_tensor(values: Any) -> Tensor:
    try:
        return torch.as_tensor(values)
    except TypeError:
        raise ParameterError(f"Inputs must be numbers. Got {values.dtype} instead.") from None
