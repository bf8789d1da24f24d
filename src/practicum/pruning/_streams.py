"""Data that stream through a network in blocks of one size, whatever the batches they come in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated

_ENTRIES = 2**18
"""Numbers of a block of inputs: 1 MB in float32, and 64 times that where a layer makes 64 channels of one."""

_ROWS = 1024


def blocks(inputs: Any, like: Tensor) -> Iterator[Tensor]:
    """Inputs in blocks of one size, of the precision and on the device of `like` if they are no whole numbers.

    The size depends on the shape of an example alone. Products of matrices depend in their last bits on how many rows
    they have, so that whatever is summed over these blocks is the same, bit for bit, for every size of the batches.

    Main arguments:
        inputs: a tensor or an array (samples, ...), or batches of them, such as a DataLoader; of a batch that is a pair
            the first is taken.

    Raises:
        ParameterError: no samples, another type, or batches whose examples have different shapes.
    """
    waiting: list[Tensor] = []
    count = 0
    for batch in _batches(inputs):
        if waiting and batch.shape[1:] != waiting[0].shape[1:]:
            raise ParameterError(
                f"The examples of all batches must have one shape. Got {tuple(batch.shape[1:])} after "
                f"{tuple(waiting[0].shape[1:])}."
            )
        rows = max(1, min(_ROWS, _ENTRIES // max(1, batch[0].numel())))
        waiting.append(batch)
        count += len(batch)
        if count >= rows:
            *whole, rest = torch.cat(waiting).split(rows)
            if len(rest) == rows:
                whole, rest = [*whole, rest], rest[:0]
            for block in whole:
                yield _converted(block, like)
            waiting, count = ([rest.clone()], len(rest)) if len(rest) else ([], 0)
    if count:
        yield _converted(torch.cat(waiting), like)


def run(network: nn.Module, module: nn.Module, inputs: Any, see: Callable[[Tensor, Tensor], None]) -> None:
    """Send inputs through a network and show what goes into one of its modules and what comes out.

    Main arguments:
        inputs: as :func:`blocks` takes them.
        see: called with the first input of the module and its output, of each block; without gradients, as in
            evaluation.

    Raises:
        ParameterError: the module computes not once in a pass, or the network cannot take these inputs.
    """
    seen = 0

    def hook(_module: nn.Module, given: Any, named: dict[str, Any], output: Tensor) -> None:
        nonlocal seen
        seen += 1
        see(next(iter((*given, *named.values()))), output)

    handle = module.register_forward_hook(hook, with_kwargs=True)
    try:
        with evaluated(network):
            for number, block in enumerate(blocks(inputs, next(network.parameters())), start=1):
                _answered(network, block)
                if seen != number:
                    raise ParameterError(
                        f"The layer must compute once in a pass, so that its nodes have one place. Got {seen} time(s) "
                        f"in {number} pass(es) of {type(network).__name__}."
                    )
    finally:
        handle.remove()


def _answered(network: nn.Module, block: Tensor) -> None:
    try:
        network(block)
    except ParameterError:
        raise
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ParameterError(
            f"The inputs must be what {type(network).__name__} takes. Got examples of shape {tuple(block.shape[1:])} "
            f"({block.dtype}), and the network says: {reason:.120}"
        ) from error


def _converted(block: Tensor, like: Tensor) -> Tensor:
    return block.to(like) if block.is_floating_point() else block.to(like.device)


def _batches(inputs: Any) -> Iterator[Tensor]:
    if isinstance(inputs, (Tensor, np.ndarray)):
        inputs = [inputs]
    elif isinstance(inputs, torch.utils.data.Dataset):
        raise ParameterError(
            f"Inputs must be a tensor or batches. Got {type(inputs).__name__}, which gives single examples; "
            "torch.utils.data.DataLoader(inputs, batch_size=256) makes batches of them."
        )
    elif isinstance(inputs, (str, bytes, dict)) or not isinstance(inputs, Iterable):
        raise ParameterError(
            f"Inputs must be a tensor (samples, ...) or batches, such as a DataLoader. Got {inputs!r:.60} instead."
        )
    samples = 0
    for batch in inputs:
        first = batch[0] if isinstance(batch, (tuple, list)) and len(batch) else batch
        if not isinstance(first, (Tensor, np.ndarray)) or first.ndim < 2:
            shape = tuple(first.shape) if isinstance(first, (Tensor, np.ndarray)) else type(first).__name__
            raise ParameterError(f"A batch of inputs must be a tensor (samples, ...). Got {shape} instead.")
        samples += len(first)
        if len(first):
            yield torch.as_tensor(first)
    if not samples:
        raise ParameterError("There must be at least one sample in the inputs. Got none.")
