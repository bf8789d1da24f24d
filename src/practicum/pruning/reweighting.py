"""Reweighting: what a pruned network has lost is made up for, as far as a linear fit can, by what it has kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.values import real

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.pruning._layers import Layer
    from practicum.pruning._reach import Reach
    from practicum.pruning.kept import Kept


def reweight(
    network: nn.Module,
    kept: Kept,
    inputs: Tensor | Iterable[Any],
    *,
    ridge: float = 1e-10,
    teacher: Any = None,
) -> nn.Module:
    """A pruned copy of a network whose remaining weights make up for what was removed.

    Nodes: what the next layers hear of the removed nodes is regressed, with a constant, on what they hear of those
    kept, and folded into their weights and biases. Edges: for each unit by itself, its removed inputs are regressed on
    its kept ones, and folded into its weights and its bias. Both make the mean square of what the next layer, or the
    unit, receives differently as small as any weights can. Whatever chose the mask, it is taken as it is.

    Of the removed nodes nothing stays: their own weights, biases and norms are 0 too, so that they can be counted as
    gone. Shapes stay; :func:`practicum.pruning.compact` makes the network smaller.

    The data go through the network once; for many masks of one layer see :class:`Reweighting`. What is kept of them is
    one Gram matrix of the numbers that a layer sees, in float64: pixels or nodes, times positions above a Flatten,
    times 9 for a convolution of 3 x 3, whose patches are taken with their padding, so that the fit is the best also at
    the border. How the data are cut into batches makes no difference. BatchNorm is as in evaluation.

    Main arguments:
        network: not pruned yet, since what is 0 already cannot be made up for. It stays as it is.
        kept: what stays.
        inputs: (samples, ...), or batches of them, such as a DataLoader, whose labels are ignored. With fewer samples
            than numbers that stay the fit is to the samples and not to their law; take more, or a larger ridge.

    Other arguments:
        ridge: how dear weights are that move: times the mean diagonal element of the Gram matrix (its trace over its
            size) it is added to the diagonal. The default only keeps copies from dividing by 0. With 0, directions
            whose eigenvalue is below the roundings, the size of the matrix times 2e-16 times the largest one, are left
            out (a pseudo-inverse), which takes 5 to 9 times as long. Either way copies share their weight evenly.
        teacher: a network, or a function of a batch, with outputs (B, C). Instead of folding, the layer that gives the
            outputs gets, from what it hears of the pruned layer below it, the weights that answer most like the
            teacher. The ridge then makes weights dear that are not 0.

    A layer without bias keeps none, and the regression then has no constant.

    Returns a copy, in the mode of the original, without its hooks and gradients.

    Raises:
        ParameterError: no such layer, a mask that does not fit, inputs that do not fit the network or make it infinite,
            a negative ridge; for nodes, or with a teacher, next layers that are not known, as in a residual network;
            with a teacher, a layer that is not right below the outputs.

    Source: Mariet and Sra, "Diversity Networks", arXiv:1511.05077 (nodes); Acharyya et al., arXiv:2006.16617 (edges).
    The constant, convolutions and the refit to a teacher are ours.
    """
    need_torch()
    if teacher is None:
        _check(network, kept, ridge)
        return Reweighting(network, kept.layer, inputs, kind=kept.kind)(kept, ridge=ridge)
    copy, layer = _check(network, kept, ridge)
    _refit(copy, layer, kept, inputs, float(ridge), teacher)
    return copy


class Reweighting:
    """:func:`reweight` for many masks of one layer: data go through the network once, and each mask costs its fit only.

    ``Reweighting(network, layer, inputs, kind="edges")(kept)`` is ``reweight(network, kept, inputs)``, bit for bit.

    Main arguments:
        network: not pruned yet. It is copied, so that later changes do not count.
        layer: its name.
        inputs: as in :func:`reweight`.

    Other arguments:
        kind: of the choices to come, "nodes" or "edges".

    Raises:
        ParameterError: as :func:`reweight`; in a call also if the choice is about another layer or kind.
    """

    def __init__(
        self, network: nn.Module, layer: str, inputs: Tensor | Iterable[Any], *, kind: Literal["nodes", "edges"]
    ) -> None:
        need_torch()
        from practicum.pruning._folding import check_patches
        from practicum.pruning._layers import layer_of
        from practicum.pruning._listening import moments_seen
        from practicum.pruning._reach import reach
        from practicum.pruning.masks import _copied

        if kind not in ("nodes", "edges"):
            raise ParameterError(
                f"The 'kind' parameter of Reweighting must be 'nodes' or 'edges'. Got {kind!r:.60} instead."
            )
        self.network, self.layer, self.kind = _copied(network), layer, kind
        target = layer_of(self.network, layer)
        self.heard = reach(self.network, target) if kind == "nodes" else None
        names = [layer] if self.heard is None else [part.name for part in self.heard.consumers]
        layers: list[Any] = [self.network.get_submodule(name) for name in names]
        for each in layers:
            check_patches(each)
        self.moments = dict(zip(names, moments_seen(self.network, layers, inputs)))

    def __call__(self, kept: Kept, *, ridge: float = 1e-10) -> nn.Module:
        """The pruned and reweighted copy; see :func:`reweight`."""
        from practicum.pruning._folding import fold

        copy, layer = _check(self.network, kept, ridge)
        if (kept.layer, kept.kind) != (self.layer, self.kind):
            raise ParameterError(
                f"This Reweighting has seen what {self.kind} of '{self.layer}' need. Got {kept.kind} of '{kept.layer}' "
                "instead; make another one for those."
            )
        if self.heard is None:
            fold(layer, kept.mask.flatten(1), self.moments[kept.layer], float(ridge))
            return copy
        for part in self.heard.consumers:
            consumer: Any = copy.get_submodule(part.name)
            stays = part.entries(kept.mask)
            patch = consumer.weight[0].numel() // len(stays)
            fold(consumer, stays.repeat_interleave(patch), self.moments[part.name], float(ridge))
        _silence(copy, layer, kept.mask, self.heard)
        return copy


def _check(network: nn.Module, kept: Kept, ridge: Any) -> tuple[nn.Module, Layer]:
    """A copy of the network and its layer, or one sentence."""
    from practicum.pruning._choice import chosen
    from practicum.pruning.masks import _copied

    if not 0 <= real(ridge) < float("inf"):
        raise ParameterError(
            f"The 'ridge' parameter of reweight must be a number >= 0, because it is added to squares. Got "
            f"{ridge!r:.60} instead."
        )
    copy = _copied(network)
    return copy, chosen(copy, kept)


def _refit(copy: nn.Module, layer: Layer, kept: Kept, inputs: Any, ridge: float, teacher: Any) -> None:
    import torch

    from practicum.pruning._folding import refit
    from practicum.pruning._listening import moments_with_teacher
    from practicum.pruning._reach import reach

    heard = reach(copy, layer)
    last: Any = copy.get_submodule(heard.consumers[0].name)
    if not heard.final or not isinstance(last, torch.nn.Linear):
        raise ParameterError(
            f"With a teacher the layer above '{kept.layer}' must be a Linear that gives the outputs, because only then "
            "is the refit linear; leave out teacher=, or prune the last hidden layer."
        )
    stays = torch.ones(last.in_features, dtype=torch.bool)
    if kept.kind == "edges":  # the pruned units are what the outputs are fitted from
        with torch.no_grad():
            layer.weight[~kept.mask.to(layer.weight.device)] = 0
    else:
        stays = heard.consumers[0].entries(kept.mask)
    refit(last, stays, moments_with_teacher(copy, last, inputs, teacher), ridge)
    if kept.kind == "nodes":
        _silence(copy, layer, kept.mask, heard)


def _silence(copy: nn.Module, layer: Layer, mask: Tensor, heard: Reach) -> None:
    """Set to 0 whatever makes the removed nodes, which nobody hears any more."""
    import torch

    parts: list[tuple[Any, Tensor]] = [(layer, mask)]
    parts += [(copy.get_submodule(norm.name), norm.entries(mask)) for norm in heard.norms]
    with torch.no_grad():
        for part, stays in parts:
            for values in part.parameters(recurse=False):
                values[~stays.to(values.device)] = 0
