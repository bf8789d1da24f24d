"""What a figure asks of a dataset, and the sentence that a user reads when it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from practicum.errors import ParameterError

if TYPE_CHECKING:
    import xarray as xr


def need(figure: str, data: xr.Dataset, name: str, *dims: str) -> xr.DataArray:
    """The variable or coordinate `name` of `data`, its dimensions in the order `dims`.

    Raises:
        ParameterError: it is missing, or has other dimensions.
    """
    wanted = f"'{name}' with dimensions ({', '.join(dims)})" if dims else f"'{name}', a single number"
    if not hasattr(data, "data_vars"):
        raise ParameterError(f"The figure {figure} draws an xarray.Dataset. Got {type(data).__name__} instead.")
    if name not in data.variables:
        known = ", ".join(f"{key} ({', '.join(map(str, data[key].dims))})" for key in data.data_vars)
        raise ParameterError(f"The figure {figure} needs {wanted}, but the dataset has {known or 'no variables'}.")
    array = data[name]
    if set(array.dims) != set(dims):
        extra = [str(dim) for dim in array.dims if dim not in dims]
        remedy = f" Select one with .isel({extra[0]}=0), or average over it." if extra else ""
        raise ParameterError(
            f"The figure {figure} needs {wanted}, but there its dimensions are "
            f"({', '.join(map(str, array.dims))}).{remedy}"
        )
    return array.transpose(*dims)


def over_curves(data: xr.Dataset) -> xr.Dataset:
    """The dataset with the dimension ``curve``; one that has none is a single curve, such as a result of solve."""
    if not hasattr(data, "dims") or "curve" in data.dims:
        return data
    name = str(data["curve"].values) if "curve" in data.coords else ""
    one = data.drop_vars("curve", errors="ignore").expand_dims(curve=[name])
    # expand_dims leaves coordinates alone, and a result's status is one.
    scalars = [key for key in ("status", "plateau", "escape_alpha") if key in one.coords and one[key].ndim == 0]
    return one.assign_coords({key: ("curve", [one[key].values[()]]) for key in scalars})


def may(figure: str, data: xr.Dataset, name: str, *dims: str) -> xr.DataArray | None:
    """The same for a variable that may be left out; None if it is."""
    return need(figure, data, name, *dims) if name in data.variables else None


def texts(values: xr.DataArray) -> list[str]:
    """Labels of a coordinate as text: ``"12"`` for 12.0."""
    return [f"{value:g}" if np.issubdtype(values.dtype, np.number) else str(value) for value in values.values]


def named(data: xr.Dataset, name: str, otherwise: str) -> str:
    """The attribute ``label`` of a variable or coordinate, such as names an axis; if it has none, `otherwise`."""
    known = name in getattr(data, "variables", ())
    return str(data[name].attrs.get("label", otherwise)) if known else otherwise


def is_share(data: xr.Dataset, name: str) -> bool:
    """Whether a coordinate holds shares, numbers from 0 to 1; whole numbers are counts, even if all are 1."""
    if name not in getattr(data, "variables", ()) or not np.issubdtype(data[name].dtype, np.floating):
        return False
    values = data[name].values
    return bool(np.nanmin(values, initial=0.0) >= 0 and np.nanmax(values, initial=0.0) <= 1)


def positive(values: np.ndarray) -> np.ndarray:
    """A copy for a logarithmic axis: what is not a positive finite number is NaN, and is not drawn."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def nonnegative(values: np.ndarray) -> np.ndarray:
    """A copy for a logarithmic axis that has a place for zero: what is negative or not finite is NaN."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values) & (values >= 0), values, np.nan)
