"""Who hears the nodes of a layer: read from the traced forward of the network, as far as the nodes stay apart."""

from __future__ import annotations

from collections.abc import Callable
from operator import getitem
from typing import Any, NamedTuple

from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from practicum.errors import ParameterError
from practicum.networks._evaluation import evaluated
from practicum.pruning._copies import SILENCED
from practicum.pruning._layers import LAYERS, Layer, layer_of
from practicum.pruning._paths import _attribute, _Whole
from practicum.pruning._places import BATCH, Place, by_node, first_place

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


class NotAChain(ParameterError):
    """The nodes are combined with other values, or with each other, before a layer hears them."""


class Part(NamedTuple):
    """A module with entries for each node: a layer that hears them, or a norm on the way.

    Main arguments:
        name: of the module.
        positions: entries of a node; more than one above a Flatten.
        together: whether these lie side by side, as those of a convolution do.
    """

    name: str
    positions: int
    together: bool

    def entries(self, mask: Tensor) -> Tensor:
        """The mask of its entries, from one of the nodes."""
        return mask.repeat_interleave(self.positions) if self.together else mask.repeat(self.positions)


class Reach(NamedTuple):
    """What becomes of the nodes of a layer.

    Main arguments:
        norms: modules on the way that have numbers of their own for each node.
        consumers: layers that hear them.
        final: whether what the only consumer gives are the outputs of the network.
    """

    norms: tuple[Part, ...]
    consumers: tuple[Part, ...]
    final: bool


def reach(network: nn.Module, layer: Layer) -> Reach:
    """Who hears the nodes of a layer.

    That an operation on the way treats each node by itself is not looked up but tried on random numbers, so that a
    user's own activations and reshapes are known too.

    Raises:
        NotAChain: something on the way combines them with other values, mixes them, or is not known.
        ParameterError: the layer or a consumer computes several times or shares weights, or the nodes are outputs of
            the network.
    """
    return _Walk(network, layer).reach()


