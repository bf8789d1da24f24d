"""Numbers as a reader wants them: as many digits as are known, and no more."""

from __future__ import annotations

import math
from typing import Any

_MOST_DIGITS = 7
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def measured(value: float, uncertainty: float) -> str:
    """A value and its standard uncertainty, both to the uncertainty's first digit (first two if it begins with 1).

    ``measured(1.44653, 0.0002)`` is ``"1.4465 ± 0.0002"``, ``measured(6.28e-4, 3e-6)`` is
    ``"(6.28 ± 0.03)·10⁻⁴"``. A value has at most seven digits, and its uncertainty then reads as one of the last of
    them. Without a positive finite uncertainty the value is given to six digits.
    """
    if not math.isfinite(value):
        return "not measured" if math.isnan(value) else plain(value)
    if not (math.isfinite(uncertainty) and uncertainty > 0):
        return plain(value)
    place = _last_place(uncertainty)
    first = math.floor(math.log10(abs(value))) if value else place
    place = max(place, first - _MOST_DIGITS + 1)  # nobody reads more; the exact pair is in the JSON
    top = max(first, place, math.floor(math.log10(uncertainty)))
    if -3 <= top < 5 and place <= 0:
        return f"{value:.{-place}f} ± {_ceiled(uncertainty, place):.{-place}f}".replace("-", "−")
    scale, digits = 10.0**top, max(top - place, 0)
    pair = f"{value / scale:.{digits}f} ± {_ceiled(uncertainty, place) / scale:.{digits}f}"
    return f"({pair})·10{str(top).translate(_SUPERSCRIPTS)}".replace("-", "−")


def plain(value: Any) -> str:
    """A number to six digits, powers of ten spelt out; other values as their text."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or not math.isfinite(value):
        return str(value).replace("-", "−").replace("inf", "∞").replace("nan", "not a number")
    text = f"{value:.6g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
        text = power if mantissa == "1" else f"{mantissa}·{power}"
    return text.replace("-", "−")


def _last_place(uncertainty: float) -> int:
    """Power of ten of the last digit worth writing."""
    exponent = math.floor(math.log10(uncertainty))
    leading = uncertainty / 10.0**exponent
    if leading >= 9.5:  # rounds up to the next power of ten
        return exponent + 1
    return exponent - 1 if 1.05 <= leading < 1.95 else exponent


def _ceiled(uncertainty: float, place: int) -> float:
    """The uncertainty, or one unit of the last place where it is smaller: it must not read as zero."""
    return max(uncertainty, 10.0**place)


def published(value: float) -> str:
    """A number as the paper prints it: all of the digits that were typed."""
    value = float(value)
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value)).replace("-", "−")
    if 1e-3 <= abs(value) < 1e6 or not math.isfinite(value):
        return repr(value).replace("-", "−")
    exponent = math.floor(math.log10(abs(value)))
    digits = f"{float(f'{value:.15e}'.split('e')[0]):.12g}"
    return f"{digits}·10{str(exponent).translate(_SUPERSCRIPTS)}".replace("-", "−")
