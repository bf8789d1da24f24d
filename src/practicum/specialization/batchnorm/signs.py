"""How far a share of negative signs is from chance, and what chance is.

Three null models, because an untrained network, a network without a preference and a network whose channels depend on
each other are three different things:

* *untrained*: every beta is exactly 0. The share of exact zeros is the test; zeros are never counted as negative.
* *fair coin, channel by channel*: every beta that is not 0 is as likely negative as positive, independently. The number
  of negative ones is binomial. Channels of one layer are trained together, so they are not independent: if two of n
  signs agree more often than chance, with correlation c, the variance is 1 + (n - 1) c times the binomial one, and the
  interval is too narrow by the root of that. One layer does not tell c.
* *fair coin, layer by layer*: the signs of a layer may depend on each other in any way, but all of them reversed would
  have been as likely. Reversing whole layers gives 2^L equally likely networks; the difference of negative and positive
  channels of all of them is counted, exactly, not drawn. It assumes only that layers are independent, and L layers can
  give no p-value below 2^(1 - L).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
"""Probability of the intervals of the null models, at least, with at most half of the rest on either side."""


class Null(NamedTuple):
    """What chance gives: bounds on the number of negative signs, and the two-sided p-value of the number found."""

    low: int
    high: int
    p_value: float


def coin_by_channel(negative: int, positive: int) -> Null:
    """Independent fair signs of the negative + positive channels that have one.

    The p-value is twice the smaller tail, at most 1; below 1e-308 it underflows, to 0 in the end.
    """
    from scipy.special import bdtr

    count = negative + positive
    if not count:
        return Null(0, 0, 1.0)
    below = bdtr(np.arange(count + 1), count, 0.5)
    low = int(np.searchsorted(below, (1 - LEVEL) / 2))
    return Null(low, count - low, float(min(1.0, 2 * below[min(negative, positive)])))


def coin_by_layer(negative: np.ndarray, positive: np.ndarray) -> Null:
    """Fair reversals of whole layers: `negative` and `positive` are whole numbers, one a layer.

    Source: the exact randomization test of R. A. Fisher, with the layer as its unit.
    """
    steps = np.abs(negative - positive).astype(int)
    total, reach = int(np.sum(negative + positive)), int(steps.sum())
    # probability[reach + s] is that of a difference s of negative and positive channels.
    probability = np.zeros(2 * reach + 1)
    probability[reach] = 1.0
    for step in steps[steps > 0]:
        spread = np.zeros_like(probability)
        spread[step:] += 0.5 * probability[: len(probability) - step]
        spread[: len(probability) - step] += 0.5 * probability[step:]
        probability = spread
    below = np.cumsum(probability)
    # Sums of halves and quarters are exact; only very many layers round, upwards of their 53rd digit.
    smallest = int(np.searchsorted(below, (1 - LEVEL) / 2)) - reach
    found = abs(int(np.sum(negative - positive)))
    tail = float(probability[: reach - found + 1].sum())
    p_value = 1.0 if found == 0 else min(1.0, 2 * tail)
    return Null((total + smallest) // 2, (total - smallest) // 2, p_value)


def standard_error(negative: np.ndarray, channels: np.ndarray) -> float:
    """Of the share sum(negative) / sum(channels), with layers as clusters; NaN for a single layer.

    sqrt(L / (L - 1) sum_l (negative_l - share channels_l)^2) / sum(channels), the linearized variance of a ratio: valid
    whatever the dependence within layers, if layers are independent and not few.

    Source: Cochran, Sampling Techniques, 3rd ed., chapter 9A (clusters of unequal sizes).
    """
    layers, total = len(channels), channels.sum()
    if layers < 2:
        return math.nan
    rest = negative - channels * (negative.sum() / total)
    return float(math.sqrt(layers / (layers - 1) * np.sum(rest**2)) / total)


def overdispersion(negative: np.ndarray, channels: np.ndarray) -> float:
    """How much more the shares of layers differ than shares of independent channels of one probability would.

    Pearson's chi-square over its L - 1 degrees of freedom: 1 in the mean for independent channels. NaN for a single
    layer, and where all channels have the same sign.
    """
    share = negative.sum() / channels.sum()
    if len(channels) < 2 or share in (0, 1):
        return math.nan
    chi = np.sum((negative - channels * share) ** 2 / (channels * share * (1 - share)))
    return float(chi / (len(channels) - 1))


def firing_rate(gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Phi(beta / |gamma|), the probability that gamma z + beta > 0 for z ~ N(0, 1); elementwise.

    For gamma = 0 nothing is left but beta: 1 if it is positive, otherwise 0.
    """
    from scipy.special import ndtr

    size = np.abs(gamma)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rate = ndtr(beta / size)
    return np.where(size > 0, rate, (beta > 0).astype(np.float64))
