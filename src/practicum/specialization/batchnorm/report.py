"""The report on the biases of BatchNorms: their signs layer by layer, beside what chance would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.specialization.batchnorm.naming import BEFORE, POSITIONS, UNKNOWN
from practicum.specialization.batchnorm.norms import Norm
from practicum.specialization.batchnorm.opening import Places, opened
from practicum.specialization.batchnorm.signs import LEVEL, coin_by_channel, firing_rate
from practicum.specialization.padding import padded
from practicum.values import nearest

if TYPE_CHECKING:
    import xarray as xr

KEEP = ("beta", "gamma")

NEGLIGIBLE = 1e-6
"""A beta below this share of the median |gamma| of its layer moves no firing rate by as much as 4e-7."""

_FIRES = (BEFORE, UNKNOWN)


def report(
    source: Any,
    *,
    positions: Mapping[str, str] | None = None,
    inputs: Any = None,
    keep: Sequence[str] = (),
    tolerance: float = 0.0,
    key: str | None = None,
) -> xr.Dataset:
    """The signs of beta, the bias of BatchNorm, layer by layer. :func:`by_position` adds the layers up.

    Main arguments:
        source: a file of safetensors or of torch.save (read with ``weights_only=True``), the name of a checkpoint in
            :data:`practicum.data.checkpoints.NAMED`, which is then fetched, an ``nn.Module``, or a state dict.

    Other arguments:
        positions: of layers whose position you know, as patterns of names: ``{"layer?.*.bn2": "before-sum"}``. The
            first pattern that fits counts.
        inputs: of a module whose path depends on its inputs: a tensor, or a tuple of arguments, to run it on once.
        keep: some of "beta" and "gamma", for all channels.
        tolerance: beta counts as zero if |beta| <= tolerance times the median |gamma| of its layer; 0 counts exact
            zeros only. Weight decay leaves dust where beta has no effect, as in linear layers: see `negligible`.
        key: which state dict to take from a file that holds several, as ``"generator"`` or ``"ema/model"``.

    Returns:
        a Dataset over `layer` (names, in the order of the network):

        ========================  =============================================================================
        positive, zero, negative  shares of the channels by the sign of beta; they add up to 1
        negligible                share of channels with |beta| <= 1e-6 times the median |gamma| of the layer
        channels                  their number
        position                  "before-relu", "before-sum", "after-relu", "linear", "before-other" or "unknown"
        evidence                  of it: "given", "traced", "metadata", "running mean", "names", "custom" or ""
        firing_rate               mean of Phi(beta / |gamma|) over the channels: how often the ReLU that follows is
                                  expected to fire. NaN where none follows directly; where the position is unknown, it
                                  holds if one does
        null_low, null_high       95 % interval of `negative` if every sign were that of a fair coin
        p_value                   of that null model, two-sided
        beta, gamma               over `layer` and `channel`, filled up with NaN; only if kept
        ========================  =============================================================================

        Networks with a leading seed axis (MLP, Ensemble) give all but the names, channels and positions over `seed`
        first.

    The firing rate is exact if what BatchNorm normalises is Gaussian over the data, with the running mean and variance;
    sums of many weakly dependent terms are nearly so, low layers of narrow networks are not. The null model takes
    channels for independent, which they are not: :mod:`practicum.specialization.batchnorm.signs` says what that does,
    and :func:`by_position` has a null model without that assumption.

    Raises:
        ParameterError: no BatchNorm, values that are not finite, an unknown name, position or key, a pattern that fits
            no layer, or a package that is not installed.
        StorageError: a file that is missing, damaged, of another kind or with pickled objects, or cannot be fetched.

    Source: claim on BatchNorm biases in Tian et al., arXiv:1905.13405, where they are taken as a sign that
    nodes are rarely active together. Zeros are counted as negative there; here they are not.
    """
    for name in [keep] if isinstance(keep, str) else keep:
        if name not in KEEP:
            raise ParameterError(
                f"The 'keep' parameter of report must be a list of some of {', '.join(map(repr, KEEP))}. Got "
                f"{name!r:.60} instead."
            )
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 <= tolerance < np.inf:
        raise ParameterError(
            f"The 'tolerance' parameter of report must be a number >= 0. Got {tolerance!r:.60} instead."
        )
    origin, found, places = opened(source, inputs, key)
    places |= _given(positions or {}, [norm.name for norm in found])
    return _dataset(origin, found, places, {keep} if isinstance(keep, str) else set(keep), float(tolerance))


def _given(positions: Mapping[str, str], names: list[str]) -> Places:
    result: Places = {}
    if not isinstance(positions, Mapping):
        raise ParameterError(
            "The 'positions' parameter of report must be a dict from patterns of names to positions. Got "
            f"{positions!r:.60} instead."
        )
    for pattern, position in positions.items():
        if position not in POSITIONS:
            raise ParameterError(
                f"A position of a BatchNorm must be one of {', '.join(map(repr, POSITIONS))}. Got {position!r:.60} for "
                f"{pattern!r:.60} instead.{nearest(str(position), list(POSITIONS))}"
            )
        fitting = [name for name in names if fnmatchcase(name, pattern)]
        if not fitting:
            raise ParameterError(
                f"The pattern {pattern!r:.60} of the 'positions' fits no BatchNorm; they are called {', '.join(names)}."
            )
        for name in fitting:
            result.setdefault(name, (position, "given"))
    return result


def _dataset(origin: str, found: list[Norm], places: Places, keep: set[str], tolerance: float) -> xr.Dataset:
    import xarray as xr

    rows = [_row(norm, places[norm.name][0], tolerance) for norm in found]
    per_seed = {name: np.array([row[name] for row in rows]).T for name in rows[0]}
    variables: dict[str, Any] = {name: (("seed", "layer"), values) for name, values in per_seed.items()}
    channels = np.array([norm.beta.shape[1] for norm in found])
    for name in (name for name in KEEP if name in keep):
        variables[name] = (("seed", "layer", "channel"), padded([getattr(norm, name) for norm in found]))
    variables["channels"] = ("layer", channels)
    variables["position"] = ("layer", np.array([places[norm.name][0] for norm in found]))
    variables["evidence"] = ("layer", np.array([places[norm.name][1] for norm in found]))
    dataset = xr.Dataset(
        variables,
        coords={"layer": [norm.name for norm in found]},
        attrs={
            "kind": "batchnorm",
            "source": origin,
            "tolerance": tolerance,
            "level": LEVEL,
            "cite": "tian2019luck",
        },
    )
    return dataset if len(found[0].beta) > 1 else dataset.isel(seed=0)


def _row(norm: Norm, position: str, tolerance: float) -> dict[str, list[float]]:
    """The shares of one layer, one number a seed."""
    result: dict[str, list[float]] = {}
    for gamma, beta in zip(norm.gamma, norm.beta):
        scale = float(np.median(np.abs(gamma)))
        zero = np.abs(beta) <= tolerance * scale
        negative, positive = int(np.sum((beta < 0) & ~zero)), int(np.sum((beta > 0) & ~zero))
        null = coin_by_channel(negative, positive)
        count = beta.size
        values = {
            "positive": positive / count,
            "zero": int(zero.sum()) / count,
            "negative": negative / count,
            "negligible": float(np.mean(np.abs(beta) <= NEGLIGIBLE * scale)),
            "firing_rate": float(np.mean(firing_rate(gamma, beta))) if position in _FIRES else np.nan,
            "null_low": null.low / count,
            "null_high": null.high / count,
            "p_value": null.p_value,
        }
        for name, value in values.items():
            result.setdefault(name, []).append(value)
    return result
