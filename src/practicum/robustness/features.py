"""Data sets of features: inputs that look to a model like others do, labelled by the teacher.

An input is moved, from another example on, until the penultimate layer of a model sees in it what it sees in the wanted
one. With an adversarially trained model such a data set holds the features that this model uses, the robust ones; its
twin from a standard model is the control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.robustness._penultimate import features
from practicum.values import whole

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["FeatureData", "Inversion", "feature_dataset", "features", "invert_features"]

_ENTRIES = 2**19
"""Numbers of inputs that are moved at a time: the activations of all images at once fill a laptop."""


class Inversion(NamedTuple):
    """Inputs found for features.

    Main arguments:
        inputs: ([S,] B, ...).
        distances: |g(z) - g(x)| at the end, ([S,] B).
        before: the same at the start.
    """

    inputs: Tensor
    distances: Tensor
    before: Tensor


class FeatureData(NamedTuple):
    """A data set of features; S is that of the model, or absent for a module without seeds.

    Main arguments:
        inputs: ([S,] B, ...).
        outputs: the teacher's on them, ([S,] B, C).
        labels: the classes in which the teacher sees them, ([S,] B): the largest of its outputs, or with one output its
            sign, 1 where it is positive.
        differs: where this is not the label of the example whose features they have, ([S,] B).
        disagreement: how often, ([S]).
        inversion: what is known of the search.
    """

    inputs: Tensor
    outputs: Tensor
    labels: Tensor
    differs: Tensor
    disagreement: Tensor
    inversion: Inversion


def invert_features(
    model: nn.Module,
    targets: Tensor,
    starts: Tensor,
    steps: int = 200,
    step_size: float = 0.1,
    *,
    layer: str | None = None,
) -> Inversion:
    """Inputs z that have the features of others: |g(z) - g(x)| made small by steps of one length along its gradient.

    There is no limit to how far z goes from its start. Where a step does not come nearer, the row stays and halves its
    step: with steps of one length z would circle around its aim.

    Main arguments:
        model: an MLP, an Ensemble, or any module from (B, ...) to (B, C); in evaluation mode meanwhile.
        targets: features g(x), as :func:`features` returns them.
        starts: where z begins, (B, ...) or (S, B, ...).
        steps: how many.
        step_size: Euclidean length of the first ones, in the units of the inputs; z goes no farther than `steps` times
            `step_size`.

    Other arguments:
        layer: as in :func:`features`.

    Raises:
        ParameterError: numbers that are not positive, targets that do not fit the starts, features that are not finite.

    Source: Ilyas et al., "Adversarial examples are not bugs, they are features", arXiv:1905.02175, section 3.1; the
    halving is ours.
    """
    need_torch()
    import torch

    from practicum.networks._evaluation import kept_modes

    steps = whole("steps", steps, 1)
    if not step_size > 0:
        raise ParameterError(
            f"The 'step_size' parameter of invert_features must be > 0, because it is a length. Got {step_size!r:.60} "
            "instead."
        )
    asked, starts, has_seeds = _batched(model, starts)
    targets = targets if has_seeds else targets.unsqueeze(0)
    if targets.ndim != 3 or targets.shape[:2] != starts.shape[:2]:
        raise ParameterError(
            f"There must be the features of one example for each start. Got targets {tuple(targets.shape)} for starts "
            f"{tuple(starts.shape)}, seeds first; features(model, inputs) makes targets."
        )
    rows = max(1, _ENTRIES // max(1, starts[:, 0].numel()))
    with kept_modes(asked):
        asked.eval()
        parts = [
            _inverted(asked, goal, start, steps, float(step_size), layer)
            for goal, start in zip(targets.detach().split(rows, 1), starts.split(rows, 1))
        ]
    found = [torch.cat(each, 1) for each in zip(*parts)]
    return Inversion(*(found if has_seeds else (each.squeeze(0) for each in found)))


def feature_dataset(
    model: nn.Module,
    inputs: Any,
    teacher: nn.Module,
    labels: Any = None,
    *,
    steps: int = 200,
    step_size: float = 0.1,
    layer: str | None = None,
    seed: int = 0,
) -> FeatureData:
    """Examples that have the features of `inputs` to the model and begin as others of them, labelled by the teacher.

    The inputs of the result are what :class:`practicum.networks.Data` takes; a training lets the teacher label them.

    Main arguments:
        model: whose features: an adversarially trained student, or a standard one for the control.
        inputs: at least two, (B, ...) for all seeds, or (S, B, ...).
        teacher: the oracle; one for all seeds or one a seed, or any module from (B, ...) to (B, C).
        labels: classes of the inputs, (B,) or (S, B); the teacher's if not given.

    Other arguments:
        steps, step_size, layer: of :func:`invert_features`.
        seed: of the order in which each example begins as another one, never as itself.

    Raises:
        ParameterError: fewer than two inputs, labels or a teacher that do not fit them, and what
            :func:`invert_features` refuses.

    Source: Ilyas et al., arXiv:1905.02175, section 3.1. There the examples keep their labels; here the teacher, who can
    answer for any input, says how often it disagrees.
    """
    need_torch()
    import numpy as np
    import torch

    from practicum.networks._evaluation import outputs
    from practicum.networks.ensemble import as_batched
    from practicum.networks.randomness import generator

    like = next(model.parameters())
    given = torch.as_tensor(np.asarray(inputs) if not isinstance(inputs, torch.Tensor) else inputs).to(like)
    asked, clean, has_seeds = _batched(model, given.detach())
    seeds, count = clean.shape[:2]
    if count < 2:
        raise ParameterError(
            f"A data set of features needs at least 2 inputs, since each begins as another. Got {count}."
        )
    order = torch.from_numpy(generator(seed, "features").permutation(count)).to(clean.device)
    others = torch.empty_like(order)
    others[order] = order.roll(1)  # one circle through all: nobody begins as itself
    with torch.no_grad():
        goals = _evaluated(asked, clean, layer)
    found = invert_features(asked, goals, clean[:, others], steps, step_size, layer=layer)
    judge = as_batched(teacher, tuple(clean.shape[2:]))
    answers, before = (outputs(judge, points) for points in (found.inputs, clean))
    if len(answers) != seeds:
        raise ParameterError(
            f"The teacher must be one for all, or one for each of the {seeds} seed(s) of the model. Got {len(answers)}."
        )
    known = _classes(before) if labels is None else torch.as_tensor(labels).to(clean.device)
    if tuple(known.shape) not in ((count,), (1, count), (seeds, count)) or known.is_floating_point():
        raise ParameterError(
            f"The 'labels' must be {count} classes, whole numbers, or as many for each of the {seeds} seed(s). Got "
            f"{known.dtype} of shape {tuple(known.shape)} instead."
        )
    classes = _classes(answers)
    differs = classes != known
    parts = (found.inputs, answers, classes, differs, differs.double().mean(-1))
    if has_seeds:
        return FeatureData(*parts, found)
    points, answers, classes, differs, share = (part.squeeze(0) for part in parts)
    return FeatureData(points, answers, classes, differs, share, Inversion(*(part.squeeze(0) for part in found)))


def _batched(model: nn.Module, inputs: Tensor) -> tuple[nn.Module, Tensor, bool]:
    """The model with a seed axis, inputs (S, B, ...) for it, and whether it had that axis."""
    import torch

    from practicum.networks.ensemble import Ensemble, as_batched
    from practicum.networks.mlp import MLP

    if isinstance(model, MLP):
        many = inputs if inputs.ndim == 3 else inputs.unsqueeze(0)
        return model, many.expand(model.seeds, *many.shape[1:]), True
    asked = as_batched(model, tuple(inputs.shape[1:]))
    assert isinstance(asked, Ensemble)
    return asked, torch.stack([rows for _, rows in asked.pairs(inputs)]), asked is model


def _evaluated(model: nn.Module, inputs: Tensor, layer: str | None) -> Tensor:
    """Features in evaluation mode, part by part."""
    import torch

    from practicum.networks._evaluation import evaluated

    rows = max(1, _ENTRIES // max(1, inputs[:, 0].numel()))
    with evaluated(model):
        return torch.cat([features(model, part, layer=layer) for part in inputs.split(rows, 1)], 1)


def _inverted(
    model: nn.Module, goal: Tensor, start: Tensor, steps: int, step_size: float, layer: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The best points (S, B, ...), and the distances there and at the start."""
    import torch

    def look(points: Tensor) -> tuple[Tensor, Tensor]:
        """Distances, and the directions of length 1 along which they rise most."""
        leaf = points.detach().requires_grad_()
        with torch.enable_grad():
            rest = features(model, leaf, layer=layer) - goal
            (slope,) = torch.autograd.grad(rest.square().sum(), leaf)
        # The largest entry first, lest the square of a tiny one be 0.
        flat = slope.flatten(2)
        flat = flat / flat.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(flat.dtype).tiny)
        flat = flat / flat.norm(dim=-1, keepdim=True).clamp_min(1e-30)
        return rest.detach().norm(dim=-1), flat.view(points.shape)

    best, size = start.clone(), torch.full(start.shape[:2], step_size, dtype=start.dtype, device=start.device)
    before, direction = look(best)
    if not bool(before.isfinite().all()):
        raise ParameterError(
            "The features of the starts and of the targets must be finite. Got others; look for NaN in the inputs and "
            "in the weights of the model."
        )
    distance = before
    for _ in range(steps):
        point = best - _over(size, best) * direction
        there, ahead = look(point)
        nearer = there < distance
        flags = _over(nearer, best)
        best, direction = torch.where(flags, point, best), torch.where(flags, ahead, direction)
        distance, size = torch.where(nearer, there, distance), torch.where(nearer, size, size / 2)
    return best, distance, before


def _over(values: Tensor, points: Tensor) -> Tensor:
    """One value a row (S, B), of a shape that goes with the points."""
    return values.view(*values.shape, *[1] * (points.ndim - 2))


def _classes(outputs: Tensor) -> Tensor:
    """The largest of several outputs, or whether the only one is positive."""
    return (outputs.squeeze(-1) > 0).long() if outputs.shape[-1] == 1 else outputs.argmax(-1)
