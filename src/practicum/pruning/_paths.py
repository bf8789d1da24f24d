"""What happens to the nodes of a layer on the way to the next one, read from the traced forward of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated
from practicum.pruning._layers import LAYERS, Layer, layer_of, nodes_axis


class Step(NamedTuple):
    """An operation that treats each node by itself: an activation, BatchNorm, pooling, Dropout.

    Main arguments:
        name: for people.
        call: does it, as in evaluation.
        module: that does it and computes nowhere else in a pass; None for a function or a module in several places.
    """

    name: str
    call: Callable[[Tensor], Tensor]
    module: nn.Module | None


def steps_after(network: nn.Module, name: str) -> list[Step]:
    """The steps after a layer, up to the first operation that mixes nodes, or the first value that is used twice.

    Whether an operation treats each node by itself is not looked up but tried: some nodes of random numbers are
    changed, and the others must stay, for so many sets of nodes that each node is told from each. So activations of the
    user's own are known too.

    Raises:
        ParameterError: as :func:`layer_of`; also if forward cannot be traced, or if the layer computes not once in it.
    """
    layer = layer_of(network, name)
    modules = dict(network.named_modules())
    with evaluated(network):
        return _followed(network, name, layer, _traced(network, name), modules)


def applied(steps: Sequence[Step], values: Tensor) -> Tensor:
    """What the steps make of the outputs of a layer."""
    for step in steps:
        values = step.call(values)
    return values


def likely_shape(layer: Layer) -> tuple[int, ...]:
    """A shape that the outputs of a layer may have."""
    nodes = len(layer.weight)
    sides = {nn.Conv1d: (64,), nn.Conv2d: (32, 32), nn.Conv3d: (16, 16, 16)}
    return (3, nodes, *next((side for kind, side in sides.items() if isinstance(layer, kind)), ()))


def _followed(
    network: nn.Module, name: str, layer: Layer, graph: fx.Graph, modules: dict[str, nn.Module]
) -> list[Step]:
    calls = [node for node in graph.nodes if node.op == "call_module"]
    ours = [node for node in calls if node.target == name]
    if len(ours) != 1:
        raise ParameterError(
            f"The layer '{name}' must compute once in a pass, so that its nodes have one place. Got {len(ours)} times "
            f"in the forward of {type(network).__name__}."
        )
    value, steps = ours[0], list[Step]()
    shape = likely_shape(layer)
    while len(value.users) == 1:
        (user,) = value.users
        call = _callable(user, value, network, modules)
        shape = None if call is None else _by_node(call, shape, nodes_axis(layer), layer.weight)
        if call is None or shape is None:
            break
        module = modules[str(user.target)] if user.op == "call_module" else None
        once = module if sum(modules[str(other.target)] is module for other in calls) == 1 else None
        steps.append(Step(str(user.target) if module else user.name, call, once))
        value = user
    return steps


class _Whole(fx.Tracer):
    """Modules without parts of their own stay whole, so that the user's activations are modules too."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return super().is_leaf_module(m, module_qualified_name) or next(m.children(), None) is None


def _traced(network: nn.Module, name: str) -> fx.Graph:
    if next(network.children(), None) is None:  # a layer alone has no forward to trace
        raise ParameterError(f"The layer '{name}' must be a part of a network. Got a {type(network).__name__} alone.")
    try:
        return _Whole().trace(network)
    except Exception as error:  # whatever a forward of the user's does with what is no tensor
        reason = str(error).strip().partition("\n")[0]
        raise ParameterError(
            f"What follows layer '{name}' is not known, because the forward of {type(network).__name__} cannot be "
            f"traced ({reason:.100}). Name the module whose output are the activations of the layer: activation='...'."
        ) from error


def _callable(user: fx.Node, value: fx.Node, network: nn.Module, modules: dict[str, nn.Module]) -> Any:
    """The operation as a function of the value alone, None if it needs other values or has weights between nodes."""
    if user.op not in ("call_module", "call_function", "call_method"):
        return None
    if user.op == "call_module" and isinstance(modules[str(user.target)], LAYERS):
        return None
    if any(node is not value and node.op != "get_attr" for node in user.all_input_nodes):
        return None

    def call(given: Tensor) -> Tensor:
        def known(node: fx.Node) -> Any:
            return given if node is value else _attribute(network, str(node.target))

        args, kwargs = map_arg(user.args, known), map_arg(user.kwargs, known)
        if user.op == "call_module":
            return modules[str(user.target)](*args, **kwargs)
        if user.op == "call_method":
            return getattr(args[0], str(user.target))(*args[1:], **kwargs)
        return user.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]

    return call


def _attribute(network: nn.Module, address: str) -> Any:
    for part in address.split("."):
        network = getattr(network, part)
    return network


def _by_node(
    call: Callable[[Tensor], Tensor], shape: tuple[int, ...], axis: int, like: Tensor
) -> tuple[int, ...] | None:
    """The shape after the operation; None if it mixes nodes, or does not take them."""
    random = torch.Generator().manual_seed(0)
    first, second = (torch.randn(shape, generator=random).to(like) for _ in range(2))
    try:
        result = call(first.clone())
        if not isinstance(result, Tensor) or result.ndim != len(shape) or result.shape[axis] != shape[axis]:
            return None
        for changed in _sets(shape[axis]):
            mixed = first.clone()
            mixed.movedim(axis, 0)[changed] = second.movedim(axis, 0)[changed]
            same = (values.movedim(axis, 0)[~changed].nan_to_num() for values in (result, call(mixed)))
            if not torch.equal(*same):
                return None
    except Exception:  # an operation may refuse these shapes in any way it likes
        return None
    return tuple(result.shape)


def _sets(nodes: int) -> Iterator[Tensor]:
    """Sets of nodes such that for every two of them some set holds the first alone: by the digits of their numbers."""
    numbers = torch.arange(nodes)
    for digit in range((nodes - 1).bit_length()):
        holds = (numbers >> digit) % 2 == 1
        yield holds
        yield ~holds
