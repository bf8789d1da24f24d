"""What the layers of any network do with a batch: of our perceptrons directly, of a user's module through hooks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated
from practicum.networks.cnn import CNN
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.values import nearest

_FIRING = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Tanh, nn.Sigmoid)


class Activations(NamedTuple):
    """What the layers of a network do with a batch.

    Main arguments:
        names: of the layers, in the order in which they compute: "1", "2", ... in an :class:`MLP`.
        values: what the next layer sees, one tensor (S, samples, nodes) a layer. S is 1 for a network without a seed
            axis. In a convolution the channels are the nodes, and every position is a sample.
        drives: what decides whether a node fires, namely where it is > 0; the values themselves if not known better.
        outputs: of the network, (S, samples, C).
    """

    names: tuple[str, ...]
    values: list[Tensor]
    drives: list[Tensor]
    outputs: Tensor


def record(network: nn.Module, inputs: Tensor, layers: Sequence[str] | None = None) -> Activations:
    """The activations of a network on a batch, without gradients and as in evaluation (BatchNorm's running moments).

    Main arguments:
        network: an MLP, or any module.
        inputs: a batch, as the network takes it.

    Other arguments:
        layers: names of modules, as in ``network.named_modules()``, whose outputs are wanted; in an MLP "1", "2", ....
            If not given, the hidden layers of an MLP or a CNN, and of another module its activation functions (ReLU and
            its like). A module that is called several times, as the ReLU of a residual block may be, counts anew each
            time: "relu", "relu (2)". The names of an Ensemble are those of its modules.

    An output with two axes is (samples, nodes), with three (seeds, samples, nodes), with four or five (samples,
    channels, positions ...).

    Raises:
        ParameterError: a layer does not exist or does not compute, there is nothing to record, or the batch is empty or
            no tensor.
    """
    check_tensor(inputs)
    if inputs.numel() == 0:
        raise ParameterError(
            f"Activations need at least one sample. Got inputs of shape {tuple(inputs.shape)} instead."
        )
    with evaluated(network):
        if not one_for_all(network, inputs):
            return _recorded(network, inputs, layers)
        together = _recorded(network, inputs.flatten(0, 1).unsqueeze(0), layers)
        seeds = inputs.shape[0]
        return Activations(
            together.names,
            [v.unflatten(1, (seeds, -1)).squeeze(0) for v in together.values],
            [v.unflatten(1, (seeds, -1)).squeeze(0) for v in together.drives],
            together.outputs.unflatten(1, (seeds, -1)).squeeze(0),
        )


def check_tensor(inputs: Any) -> None:
    """One sentence if inputs are no tensor, which networks take."""
    if not isinstance(inputs, Tensor):
        raise ParameterError(
            f"Inputs of networks must be a tensor. Got {type(inputs).__name__} instead; torch.as_tensor makes one."
        )


def one_for_all(network: nn.Module, inputs: Tensor) -> bool:
    """Whether one network with a seed axis is to serve inputs that differ from seed to seed, (S, B, ...)."""
    if isinstance(network, MLP):
        return network.seeds == 1 and inputs.ndim == 3 and inputs.shape[0] > 1
    if not isinstance(network, Ensemble) or network.seeds > 1 or inputs.shape[0] == 1:
        return False
    # Without a shape of its own an Ensemble knows inputs with a seed axis only.
    return inputs.ndim > 2 if network.shape is None else inputs.shape[2:] == network.shape


def _recorded(network: nn.Module, inputs: Tensor, layers: Sequence[str] | None) -> Activations:
    known = network.networks[0] if isinstance(network, Ensemble) else network
    if isinstance(known, MLP) or (isinstance(known, CNN) and layers is None):
        return _of_layers(network, inputs, layers)
    if isinstance(network, Ensemble):
        each = [_of_module(part, own, layers) for part, own in network.pairs(inputs)]
        values = [torch.cat(layer) for layer in zip(*(e.values for e in each))]
        return Activations(each[0].names, values, values, torch.cat([e.outputs for e in each]))
    return _of_module(network, inputs, layers)


def _of_layers(network: Any, inputs: Tensor, layers: Sequence[str] | None) -> Activations:
    pre, post, outputs = network.layers(inputs)
    names = [str(index + 1) for index in range(network.depth)]
    chosen = names if layers is None else [_known(name, names, network) for name in layers]
    indices = [int(name) - 1 for name in chosen]
    return Activations(tuple(chosen), [post[i] for i in indices], [pre[i] for i in indices], outputs)


def _of_module(network: nn.Module, inputs: Tensor, layers: Sequence[str] | None) -> Activations:
    modules = {name: part for name, part in network.named_modules() if name}
    if layers is None:
        wanted = [name for name, part in modules.items() if isinstance(part, _FIRING)]
        if not wanted:
            raise ParameterError(
                f"{type(network).__name__} has no activation function among its modules (a functional relu leaves no "
                f"trace); name the layers to record: {_listed(modules)}."
            )
    else:
        wanted = [_known(name, list(modules), network) for name in layers]
    names: list[str] = []
    values: list[Tensor] = []

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            again = sum(n == name or n.startswith(f"{name} (") for n in names)
            names.append(f"{name} ({again + 1})" if again else name)
            values.append(_nodes_last(name, output))

        return hook

    with ExitStack() as stack:
        for name in dict.fromkeys(wanted):
            stack.callback(modules[name].register_forward_hook(keep(name)).remove)
        outputs = network(inputs)
    silent = [name for name in wanted if name not in names]
    if layers is not None and silent:
        raise ParameterError(f"The layer '{silent[0]}' of {type(network).__name__} did not compute on these inputs.")
    outputs = outputs.unsqueeze(0) if outputs.ndim == 2 else outputs
    return Activations(tuple(names), values, values, outputs)


def _nodes_last(name: str, output: Any) -> Tensor:
    """(S, samples, nodes), a copy, because a later layer may work in place."""
    if not isinstance(output, Tensor) or not 2 <= output.ndim <= 5:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ParameterError(
            f"The layer '{name}' must give a tensor with two to five axes: (samples, nodes), (seeds, samples, nodes) "
            f"or (samples, channels, positions ...). Got {shape} instead."
        )
    if output.ndim == 3:
        return output.clone()
    if output.ndim > 3:
        output = output.movedim(1, -1)
    return output.reshape(1, -1, output.shape[-1]).clone()


def _known(name: str, known: list[str], network: nn.Module) -> str:
    if name not in known:
        raise ParameterError(
            f"{type(network).__name__} has no layer '{name}'; it has {_listed(known)}.{nearest(str(name), known)}"
        )
    return name


def _listed(names: Any, most: int = 40) -> str:
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + rest
