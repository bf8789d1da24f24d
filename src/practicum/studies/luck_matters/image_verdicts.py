"""(d, e) Verdicts on the signs of BatchNorm biases, and on how rarely nodes fire together."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from practicum.studies.claims import Claim, Verdict, exceeds
from practicum.studies.luck_matters.judging import SMALL, claim
from practicum.studies.luck_matters.measurements import Found
from practicum.studies.luck_matters.settings import CONTROLS
from practicum.studies.statistics import mean

MOSTLY = 0.5
# What is less than independence gives: a percent that many seeds make significant is not.
LESS = 0.9
# Shares of negative biases that are published or were measured before, by checkpoint: where they were counted.
PUBLISHED = {
    "khmer-ocr": "0.987",
    "cifar-resnet18": "0.961 (0.859 in all)",
    "mobilenet-v2": "0.475",
    "crepe-full": "0.351",
    "crepe-tiny": "0.474",
    "vgg19-bn": "0.929, zeros included",
    "resnet18": "0.703, mean of layers, zeros included",
    "resnet34": "0.721, mean of layers, zeros included",
    "resnet50": "0.712, mean of layers, zeros included",
}
_NOTHING = (math.nan, math.nan)


def biases(found: Found) -> list[Claim]:
    """(d) by position: networks trained here, then those of others."""
    return [*_trained_here(found), *(_of_others(name, data) for name, data in found.checkpoints.items())]


def _shares(data: xr.Dataset) -> np.ndarray:
    """The share of negative biases, each channel once, by seed."""
    channels = data.channels if "seed" not in data.channels.dims else data.channels.isel(seed=0)
    return data.negative.weighted(channels).mean("layer").values


def _trained_here(found: Found) -> list[Claim]:
    before, after = (found.images.get(place) for place in ("before", "after"))
    share, error = _NOTHING if before is None else mean(_shares(before))
    where = f"CNNs trained on {found.image_set}" if found.image_set else "CNNs trained on images"
    remark = lowest = control = "There are no images on this machine."
    least, least_error, difference, difference_error = math.nan, math.nan, math.nan, math.nan
    if before is not None:
        layers = [mean(before.negative.isel(layer=layer)) for layer in range(before.sizes["layer"])]
        least, least_error = min(layers)
        by_layer = ", ".join(f"{100 * value:.0f}" for value, _ in layers)
        rate = ", ".join(f"{100 * value:.0f}" for value in before.rate.mean("seed").values)
        remark = (
            f"Share of β < 0 over all channels, {before.sizes['seed']} seeds. Before training "
            f"{100 * float(before.zero_untrained.mean()):.0f} % of them are exactly 0, and zeros do not count as "
            "negative: the share says what training did."
        )
        lowest = f"The least share of a layer; from the lowest to the highest {by_layer} %. They fire on {rate} %."
    if before is not None and after is not None:
        difference, difference_error = mean(_shares(before) - _shares(after))
        control = (
            "Share before minus share behind the ReLU, seed by seed; behind it, where a bias does not decide when a "
            f"node fires, {100 * _shares(after).mean():.0f} % are negative."
        )
    return [
        claim(
            "d.trained",
            f"BatchNorm biases directly before a ReLU are mostly negative ({where}).",
            "mostly: share > 0.5 (vgg19: 0.929)",
            share,
            error,
            exceeds(share, error, MOSTLY),
            remark,
        ),
        claim(
            "d.layers",
            f"They are so in every layer ({where}).",
            "share > 0.5 in each layer (vgg19: 0.547 to 1)",
            least,
            least_error,
            exceeds(least, least_error, MOSTLY),
            lowest,
        ),
        claim(
            "d.place",
            f"It is the place before the ReLU that makes biases negative ({where}).",
            "difference > 0",
            difference,
            difference_error,
            exceeds(difference, difference_error, 0.0),
            control,
        ),
    ]


def _of_others(name: str, data: xr.Dataset) -> Claim:
    from practicum.data.checkpoints import NAMED

    control = name in CONTROLS
    here = data.sel(position="after-relu" if control else "before-relu")
    share, error = float(here.negative), float(here.standard_error)
    everywhere = data.sel(position="all")
    about = NAMED[name].about
    remark = (
        f"{about[0].upper()}{about[1:]}. {int(here.channels)} channels of {int(here.layers)} layers, which are the "
        "clusters of the standard error; reversing whole layers at random gives "
        f"{float(here.null_low_layers):.2f} to "
        f"{float(here.null_high_layers):.2f}, p = {float(here.p_value_layers):.2g}. "
        + ("" if control else f"Expected firing rate {100 * float(here.firing_rate):.0f} %. ")
        + f"At all positions {100 * float(everywhere.negative):.1f} % are negative and "
        f"{100 * float(everywhere.zero):.1f} % are 0."
    )
    if control:
        statement = f"Where BatchNorm follows the ReLU, biases are not mostly negative ({name})."
        verdict = exceeds(MOSTLY - share, error, 0.0)
    else:
        statement = f"BatchNorm biases directly before a ReLU are mostly negative ({name})."
        verdict = exceeds(share, error, MOSTLY)
    return claim(f"d.{name}", statement, PUBLISHED.get(name, "mostly"), share, error, verdict, remark)


def overlaps(found: Found) -> list[Claim]:
    """(e) Teachers of all kinds."""
    sets = found.image_set or "images"
    kinds: list[tuple[str, str, xr.Dataset | None]] = [
        ("two-layers" if name == "two layers" else name.replace(" ", "."), f"random teacher, {name}", data)
        for name, data in found.teachers.items()
    ]
    kinds += [
        ("image", f"CNNs trained on {sets}, no BatchNorm", found.images.get("none")),
        ("image.batchnorm", f"CNNs trained on {sets}, BatchNorm before the ReLU", found.images.get("before")),
    ]
    return [_overlap(f"e.{name}", where, data) for name, where, data in kinds]


def _overlap(name: str, where: str, data: xr.Dataset | None) -> Claim:
    statement = f"Teacher nodes are rarely active together ({where})."
    if data is None:
        none = "There are no images on this machine."
        return claim(name, statement, "rarely", math.nan, math.nan, "undecided", none)
    share, error = mean(data.together.mean("layer"))
    against, against_error = mean((data.together / data.together_independent).mean("layer"))
    product = data["product"]
    ratio = mean((product / data.product_independent).mean("layer"))
    by_layer = ", ".join(f"{100 * value:.0f}" for value in data.together.mean("seed").values)
    rates = ", ".join(f"{100 * value:.0f}" for value in data.rate.mean("seed").values)
    return claim(
        name,
        statement,
        "small overlap",
        share,
        error,
        rarely(share, error, against, against_error),
        "Of the samples on which a node fires, the share on which another one does, too: E[gate gateᵀ] off the "
        f"diagonal over the diagonal, mean over layers (by layer {by_layer} %). Nodes fire on {rates} % of the "
        f"samples, and together {against:.3f} ± {against_error:.3f} times as often as if independent. "
        f"E[f* f*ᵀ] likewise: {float(product.mean()):.2f}, {ratio[0]:.2f} times that of independent nodes. It holds "
        f"below {SMALL:g}, and in part if it is less than {LESS:g} times what independence gives.",
    )


def rarely(share: float, error: float, against: float, against_error: float) -> Verdict:
    """Small; or at least less than independent nodes of the same rates give (`against`: over that share)."""
    small = exceeds(SMALL - share, error, 0.0)
    if small != "does not hold":
        return small
    return "holds in part" if exceeds(LESS - against, against_error, 0.0) == "holds" else "does not hold"


def image_notes(found: Found) -> list[str]:
    """Which images and checkpoints there were not."""
    from practicum.data.checkpoints import NAMED

    sets = {name: why for name, why in found.missing.items() if name not in NAMED}
    told = [f"{name} could not be read ({why.rstrip('.')})." for name, why in sets.items()]
    if found.image_set and sets:
        told.append(f"Claims on image networks are therefore measured on {found.image_set}.")
    absent = [name for name in found.missing if name in NAMED]
    if absent:
        first = found.missing[absent[0]].partition(";")[0].rstrip(".")
        why = (
            f"{first[0].lower()}{first[1:]}"
            if found.settings.fetch
            else "the quick scale fetches nothing; practicum batchnorm NAME fetches one, scale paper all"
        )
        told.append(f"These trained networks are not on this machine: {', '.join(absent)} ({why}).")
    if found.image_set == "fashion-mnist" and found.images:
        accuracy = {place: 100 * float(data.accuracy.mean()) for place, data in found.images.items()}
        told.append(
            "Test images of Fashion-MNIST that the image networks get right: "
            + ", ".join(f"{value:.1f} % (BatchNorm {place})" for place, value in accuracy.items())
            + "."
        )
    return told
