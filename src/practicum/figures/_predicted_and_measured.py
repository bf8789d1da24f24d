"""Theory over measurement: what a formula predicts as a line, what students did as points with error bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from practicum.errors import ParameterError
from practicum.figures._compared import compared
from practicum.figures._labelled import named, need
from practicum.figures.style import ALPHA, EPSILON, drawn

if TYPE_CHECKING:
    import xarray as xr

_NAME = "predicted_and_measured"
_ALONG = {"epsilon": EPSILON, "alpha": ALPHA, "epoch": "epoch", "kept": "what stays"}
_CENTRES = ("median", "mean")


@drawn
def predicted_and_measured(
    data: xr.Dataset,
    *,
    centre: str = "median",
    log: bool | None = None,
    log_x: bool | None = None,
    label: str = "error",
    share_y: bool = True,
) -> Figure:
    """Predictions as lines, measurements as points with error bars, over epsilon, alpha, epochs or what is kept.

    Main arguments:
        data: ``predicted`` (epsilon) and ``measured`` (epsilon, seed), where ``alpha``, ``epoch`` or ``kept`` may stand
            for ``epsilon``, and that coordinate. ``predicted`` may have ``theory``, at most 5, the names of several
            predictions. Both may have ``setting``, ``regime``, ``selector`` or ``multiple``, the names of lines and
            points, and ``panel`` (titled by its coordinate), ``law`` or ``layer``, of at most 6; without them
            ``predicted`` is the same for all. ``measured`` may lack ``seed``. NaN where nothing is predicted or
            measured.

    Other arguments:
        centre: "median", with error bars from the 10 % to the 90 % quantile over seeds, or "mean", with error bars of
            one standard error of it.
        log: a logarithmic vertical axis, with a place for zeros; if not given, for values that span two decades.
        log_x: the same for the horizontal axis; if not given, where its points are spaced by factors.
        label: of the vertical axis.
        share_y: one vertical axis for all panels; if False, each shows the range of its own values.
        The attribute ``label`` of the coordinate ``kept`` names the horizontal axis.

    Of very many points some are drawn, other ones for each setting. Where a logarithmic axis ends, error bars do too.

    Raises:
        ParameterError: a variable or dimension is missing, there are too many panels or theories, or `centre` is
            unknown.
    """
    if centre not in _CENTRES:
        known = " or ".join(map(repr, _CENTRES))
        raise ParameterError(f"The 'centre' parameter of {_NAME} must be {known}. Got {centre!r:.60} instead.")
    along = _along(data)
    if "predicted" not in getattr(data, "variables", ("predicted",)):
        need(_NAME, data, "predicted", along)
    x_label = named(data, along, _ALONG[along]) if along == "kept" else _ALONG[along]
    return compared(
        _NAME, data, "measured", along,
        label=label, x_label=x_label, centre=centre, log=log, log_x=log_x, share_y=share_y,
    )  # fmt: skip


def _along(data: xr.Dataset) -> str:
    """The dimension of the horizontal axis, of whichever variable is there."""
    dims = [
        dim for name in ("measured", "predicted") if name in getattr(data, "variables", ()) for dim in data[name].dims
    ]
    return next((dim for dim in _ALONG if dim in dims), "epsilon")
