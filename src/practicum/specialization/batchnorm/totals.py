"""A report on the biases of BatchNorms added up by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from practicum.errors import ParameterError
from practicum.specialization.batchnorm.naming import POSITIONS
from practicum.specialization.batchnorm.signs import coin_by_channel, coin_by_layer, overdispersion, standard_error

if TYPE_CHECKING:
    import xarray as xr


def by_position(layers: xr.Dataset) -> xr.Dataset:
    """The layers of a :func:`report` added up by position, and in all; every channel counts once.

    Returns:
        a Dataset over `position`, which ends with "all" (and over `seed` if the report is):

        ==========================  ===========================================================================
        positive, zero, negative    shares of the channels; NaN at a position that no layer has
        negligible, firing_rate     means over the channels; the latter over those that may have a ReLU directly behind
        channels, layers            their numbers
        standard_error              of `negative`, with layers as clusters; NaN for fewer than two layers
        overdispersion              of the shares of layers: 1 in the mean if channels were independent
        null_low, null_high,        as in the report: signs are fair coins, channel by channel
        p_value
        null_low_layers,            likewise, but signs of a layer may depend on each other in any way: fair coins
        null_high_layers,           reverse whole layers. Exact; no p-value can be below 2^(1 - layers)
        p_value_layers
        ==========================  ===========================================================================

    Raises:
        ParameterError: not a report.
    """
    import xarray as xr

    lacking = {"positive", "zero", "negative", "channels", "position", "negligible", "firing_rate"} - set(layers)
    if lacking:
        raise ParameterError(
            f"by_position adds up a report of BatchNorm biases; what was given lacks {', '.join(sorted(lacking))}."
        )
    if "seed" in layers.dims:
        return xr.concat([by_position(layers.isel(seed=i)) for i in range(layers.sizes["seed"])], dim="seed")
    channels, position = layers.channels.values, layers.position.values
    rows = []
    for name in (*POSITIONS, "all"):
        here = np.ones(len(channels), bool) if name == "all" else position == name
        rows.append(_total(layers.isel(layer=here), channels[here]))
    variables = {name: ("position", np.array([row[name] for row in rows])) for name in rows[0]}
    return xr.Dataset(variables, coords={"position": [*POSITIONS, "all"]}, attrs=layers.attrs)


def _total(layers: xr.Dataset, channels: np.ndarray) -> dict[str, float]:
    """What :func:`by_position` says of some of the layers."""
    total = int(channels.sum())
    if not total:
        names = "positive zero negative negligible firing_rate standard_error overdispersion null_low null_high p_value"
        empty = names.split() + ["null_low_layers", "null_high_layers", "p_value_layers"]
        return {"channels": 0, "layers": 0} | dict.fromkeys(empty, np.nan)
    negative, positive = (np.rint(layers[sign].values * channels).astype(int) for sign in ("negative", "positive"))
    one = coin_by_channel(int(negative.sum()), int(positive.sum()))
    many = coin_by_layer(negative, positive)
    fires = np.isfinite(layers.firing_rate.values)
    rate = np.average(layers.firing_rate.values[fires], weights=channels[fires]) if fires.any() else np.nan
    return {
        "channels": total,
        "layers": len(channels),
        "positive": positive.sum() / total,
        "zero": (total - positive.sum() - negative.sum()) / total,
        "negative": negative.sum() / total,
        "negligible": float(np.sum(layers.negligible.values * channels)) / total,
        "firing_rate": float(rate),
        "standard_error": standard_error(negative, channels),
        "overdispersion": overdispersion(negative, channels),
        "null_low": one.low / total,
        "null_high": one.high / total,
        "p_value": one.p_value,
        "null_low_layers": many.low / total,
        "null_high_layers": many.high / total,
        "p_value_layers": many.p_value,
    }
