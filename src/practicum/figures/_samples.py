"""How many training samples it takes: the threshold of deep students, and data made where teachers look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from practicum.errors import ParameterError
from practicum.figures._axes import error_axis, few_log_ticks, geometric, log_ticks, share_axis
from practicum.figures._labelled import need, positive, texts
from practicum.figures._labels import label_ends
from practicum.figures._panels import grid
from practicum.figures._seeds import draw, explained, last_point, summary, times, with_seeds
from practicum.figures.style import drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_MOST = 6
_MEASURES = {"mean_best_correlation": "mean best correlation", "coverage": "coverage"}


@drawn
def sample_threshold(data: xr.Dataset, *, measure: str = "mean_best_correlation") -> Figure:
    """The loss over the number of training samples above; below, layer by layer, how much of the teacher is found.

    Main arguments:
        data: ``loss`` (multiple, samples, seed) and ``mean_best_correlation`` (multiple, layer, samples, seed), the
            coordinates ``multiple``, one line each, ``samples`` and ``layer``, at most 6. Both variables may lack
            ``seed``. NaN where a cell was not run.

    Other arguments:
        measure: "mean_best_correlation" or "coverage", which the lower panels show.

    Lines are medians over seeds, bands reach from the 10 % to the 90 % quantile.

    Raises:
        ParameterError: a variable or dimension is missing, there are more than 6 layers, or `measure` is unknown.
    """
    name = "sample_threshold"
    if measure not in _MEASURES:
        known = " or ".join(map(repr, _MEASURES))
        raise ParameterError(f"The 'measure' parameter of {name} must be {known}. Got {measure!r:.60} instead.")
    loss = positive(with_seeds(name, data, "loss", "multiple", "samples"))
    found = with_seeds(name, data, measure, "multiple", "layer", "samples")
    samples = need(name, data, "samples", "samples").values.astype(float)
    layers = _layers(name, data)
    names = times(data)
    looks = styles(len(names))

    figure = sheet(5.2)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.45, 1), squeeze=False)[:, 0]
    above = upper.add_subplot()
    ends, seeds = [], 0
    for i, look in enumerate(looks):
        line = summary(loss[i])
        draw(above, samples, line, look, names[i], markers=True)
        ends.append(last_point(samples, line.median))
        seeds = max(seeds, line.seeds)
    if not np.isfinite(loss).any():
        say(above, "no positive finite loss to draw")
    error_axis(above, "held-out loss")
    panels = list(lower.subplots(1, len(layers), sharex=True, sharey=True, squeeze=False)[0])
    least = min(0.0, float(np.min(found[np.isfinite(found)], initial=0.0)))
    for row, (axes, title) in enumerate(zip(panels, layers)):
        axes.set_title(title)
        for i, look in enumerate(looks):
            draw(axes, samples, summary(found[i, row]), look, f"_{names[i]}", markers=True)
        share_axis(axes, _MEASURES[measure], least)
        axes.label_outer()
    for axes in (above, *panels):
        samples_axis(axes, samples, few=axes is not above and len(panels) > 2)
    handles = explained(seeds)
    if handles:
        upper.legend(handles=handles, loc="outside upper left", ncols=2)
    label_ends(above, ends, names, [look["color"] for look in looks], 2.2)
    return figure


@drawn
def data_strategies(data: xr.Dataset) -> Figure:
    """The mean best correlation over the number of training samples, one line a strategy, one panel a multiple.

    Main arguments:
        data: ``mean_best_correlation`` (multiple, strategy, samples, seed), the coordinates ``strategy``, the names of
            the lines, ``multiple``, at most 6 panels, and ``samples``. The variable may lack ``seed`` and ``multiple``.
            NaN where a strategy has no such number of samples.

    Lines are medians over seeds, bands reach from the 10 % to the 90 % quantile.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 multiples.
    """
    name = "data_strategies"
    found = data.variables.get("mean_best_correlation") if hasattr(data, "data_vars") else None
    alone = found is not None and "multiple" not in found.dims
    if alone:
        data = data.drop_vars("multiple", errors="ignore").expand_dims(multiple=[1])
    found = with_seeds(name, data, "mean_best_correlation", "multiple", "strategy", "samples")
    samples = need(name, data, "samples", "samples").values.astype(float)
    names = texts(need(name, data, "strategy", "strategy"))
    titles = [""] if alone else [f"{text} students" for text in times(data)]
    if len(titles) > _MOST:
        raise ParameterError(
            f"The figure {name} has room for {_MOST} panels. Got {len(titles)}; select with .isel(multiple=[...])."
        )
    looks = styles(len(names))

    columns = 1 if alone else 2 if len(titles) in (2, 4) else 3
    figure = sheet(3.6 if len(titles) == 1 else 0.8 + 2.4 * -(-len(titles) // columns))
    panels = grid(figure, len(titles), columns)
    seeds = 0
    for axes, title, values in zip(panels, titles, found):
        axes.set_title(title)
        for look, strategy, line in zip(looks, names, values):
            drawn_line = summary(line)
            draw(axes, samples, drawn_line, look, strategy, markers=True)
            seeds = max(seeds, drawn_line.seeds)
        if not np.isfinite(values).any():
            say(axes, "no finite correlation")
        share_axis(axes, "mean best correlation", min(0.0, float(np.min(found[np.isfinite(found)], initial=0.0))))
        samples_axis(axes, samples, few=columns > 2)
        axes.label_outer()
    handles = [*panels[0].get_legend_handles_labels()[0], *explained(seeds)]
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=5, columnspacing=1.3, handlelength=2.2)
    return figure


def _layers(figure: str, data: xr.Dataset) -> list[str]:
    count = data.sizes["layer"]
    if count > _MOST:
        raise ParameterError(
            f"The figure {figure} has room for {_MOST} layers. Got {count}; select some with .isel(layer=[...])."
        )
    if "layer" not in data.coords:
        return [f"layer {i + 1}" for i in range(count)]
    numbers = np.issubdtype(data["layer"].dtype, np.number)
    return [f"layer {text}" if numbers else text for text in texts(data["layer"])]


def samples_axis(axes: Axes, samples: np.ndarray, *, few: bool = False) -> None:
    """An axis of numbers of samples, logarithmic if they grow by factors; a short one has room for few numbers."""
    axes.set_xlabel("samples" if few else "training samples")
    if samples.size > 1 and geometric(np.sort(samples)):
        margin = (samples.max() / samples.min()) ** 0.03
        axes.set_xlim(samples.min() / margin, samples.max() * margin)
        axes.set_xscale("log")
        (few_log_ticks if few else log_ticks)(axes.xaxis)
