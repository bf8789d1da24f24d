"""The error of pruned students over what is left of them, one line a selector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from practicum.figures._compared import compared
from practicum.figures._labelled import is_share, named
from practicum.figures.style import drawn

if TYPE_CHECKING:
    import xarray as xr

_NAME = "pruning_curves"
_SHARE, _COUNT = "share of parameters that stay", "number of parameters that stay"
_PERCENT = "\u00a0\u00a0(%)"
"""Spaces where no line is broken, or the unit might stand alone in one."""


@drawn
def pruning_curves(
    data: xr.Dataset,
    *,
    log: bool | None = None,
    log_x: bool | None = None,
    label: str = "error",
    percent: bool = False,
    share_y: bool = True,
) -> Figure:
    """The error over what a selector kept, one line a selector, one panel a treatment or a data set.

    Main arguments:
        data: ``error`` (setting, seed, kept), the coordinate ``kept``, a share of the parameters of the whole network
            or a whole number of them or of nodes, and the coordinate ``setting``, the names of the selectors. Instead
            of ``setting`` there may be ``selector``, or none of them; it may lack ``seed``, and may have ``panel``
            (titled by its coordinate), ``law`` or ``layer``, of at most 6. NaN where a selector has no number; its line
            goes on to the next.

    Other arguments:
        data may also have: ``predicted`` (setting, kept), which may have the panels too, or ``theory``, as in
            :func:`predicted_and_measured`; it is then drawn as lines, and ``error`` as points with error bars;
            ``unpruned``, a number or over the panels or seeds, the error before pruning, as a horizontal line.
        log: a logarithmic vertical axis, with a place for zeros; if not given, for errors that span two decades.
        log_x: the same for the horizontal axis; if not given, for counts that are spaced by factors.
        label: of the vertical axis.
        percent: errors, and ``kept`` if it is a share, in percent.
        share_y: one vertical axis for all panels; if False, each shows the range of its own errors.
        The attribute ``label`` of the coordinate ``kept`` names the horizontal axis.

    Lines are medians over seeds, bands reach from the 10 % to the 90 % quantile. From 12 selectors on the bands would
    cover the lines, and are left out.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    share = is_share(data, "kept")
    x_label = named(data, "kept", _SHARE if share else _COUNT)
    log_x = False if log_x is None and share else log_x
    if percent:
        data = _in_percent(data, ["error", "predicted", "unpruned", *(["kept"] if share else [])])
        label, x_label = f"{label}{_PERCENT}", f"{x_label}{_PERCENT}" if share else x_label
    return compared(
        _NAME, data, "error", "kept",
        label=label, x_label=x_label, log=log, log_x=log_x, share_y=share_y, from_zero=True, level="unpruned",
    )  # fmt: skip


def _in_percent(data: xr.Dataset, names: list[str]) -> xr.Dataset:
    if not hasattr(data, "data_vars"):
        return data  # need() says it better
    known = [name for name in names if name in data.variables]
    return data.assign({name: (data[name].dims, 100 * data[name].values, data[name].attrs) for name in known})
