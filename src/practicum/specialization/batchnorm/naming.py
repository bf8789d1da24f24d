"""Where a BatchNorm stands in its network, told from names, shapes and running means alone.

A state dict does not say what stands between two layers with weights. What tells, in this order:

* what a file of practicum's own says of its perceptrons;
* a running mean without a negative entry: what comes in is never negative, so a ReLU has gone before;
* names of shortcuts (``downsample``, ``shortcut``, ``skip``): the sum follows;
* blocks with a number (``layer1.0``) and numbered norms (``bn1``, ``bn2``), as in ResNet: the last one stands before
  the sum, unless norms precede their convolutions;
* a depthwise convolution followed by a narrower 1 x 1, as in MobileNetV2: the linear end of an inverted residual;
* numbers in a sequence (``features.0``, ``features.1``, ``features.3``), as in VGG: a gap is a module without weights;
* custom: after a convolution or linear layer and its norm an activation follows, unless something else was said.

None of them tells ReLU from another activation: "before-relu" then means before an activation. Who knows better passes
the module, or says so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from practicum.disk.texts import plain_json
from practicum.specialization.batchnorm.norms import Norm
from practicum.specialization.batchnorm.reading import State

BEFORE, SUM, AFTER, LINEAR, OTHER, UNKNOWN = POSITIONS = (
    "before-relu",
    "before-sum",
    "after-relu",
    "linear",
    "before-other",
    "unknown",
)
"""Directly before a ReLU (also ReLU6, leaky, PReLU); before a residual sum; after a ReLU and before none; between
linear layers, as a linear bottleneck; before another nonlinearity; not known."""

LEAST = 16
"""Channels from which on a running mean without a negative entry is no chance: 2^-16 if signs were those of a coin."""

NAMES, CUSTOM = "names", "custom"

_SHORTCUT = re.compile(r"(^|[._])(downsample|shortcut|skip)([._]|$)")

Finding = tuple[str, str]


class _Layer(NamedTuple):
    """A layer with weights: a norm of some width, or a convolution or linear layer with the shape of its weight."""

    name: str
    width: int
    shape: tuple[int, ...] = ()

    @property
    def is_norm(self) -> bool:
        return not self.shape

    @property
    def parent(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def stem(self) -> str:
        return self.leaf.rstrip("0123456789")

    @property
    def number(self) -> int | None:
        digits = re.findall(r"\d+", self.leaf)
        return int(digits[-1]) if digits else None

    @property
    def entering(self) -> int:
        """Channels that come in; into a depthwise convolution, as many as go out."""
        inputs = (*self.shape, 0, 0)[1]
        return self.width if len(self.shape) > 2 and inputs == 1 else inputs


def by_name(state: State, found: list[Norm]) -> dict[str, Finding]:
    """The position of each norm and the evidence for it.

    Evidence is one of "metadata", "running mean", "names", "custom", or "" where the position is unknown.
    """
    stated = _stated(state)
    if stated is not None:
        return {norm.name: (stated, "metadata") for norm in found}
    layers = _layers(state, found)
    result = {}
    for norm in found:
        layer = next(layer for layer in layers if layer.name == norm.name)
        result[norm.name] = (AFTER, "running mean") if never_negative(norm) else _position(layer, layers, state.ordered)
    return result


def of_perceptron(normalisation: str, activation: str) -> str:
    """Of all norms of an MLP of practicum."""
    gated = activation in ("relu", "leaky-relu")
    if normalisation == "after":
        return AFTER if gated else LINEAR
    return BEFORE if gated else LINEAR if activation == "linear" else OTHER


def _stated(state: State) -> str | None:
    """What practicum writes into the metadata of an MLP; anything else there is somebody else's."""
    try:
        about = plain_json(state.about.get("practicum", "null"))
        normalisation, activation = about["normalisation"], about["activation"]
    except (ValueError, TypeError, KeyError):
        return None
    return of_perceptron(str(normalisation), str(activation)) if normalisation in ("before", "after") else None


def never_negative(norm: Norm) -> bool:
    """Whether the running means of enough channels are all >= 0, and not all still at their start."""
    mean = norm.mean
    return mean.size >= LEAST and bool((mean >= 0).all()) and bool((mean > 0).any())


def _layers(state: State, found: list[Norm]) -> list[_Layer]:
    widths = {norm.name: norm.beta.shape[1] for norm in found}
    layers: dict[str, _Layer] = {}
    for name, shape in state.shapes.items():
        prefix, _, last = name.rpartition(".")
        if prefix in widths:
            layers.setdefault(prefix, _Layer(prefix, widths[prefix]))
        elif last == "weight" and 2 <= len(shape) <= 5:
            layers[prefix] = _Layer(prefix, shape[0], shape)
    return list(layers.values())


