"""The figures of the study: labelled arrays in the form that :mod:`practicum.figures` draws."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from practicum import figures
from practicum.studies.claims import Picture
from practicum.studies.luck_matters.images import LAYER
from practicum.studies.luck_matters.measurements import Found
from practicum.studies.luck_matters.plane import PLANE
from practicum.studies.luck_matters.settings import THRESHOLD

_PANELS = 6
_SHOWN = ("vgg19-bn", "cifar-resnet18", "khmer-ocr", "mobilenet-v2")
"""Trained networks whose layers are shown, the most wanted first."""
_SEEDS = 4
"""Of the clouds of students: more would cover each other, and weigh megabytes."""


def draw(found: Found) -> list[Picture]:
    """What there is to draw, in the order of the claims."""
    return [
        _two_layer_ranks(found),
        _deep_ranks(found),
        _plane(found),
        _correlations(found),
        *_l_shapes(found),
        *_trained_biases(found),
        *_biases_of_others(found),
        *_layers_of_another(found),
    ]


def _where(found: Found) -> str:
    part = found.settings.two_layers[0]
    return f"two layers, m = {part.hidden}, p = {part.decay:g}, {part.multiple}×"


def _two_layer_ranks(found: Found) -> Picture:
    return Picture(
        "winner-ranks",
        f"The rank of the students that win in the end, over the epochs before ({_where(found)}).",
        partial(figures.winner_ranks, log_epoch=True),
        found.two_layers[0].isel(layer=0, drop=True)[["winner_rank"]],
        ("b.rank.two-layers",),
    )


def _deep_ranks(found: Found) -> Picture:
    part = found.settings.deep[0]
    return Picture(
        "winner-ranks-deep",
        f"The same for deep students, layer by layer (teacher {'-'.join(map(str, part.hidden))}, {part.multiple}×).",
        partial(figures.winner_ranks, log_epoch=True),
        found.deep[0][["winner_rank"]],
        (*(f"b.rank.deep.{layer + 1}" for layer in range(len(part.hidden))), "b.settled"),
    )


def _plane(found: Found) -> Picture:
    data = found.plane
    wanted = [0, 1, 5, data.sizes["step"] - 1]
    return Picture(
        "hyperplanes",
        f"Two inputs, {PLANE['hidden']} teacher nodes and {PLANE['multiple']}× as many students of one seed: the lines "
        "at which nodes begin to fire. A student has the colour of the teacher node that it resembles most.",
        figures.hyperplanes,
        data.isel(step=sorted({min(step, data.sizes["step"] - 1) for step in wanted})).drop_vars("loss"),
        ("b.rank.two-layers",),
    )


def _looks(run: xr.Dataset, epochs: tuple[float, ...]) -> list[int]:
    """The steps nearest to some epochs, and the last."""
    epoch = run.epoch.values.astype(float)
    steps = {int(np.abs(epoch - wanted).argmin()) for wanted in epochs if wanted <= epoch[-1]} | {len(epoch) - 1}
    return sorted(steps)[-_PANELS:]


def _correlations(found: Found) -> Picture:
    run = found.two_layers[0].isel(layer=0, seed=0, drop=True)
    return Picture(
        "correlations",
        f"All correlations of teacher nodes (strong above) and students of one seed; {_where(found)}. Students stand "
        "where they belong in the end.",
        figures.correlation_map,
        run[["rho"]].isel(step=_looks(run, (0, 1, 4))),
        ("b.rank.two-layers", "c.cohort"),
    )


def _l_shapes(found: Found) -> list[Picture]:
    run = found.two_layers[0].isel(layer=0, drop=True).isel(seed=slice(_SEEDS))
    data = run[["alignment", "fan_out", "contribution", "activity"]]
    told = {"fan_out": ("fan-out", (0, 1, 2, 4, 9)), "contribution": ("contribution", (6,))}
    return [
        Picture(
            f"l-shape-{name}",
            f"How much students resemble their best teacher node, over their {name}; {_where(found)}, "
            f"{run.sizes['seed']} seeds. In an L students that resemble no node would have no {name}: they would stand "
            "at the left edge.",
            partial(figures.l_shape, against=against, threshold=THRESHOLD),
            data.isel(step=_looks(run, epochs)),
            (f"c.{name}", "c.cohort"),
        )
        for against, (name, epochs) in told.items()
    ]


def _trained_biases(found: Found) -> list[Picture]:
    both = [(place, found.images[place].isel(seed=0)) for place in ("before", "after") if place in found.images]
    if not both:
        return []
    wanted = ["negative", "zero", "positive", "null_low", "null_high", "firing_rate", "position", "beta", "gamma"]
    named = [
        data[wanted].assign_coords(layer=[f"{place} ReLU: {norm}" for norm in data.norm.values]) for place, data in both
    ]
    return [
        Picture(
            "batchnorm-trained",
            f"Signs of the BatchNorm biases of a CNN trained on {found.image_set}, with BatchNorm before each ReLU and "
            "with BatchNorm behind it (one seed each).",
            figures.batchnorm_biases,
            xr.concat(named, "layer", combine_attrs="drop"),
            ("d.trained", "d.layers", "d.place"),
        )
    ]


def _biases_of_others(found: Found) -> list[Picture]:
    rows: list[xr.Dataset] = []
    for name, data in found.checkpoints.items():
        known = data.drop_dims("layer").isel(position=np.flatnonzero(data.channels.values > 0))
        known = known.sel(position=[place for place in known.position.values if place != "all"])
        places = known.position.values
        named = known.rename(position="row").assign_coords(row=[f"{name}, {place}" for place in places])
        rows.append(named.assign(position=("row", places)))
    if not rows:
        return []
    wanted = ["negative", "zero", "positive", "null_low_layers", "null_high_layers", "firing_rate", "position"]
    return [
        Picture(
            "batchnorm-others",
            "Signs of the BatchNorm biases of trained networks, by position. The interval is what reversing whole "
            "layers at random gives.",
            figures.batchnorm_biases,
            xr.concat([row[wanted] for row in rows], "row", combine_attrs="drop"),
            tuple(f"d.{name}" for name in found.checkpoints),
        )
    ]


def _layers_of_another(found: Found) -> list[Picture]:
    """Layer by layer, with the histogram of the biases, of the first network there is."""
    name = next((name for name in _SHOWN if name in found.checkpoints), "")
    if not name:
        return []
    data = found.checkpoints[name].drop_dims("position")
    layers = data.rename({variable: str(variable).removeprefix(LAYER) for variable in data.data_vars})
    wanted = ["negative", "zero", "positive", "null_low", "null_high", "firing_rate", "position", "beta", "gamma"]
    return [
        Picture(
            "batchnorm-layers",
            f"Signs of the BatchNorm biases of {name}, layer by layer, and below their biases in units of |γ|, the "
            "standard deviation of what enters the ReLU.",
            figures.batchnorm_biases,
            layers[wanted],
            (f"d.{name}",),
        )
    ]