class _Walk:
    def __init__(self, network: nn.Module, layer: Layer) -> None:
        self.network, self.layer = network, layer
        self.modules = dict(network.named_modules())
        self.name = next(name for name, part in self.modules.items() if part is layer)
        self.nodes = len(layer.weight)
        self.norms: list[Part] = []
        self.consumers: dict[fx.Node, Part] = {}

    def reach(self) -> Reach:
        with evaluated(self.network):
            try:
                graph = _Whole().trace(self.network)
            except Exception as error:  # whatever a forward of the user's does with what is no tensor
                why = str(error).strip().partition("\n")[0].rstrip(".")
                raise NotAChain(
                    f"What hears the nodes of '{self.name}' is not known, because the forward of "
                    f"{type(self.network).__name__} cannot be traced ({why:.120})."
                ) from None
            self.calls = [node for node in graph.nodes if node.op == "call_module"]
            self.follow(self.only_call(self.layer), first_place(self.layer))
        if not self.consumers:
            raise ParameterError(f"No layer hears the nodes of '{self.name}', so that pruning them has no sense.")
        first = next(iter(self.consumers))
        final = len(self.consumers) == 1 and [user.op for user in first.users] == ["output"]
        return Reach(
            tuple(self.norms), tuple(self.consumers.values()), final and next(iter(first.users)).args[0] is first
        )

    def only_call(self, module: nn.Module) -> fx.Node:
        """Where a module computes."""
        calls = [node for node in self.calls if self.modules[str(node.target)] is module]
        name = next(name for name, part in self.modules.items() if part is module)
        if len(calls) != 1:
            raise ParameterError(
                f"The layer '{name}' must compute once in a pass, so that its weights have one meaning. Got "
                f"{len(calls)} time(s) in the forward of {type(self.network).__name__}; give each place a layer of its "
                "own."
            )
        return calls[0]

    def follow(self, value: fx.Node, place: Place) -> None:
        """Note all consumers of a value."""
        for user in value.users:
            if user.op == "output":
                raise ParameterError(
                    f"The nodes of '{self.name}' are outputs of the network, which must stay; prune a hidden layer."
                )
            if _is_size(user):
                continue
            module = self.modules[str(user.target)] if user.op == "call_module" else None
            if isinstance(module, LAYERS):
                layer_of(self.network, str(user.target))
                self.consumers[self.only_call(module)] = self.consumer(module, str(user.target), place)
            elif module is not None and (size := _numbers_by_node(module, place)):
                self.only_call(module)
                self.norms.append(self.part(str(user.target), size, place))
                self.follow(user, place)
            else:
                if module is not None and SILENCED in module._buffers:
                    self.norms.append(self.part(str(user.target), module.get_buffer(SILENCED).numel(), place))
                self.follow(user, self.tried(user, value, place))

    def consumer(self, module: Any, name: str, place: Place) -> Part:
        if isinstance(module, nn.Linear):
            if len(place.shape) > 2:
                raise NotAChain(
                    f"The nodes of '{self.name}' do not lie along the axis that '{name}' sums over; put an nn.Flatten "
                    "before it."
                )
            return self.part(name, module.in_features, place)
        if module.groups != 1:
            raise NotAChain(f"The nodes of '{self.name}' go into '{name}', a convolution whose groups see some each.")
        return self.part(name, module.in_channels, place)

    def part(self, name: str, size: int, place: Place) -> Part:
        if size % self.nodes or (len(place.shape) > 2 and size != self.nodes):
            raise NotAChain(f"The {self.nodes} nodes of '{self.name}' do not fit the {size} entries of '{name}'.")
        return Part(name, size // self.nodes, place.together)

    def tried(self, user: fx.Node, value: fx.Node, place: Place) -> Place:
        """Where the nodes are after an operation that treats each by itself."""
        name = str(user.target) if user.op != "call_function" else getattr(user.target, "__name__", user.name)
        sizes = [node for node in user.all_input_nodes if node is not value]
        if not all(_is_size(node) or self.is_number(node) for node in sizes):
            raise NotAChain(
                f"The nodes of '{self.name}' are combined with other values by '{name}' before a layer hears them."
            )
        module = self.modules[str(user.target)] if user.op == "call_module" else None
        own = () if module is None or SILENCED in module._buffers else (*module.parameters(), *module.buffers())
        if any(values.numel() > 1 for values in own):
            raise NotAChain(
                f"The nodes of '{self.name}' go through '{name}', a {type(module).__name__} of whose numbers it is not "
                "known which belong to a node."
            )
        found = by_node(self.call(user, value), place, self.nodes, self.layer.weight)
        if found is None:
            raise NotAChain(
                f"The nodes of '{self.name}' are mixed by '{name}', or reshaped to sizes that are written down; a "
                "reshape should be nn.Flatten or flatten(1)."
            )
        return found

    def is_number(self, node: fx.Node) -> bool:
        found = _attribute(self.network, str(node.target)) if node.op == "get_attr" else None
        return isinstance(found, Tensor) and found.numel() == 1

    def call(self, user: fx.Node, value: fx.Node) -> Callable[[Tensor], Any]:
        """The operation as a function of the value alone."""

        def called(given: Tensor) -> Any:
            def known(node: fx.Node) -> Any:
                if node is value:
                    return given
                return _attribute(self.network, str(node.target)) if node.op == "get_attr" else BATCH

            args, kwargs = map_arg(user.args, known), map_arg(user.kwargs, known)
            if user.op == "call_module":
                return self.modules[str(user.target)].forward(*args, **kwargs)  # without the hook that silences
            if user.op == "call_method":
                return getattr(args[0], str(user.target))(*args[1:], **kwargs)
            return user.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]

        return called


def _numbers_by_node(module: nn.Module, place: Place) -> int:
    """How many entries a module has that treats each by itself, with numbers of its own; 0 for another module."""
    if isinstance(module, nn.PReLU) and module.num_parameters > 1:
        return module.num_parameters
    # Rows without positions are to an InstanceNorm one picture, over which it takes the mean.
    kinds = _BATCH_NORMS + (_INSTANCE_NORMS if len(place.shape) > 2 else ())
    return module.num_features if isinstance(module, kinds) else 0


def _is_size(node: fx.Node) -> bool:
    """Whether a traced value is the number of examples: ``x.size(0)`` or ``x.shape[0]``, or a shape of which only that
    is asked."""
    if node.op == "call_method" and node.target == "size":
        return node.args[1:] == (0,) or (len(node.args) == 1 and all(map(_is_first, node.users)))
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] == "shape" and all(map(_is_first, node.users))
    return _is_first(node) and isinstance(node.args[0], fx.Node) and _is_size(node.args[0])


def _is_first(node: fx.Node) -> bool:
    return node.op == "call_function" and node.target is getitem and isinstance(node.args[1], int) and node.args[1] == 0