def _position(layer: _Layer, layers: list[_Layer], ordered: bool) -> Finding:
    if _SHORTCUT.search(layer.name):
        return SUM, NAMES
    block = _block(layer, layers)
    if len(block) > 1:
        return _in_block(layer, block, layers, ordered), NAMES
    if layer.leaf.isdigit():
        return _in_sequence(layer, layers)
    return (BEFORE, CUSTOM) if _has_partner(layer, layers, ordered) else (UNKNOWN, "")


def _block(layer: _Layer, layers: list[_Layer]) -> list[_Layer]:
    """The numbered norms of the residual block in which the norm stands, in their order; empty if in none."""
    if layer.number is None or layer.leaf.isdigit() or not layer.parent.rpartition(".")[2].isdigit():
        return []
    norms = [o for o in layers if o.is_norm and o.parent == layer.parent and o.stem == layer.stem]
    return sorted(norms, key=lambda norm: norm.number or 0)


def _in_block(layer: _Layer, block: list[_Layer], layers: list[_Layer], ordered: bool) -> str:
    if layer is not block[-1] or _norms_first(layer, layers, ordered):
        return BEFORE
    inside = [other for other in layers if not other.is_norm and other.parent == layer.parent]
    if ordered and len(inside) > 1 and _depthwise(inside[-2], layers):
        return SUM if inside[0].entering == inside[-1].width else LINEAR
    return SUM


def _norms_first(layer: _Layer, layers: list[_Layer], ordered: bool) -> bool:
    """Whether blocks with norms named like this one normalise before they convolve.

    All blocks together tell, because within one the widths often agree: a norm that is not as wide as what comes out of
    the convolution of its number precedes it. So it does if it was built before it, where the order is known.
    """
    place = {other.name: i for i, other in enumerate(layers)}
    pairs = []
    for norm in layers:
        if norm.is_norm and norm.stem == layer.stem and norm.parent.rpartition(".")[2].isdigit():
            beside = [o for o in layers if not o.is_norm and o.parent == norm.parent and o.number == norm.number]
            pairs += [(norm, beside[0])] if len(beside) == 1 else []
    first = all(place[norm.name] < place[convolution.name] for norm, convolution in pairs)
    return bool(pairs) and (any(n.width != c.width for n, c in pairs) or (ordered and first))


def _in_sequence(layer: _Layer, layers: list[_Layer]) -> Finding:
    """In a sequence with numbers for names, in which modules without weights leave gaps."""
    own = int(layer.leaf)
    stem = layer.name.removesuffix(layer.leaf)
    numbers: dict[int, _Layer] = {}
    for other in layers:
        part = other.name.removeprefix(stem).partition(".")[0]
        if other.name.startswith(stem) and part.isdigit():
            numbers.setdefault(int(part), other)
    above = min((n for n in numbers if n > own), default=None)
    below = max((n for n in numbers if n < own), default=None)
    gap = above is not None and above > own + 1
    if below is None:
        return (BEFORE, NAMES) if gap else (UNKNOWN, "")
    before = numbers[below]
    if before.is_norm or before.parent != layer.parent or before.width != layer.width or below + 1 != own:
        return UNKNOWN, ""
    if above is not None and not gap:
        direct = not numbers[above].is_norm and numbers[above].parent == layer.parent
        return (LINEAR, NAMES) if direct else (UNKNOWN, "")
    if _ends_inverted_residual(before, layers):
        first = next(other for other in layers if not other.is_norm and other.name.startswith(stem))
        return (SUM if first.entering == before.width else LINEAR), NAMES
    return (BEFORE, NAMES) if gap else (BEFORE, CUSTOM)


def _ends_inverted_residual(layer: _Layer, layers: list[_Layer]) -> bool:
    """A 1 x 1 convolution to fewer channels, right after a depthwise one."""
    if layer.shape[2:] != (1, 1) or layer.shape[0] >= layer.shape[1]:
        return False
    before = _convolutions_before(layer, layers)
    return bool(before) and _depthwise(before[-1], layers)


def _depthwise(layer: _Layer, layers: list[_Layer]) -> bool:
    """One input channel an output channel, and as many as the convolution before gives; not a grey image's first."""
    if len(layer.shape) != 4 or layer.shape[1] != 1 or layer.shape[2:] == (1, 1):
        return False
    before = _convolutions_before(layer, layers)
    return bool(before) and before[-1].width == layer.width


def _convolutions_before(layer: _Layer, layers: list[_Layer]) -> list[_Layer]:
    return [other for other in layers[: layers.index(layer)] if not other.is_norm]


def _has_partner(layer: _Layer, layers: list[_Layer], ordered: bool) -> bool:
    """Whether a convolution or linear layer of the norm's width stands beside it with its number, or was built last."""
    for other in layers:
        same = not other.is_norm and other.parent == layer.parent and other.number == layer.number
        if same and layer.width in (other.width, other.entering):
            return True
    before = _convolutions_before(layer, layers)
    return ordered and bool(before) and before[-1].width == layer.width
