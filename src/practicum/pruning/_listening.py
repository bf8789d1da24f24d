"""What layers see while data go through a network once: its moments, and with a teacher those of its answers too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.pruning._folding import Moments, samples
from practicum.pruning._layers import Layer
from practicum.pruning._streams import run


def moments_seen(network: nn.Module, layers: Sequence[Layer], inputs: Any) -> list[Moments]:
    """Moments of what the rows of each layer's weight are multiplied with.

    Main arguments:
        network: which hooks may be put on for the time.
        inputs: see :func:`practicum.pruning._streams.blocks`.

    Raises:
        ParameterError: inputs that the network cannot take, a layer that computes not once in a pass, or numbers that
            are not finite.
    """
    found = [Moments() for _ in layers]

    def take(layer: Layer, moments: Moments) -> Callable[[Tensor], None]:
        def taken(value: Tensor) -> None:  # at once: a later module may work in place
            for rows in samples(layer, value):
                moments.add(rows)

        return taken

    _listen(network, layers, [take(*pair) for pair in zip(layers, found)], inputs, lambda _: None)
    return [_finite(moments) for moments in found]


def moments_with_teacher(network: nn.Module, layer: nn.Linear, inputs: Any, teacher: Any) -> Moments:
    """Moments of what a layer sees, followed by the teacher's answers to the same examples.

    Raises:
        ParameterError: as :func:`moments_seen`; also answers that are not one row an example and one number an output.
    """
    found = Moments()
    seen: list[Tensor] = []

    def answer(block: Tensor) -> None:
        answers = _answers(teacher, block)
        rows = seen.pop()
        if rows.ndim != 2 or answers.shape != (len(rows), layer.out_features):
            raise ParameterError(
                f"The teacher must answer with {layer.out_features} output(s) an example, as the layer that is fitted "
                f"does. Got {tuple(answers.shape)} for a batch whose hidden nodes are {tuple(rows.shape)}."
            )
        found.add(torch.cat([rows.double(), answers.to(rows.device).double()], 1))

    _listen(network, [layer], [lambda value: seen.append(value.clone())], inputs, answer)
    return _finite(found)


def _listen(
    network: nn.Module,
    layers: Sequence[Layer],
    takers: Sequence[Callable[[Tensor], None]],
    inputs: Any,
    after: Callable[[Tensor], None],
) -> None:
    calls = dict.fromkeys(layers, 0)

    def hook(take: Callable[[Tensor], None]) -> Callable[..., None]:
        def hooked(layer: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            calls[layer] += 1
            take(next(iter((*given, *named.values()))))

        return hooked

    def passed(block: Tensor, _outputs: Any) -> None:
        for layer, times in calls.items():
            if times != 1:
                raise ParameterError(
                    f"The layer {layer} must compute once in a pass, so that its weights have one meaning. Got {times} "
                    f"time(s) in the forward of {type(network).__name__}."
                )
            calls[layer] = 0
        after(block)

    with ExitStack() as stack:
        for layer, take in zip(layers, takers):
            stack.callback(layer.register_forward_pre_hook(hook(take), with_kwargs=True).remove)
        run(network, network, inputs, passed)


def _answers(teacher: Any, block: Tensor) -> Tensor:
    if not callable(teacher):
        raise ParameterError(
            f"The 'teacher' parameter must be a network or a function of a batch. Got {type(teacher).__name__} instead."
        )
    if not isinstance(teacher, nn.Module):
        return torch.as_tensor(teacher(block))
    like = next(teacher.parameters(), block)
    with evaluated(teacher):
        answers = teacher(block.to(like))
    alone = isinstance(teacher, (MLP, Ensemble)) and len(answers) == 1
    return answers[0] if alone else answers


def _finite(moments: Moments) -> Moments:
    if not bool(moments.scatter.isfinite().all()):
        raise ParameterError(
            "What the layers see of these inputs must be finite. Got numbers that are not; look for NaN in the inputs "
            "and in the weights."
        )
    return moments
