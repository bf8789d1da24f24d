"""Which nodes of a layer stay."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._torch import need_torch
from practicum.pruning import _needs
from practicum.pruning.select._sizes import arranged, sizes
from practicum.pruning.select.base import Items, Selector
from practicum.values import whole

if TYPE_CHECKING:
    from torch import nn

    from practicum.pruning.kept import Kept


def select_nodes(
    network: nn.Module,
    layer: str,
    keep: int | float | Sequence[int | float],
    selector: Selector,
    inputs: Any = None,
    *,
    seed: int = 0,
    draws: int = 1,
    activation: str | None = None,
) -> Kept | list[Kept] | list[list[Kept]]:
    """Choose which nodes of a layer stay: outputs of a Linear, output channels of a convolution.

    A node is judged by its activations, what the next layer sees of it: the values after the activation function, the
    BatchNorm and the pooling that follow the layer, up to the first operation that mixes nodes. They are found in
    ``forward``. In a convolution each position of each input is a sample.

    Main arguments:
        network: any module with named layers, asked in evaluation mode, never changed. Of practicum's MLP take
            :func:`~practicum.pruning.as_module`.
        layer: its name, as in ``network.named_modules()``.
        keep: a whole number is a count (1 keeps one node), a number with a decimal point a fraction (1.0 keeps all,
            0.3 the nearest count to 30 %); or a list of such, for which data stream once and a kernel is decomposed
            once.
        selector: Random, Magnitude, Importance, SoftMagnitude, DPP, GreedyMAP, or one of your own.
        inputs: of the network, for selectors that look at activations: a tensor (samples, ...) or batches, such as a
            DataLoader. They stream through; the answer does not depend on the size of the batches.

    Other arguments:
        seed: of what is drawn. Layers of different names draw independently with one seed.
        draws: how many choices of each size; draw d is the same however many follow.
        activation: name of the module whose outputs are the activations of the layer; only needed where ``forward``
            cannot be traced.

    Returns:
        A :class:`~practicum.pruning.Kept`; a list of them, one a draw, if draws > 1; and a list of such, one a value of
        `keep`, if that is a list.

    Raises:
        ParameterError: a `keep` out of range, no such layer, one of another type or shared by two modules, no inputs
            where they are needed, inputs that do not fit, activations that are not finite, or more draws or nodes than
            there is memory for.
    """
    need_torch()
    from practicum.pruning._layers import layer_of

    checked(selector)
    module = layer_of(network, layer)
    seed, draws, count = whole("seed", seed, 0), whole("draws", draws, 1), len(module.weight)
    name = f"nodes of '{layer}'"
    counts = sizes(keep, count, name)
    estimate = partial(_needs.choices, signals=selector.reads == "signals")
    require("This selection", estimate, draws=draws, sizes=len(counts), items=count, units=1)
    items = seen_nodes(network, layer, selector, inputs, activation)
    masks = selector.choose(items, counts, draws, (seed, stream(layer)))
    device = module.weight.device

    def made(size: int, draw: int) -> Kept:
        return kept(layer, "nodes", masks[size, draw], device, selector, seed)

    return arranged(keep, draws, len(counts), made)


def seen_nodes(network: nn.Module, layer: str, selector: Selector, inputs: Any, activation: str | None) -> Items:
    """The nodes of a layer as this selector sees them.

    Raises:
        ParameterError: as :func:`select_nodes`.
    """
    from practicum.pruning._layers import layer_of
    from practicum.pruning.select._signals import node_products
    from practicum.pruning.select._weights import incoming, outgoing

    samples, products = 0, None
    if selector.reads == "signals":
        need_inputs(selector, inputs, "activations")
        products, samples = node_products(network, layer, inputs, activation)

    def ask(what: str) -> Any:
        return products if what == "signals" else (incoming if what == "incoming" else outgoing)(network, layer)

    return Items(f"nodes of '{layer}'", len(layer_of(network, layer).weight), samples, ask)


def checked(selector: Any) -> None:
    """One sentence for what is no selector."""
    if not isinstance(selector, Selector):
        hint = f"; {selector.__name__}() makes one" if isinstance(selector, type) else ""
        raise ParameterError(
            f"The 'selector' parameter must be a selector, such as Random() or DPP(). Got {selector!r:.60} "
            f"instead{hint}."
        )


def need_inputs(selector: Selector, inputs: Any, what: str) -> None:
    """One sentence where inputs are needed and missing."""
    if inputs is None:
        raise ParameterError(
            f"{type(selector).__name__} needs the 'inputs' of the network, because it compares {what}. Got none; some "
            "hundreds of training inputs do."
        )


def stream(layer: str) -> int:
    """A number that names the stream of random numbers of a layer."""
    return zlib.crc32(layer.encode())


def kept(layer: str, kind: Any, mask: Any, device: Any, selector: Selector, seed: int) -> Kept:
    """A mask of NumPy as a Kept on a device."""
    import torch

    from practicum.pruning.kept import Kept

    return Kept(layer, kind, torch.from_numpy(mask.copy()).to(device), repr(selector), seed if selector.drawn else None)
