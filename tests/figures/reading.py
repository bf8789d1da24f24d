"""Reading a figure back: its lines by label, its words, its points."""

import numpy as np


def lines(axes, *, hidden=False):
    """Lines of a panel by label; helpers of the figure have labels with a leading underscore."""
    found = [line for line in axes.lines if line.get_label().startswith("_") == hidden]
    return {line.get_label(): line for line in found}


def words(axes):
    return [text.get_text() for text in axes.texts]


def same(line, x, y):
    return np.array_equal(line.get_xdata(), x) and np.array_equal(line.get_ydata(), y, equal_nan=True)


def labelled(artists, label):
    """All lines, collections or patches of a panel with a label, in the order in which they were drawn."""
    return [artist for artist in artists if artist.get_label() == label]


def legend(owner):
    """The names in the legend of a panel, or in those of a figure and its parts."""
    if hasattr(owner, "get_legend"):
        found = [owner.get_legend()]
    else:
        found = [*owner.legends, *(legend for part in owner.subfigs for legend in part.legends)]
    return [text.get_text() for legend in found for text in legend.get_texts()]


def titles(figure, place="left"):
    return [
        axes.get_title(loc=place) for axes in figure.axes if axes.get_label() != "<colorbar>" and axes.get_visible()
    ]


def corners(band):
    """The lower and the upper edge of a band, by x."""
    found = {}
    for x, y in band.get_paths()[0].vertices:
        low, high = found.get(x, (np.inf, -np.inf))
        found[x] = (min(low, y), max(high, y))
    return np.array([found[x] for x in sorted(found)]).T


def quantile(values, share):
    """By hand: linear between the order statistics, over the last axis."""
    ordered = np.sort(values, axis=-1)
    place = share * (ordered.shape[-1] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[-1] - 1)
    return ordered[..., low] + (place - low) * (ordered[..., high] - ordered[..., low])
