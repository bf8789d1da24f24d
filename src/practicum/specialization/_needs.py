"""How many bytes a training takes at its peak, from the sizes that are asked for; in whole numbers, without torch.

Five moments of a training take the most: when networks are drawn, when a balanced teacher is tuned, when examples are
drawn, when students learn and are looked at, and when all that was seen is put together. Compared with measured peaks
in ``tests/specialization/test_needs.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from practicum.memory import require

_DOUBLE = 8
_DRAWN = 20
"""Bytes of a number that is drawn: in the list of seeds and in the array of all in float64, and as it is kept."""
_BUILT = 12
"""Likewise of a weight of a convolution, which is built in float64 and then rounded."""
_SEED, _POINT = 4_000, 2_000
"""Bytes of a seed and of a look besides their numbers."""
_LOOK = 500
"""Held-out examples that the observer sends through the networks at a time."""
_ROOM, _LOOKED, _CONVOLVED = 3, 4, 6
"""Copies of the activations of a batch in a perceptron; where they are observed; and of a batch under autograd."""


class Plan(NamedTuple):
    """What of a training is no size that anybody would change for lack of memory.

    Main arguments:
        teacher: widths of the hidden layers.
        students: likewise, or None for a multiple of the teacher's.
        itemsize: bytes of a number.
        slots: numbers that the optimizer remembers of each weight.
        own_teachers, own_examples: whether each seed has its own.
        noisy, regenerate: of the targets, and whether examples are drawn anew.
        tuned: samples that a balanced teacher is tuned on.
        steps: batches an epoch, or None for a pass over all examples.
        every: epochs between two looks.
        looks: their number, if they are listed, else 0.
        pairs, nodes: bytes that are kept of each pair of nodes and of each student at each look.
        sides: sides of the picture that each hidden layer sees, from the lowest, or none for perceptrons.
        autograd: whether a regime changes the batches.
        saved: whether checkpoints are written.
    """

    teacher: tuple[int, ...]
    students: tuple[int, ...] | None
    itemsize: int
    slots: int
    own_teachers: bool
    own_examples: bool
    noisy: bool
    regenerate: bool
    tuned: int
    steps: int | None
    every: int
    looks: int
    pairs: int
    nodes: int
    sides: tuple[int, ...]
    autograd: bool
    saved: bool


def check_training(
    teacher: Any,
    students: Any,
    inputs: Any,
    training: Any,
    *,
    seeds: int,
    samples: int,
    held_out: int,
    teacher_seed: Any,
    keep: Sequence[str],
    observe_at: Any,
    dtype: Any,
    regime: Any,
    saved: bool,
) -> None:
    """One sentence if the training of :func:`practicum.train` with these arguments needs more memory than there is.

    Raises:
        ParameterError: see :func:`practicum.memory.require`.
    """
    if not hasattr(teacher, "kind") or not hasattr(students, "sizes"):
        return  # of the user's own making, whose sizes nobody knows
    image = teacher.kind == "image"
    widths = tuple(teacher.widths) if image else teacher.sizes[1:-1]
    shape = teacher.inputs.replace(flat=False).shape if image else ()
    convolved = image and not teacher.inputs.flat
    plan = Plan(
        teacher=widths,
        students=students.widths,
        itemsize=8 if "64" in str(dtype) else 4,
        slots=2 if training.optimizer == "adam" else 1 if training.momentum else 0,
        own_teachers=teacher_seed is None,
        own_examples=getattr(inputs, "kind", "") not in ("images", "patches"),
        noisy=training.output_noise > 0,
        regenerate=training.regenerate,
        tuned=getattr(teacher, "samples", 0),
        steps=training.steps_per_epoch,
        every=observe_at if isinstance(observe_at, int) and observe_at > 0 else 1,
        looks=len(observe_at) if isinstance(observe_at, (tuple, list, range)) else 0,
        pairs=sum({"rho": 4, "alpha": 4, "winner_rank": 3}.get(name, 0) for name in keep),
        nodes=sum({"alignment": 8, "activity": 8, "fan_out": 16}.get(name, 0) for name in keep),
        sides=_sides(min(shape[1:]), len(widths)) if convolved else (),
        autograd=regime is not None,
        saved=saved,
    )
    asked = {
        "seeds": seeds,
        "samples": samples,
        "held_out": held_out,
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "multiple" if students.widths is None else "widths": students.multiple or max(students.widths or (1,)),
        "hidden": max(widths),
    }
    if image:
        estimate = partial(training_bytes, plan, inputs=math.prod(shape), outputs=10)
    else:
        estimate = partial(training_bytes, plan)
        asked |= {"inputs": teacher.sizes[0], "outputs": teacher.sizes[-1]}
    require("This training", estimate, **asked)


def training_bytes(
    plan: Plan,
    *,
    seeds: int,
    samples: int,
    held_out: int,
    epochs: int,
    batch_size: int,
    hidden: int,
    inputs: int,
    outputs: int,
    multiple: int = 0,
    widths: int = 0,
) -> int:
    """Bytes at the peak; `hidden` and `widths` are those of the widest layers, which bound all others."""
    theirs = tuple(min(width, hidden) for width in plan.teacher)
    ours = tuple(
        multiple * width if plan.students is None else min(own, widths)
        for own, width in zip(plan.students or theirs, theirs)
    )
    each, teachers = plan.itemsize, seeds if plan.own_teachers else 1
    weights, teacher_weights = (_weights(inputs, part, outputs, plan.sides) for part in (ours, theirs))
    kept = each * (seeds * weights + teachers * teacher_weights)

    drawing = (_BUILT if plan.sides else _DRAWN) * (seeds * weights + teachers * teacher_weights)
    tuning = _DOUBLE * plan.tuned * (inputs + 2 * max(theirs))

    sets = seeds if plan.own_examples else 1
    answers = sets * (samples + held_out) * outputs * each
    examples = sets * (samples + held_out) * inputs * each
    latest = max(samples, held_out) * sets * inputs * _DRAWN + min(samples, held_out) * sets * inputs * each
    noise = seeds * samples * outputs * 2 * _DOUBLE if plan.noisy else 0
    labelling = (
        examples * (2 if plan.regenerate else 1) + answers + sets * max(samples, held_out) * outputs * each + noise
    )

    drawn = batch_size * plan.steps if plan.steps is not None else samples
    order = seeds * 3 * 8 * drawn + seeds * 16 * -(-drawn // batch_size)
    optimizer = each * seeds * weights * (1 + plan.slots)
    one = each * weights * (2 + 2 * plan.slots)
    batch = each * batch_size * _active(ours, inputs, outputs, plan)
    at_once = seeds if plan.sides else 1
    places = [_half(side) ** 2 for side in plan.sides] or [1] * len(ours)
    seen = each * _LOOKED * min(_LOOK, held_out) * at_once * sum(p * (a + b) for p, a, b in zip(places, ours, theirs))
    learning = kept + examples + answers + order + optimizer + one + max(batch, seen)

    looks = plan.looks or epochs // plan.every + 2
    layers = len(ours)
    row = _DOUBLE * (max(theirs) + 4) + plan.nodes * max(ours) + plan.pairs * max(theirs) * max(ours)
    history = looks * (seeds * layers * row + _POINT) + seeds * _SEED
    checkpoint = 2 * (optimizer + history) if plan.saved else 0
    return max(drawing, tuning, kept + latest, kept + labelling, learning + history + checkpoint, kept + 2 * history)


def _weights(inputs: int, hidden: tuple[int, ...], outputs: int, sides: tuple[int, ...]) -> int:
    """Weights and biases of one network; of a convolution inputs are pixels, and filters 3 x 3."""
    if not sides:
        return sum(above * (below + 1) for below, above in pairwise((inputs, *hidden, outputs)))
    channels = max(1, inputs // sides[0] ** 2)
    below = (channels, *hidden)
    last = hidden[-1] * _half(sides[-1]) ** 2
    return sum(above * (9 * n + 3) for n, above in zip(below, hidden)) + outputs * (last + 1)


def _active(hidden: tuple[int, ...], inputs: int, outputs: int, plan: Plan) -> int:
    """Numbers that an example takes on its way through the students and back."""
    if plan.sides:
        return inputs + _CONVOLVED * sum(n * _half(side) ** 2 for n, side in zip(hidden, plan.sides))
    copies = _ROOM if not plan.autograd else 2 * _CONVOLVED
    return inputs + copies * (sum(hidden) + outputs)


def _sides(side: int, layers: int) -> tuple[int, ...]:
    """Of the picture below each layer: strides of two, until three pixels are left, as in CNN."""
    sides = [side]
    for _ in range(layers - 1):
        sides.append(_half(sides[-1]))
    return tuple(sides)


def _half(side: int) -> int:
    return -(-side // 2) if side >= 3 else side
