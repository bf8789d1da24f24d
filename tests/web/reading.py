"""Reading curves out of the page's SVG: vertices in pixels, and where a value belongs by the axes people see."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

VERTEX = re.compile(r"[ML]([-\d.]+),([-\d.]+)")


def vertices(page: Any, name: str, within: str = ".curves") -> np.ndarray:
    """The points (vertex, 2) of the curve `name`, in pixels of its svg."""
    path = page.locator(f'{within} [data-curve="{name}"]').get_attribute("d")
    return np.array([[float(x), float(y)] for x, y in VERTEX.findall(path)])


def names(page: Any) -> list[str]:
    """The names of all curves of theory, in the order of the page."""
    return page.locator(".curves [data-curve]").evaluate_all("(paths) => paths.map((path) => path.dataset.curve)")


def axis(page: Any, name: str, axis: str) -> tuple[str, list[float], list[float]]:
    """Scale ("linear" or "log"), domain and range of an axis ("x" or "y") of the chart that has the curve `name`."""
    svg = page.locator("svg.chart", has=page.locator(f'.curves [data-curve="{name}"]'))
    kind, domain, pixels = (svg.get_attribute(f"data-{axis}-{part}") for part in ("scale", "domain", "range"))
    return kind, [float(each) for each in domain.split()], [float(each) for each in pixels.split()]


def place(values: Any, scale: tuple[str, list[float], list[float]]) -> np.ndarray:
    """Pixels of values on an axis."""
    kind, domain, pixels = scale
    ends = np.log(domain) if kind == "log" else np.array(domain)
    positive = np.where(np.asarray(values) > 0, values, np.nan)  # zero, and rounding below it, have no place
    known = np.log(positive) if kind == "log" else np.asarray(values)
    return pixels[0] + (known - ends[0]) / (ends[1] - ends[0]) * (pixels[1] - pixels[0])


def tick_labels(page: Any, name: str) -> dict[str, list[tuple[float, float]]]:
    """The ticks of the chart that has the curve `name`: for each axis, what is written and at which pixel."""
    svg = page.locator("svg.chart", has=page.locator(f'.curves [data-curve="{name}"]'))
    read = """(svg) => {
      const moved = (element) => element.getAttribute("transform").match(/[-\\d.]+/g).map(Number);
      return [...svg.querySelectorAll(".axis")].map((axis) => [...axis.querySelectorAll(".tick")].map((tick) =>
        [tick.textContent, moved(tick)[0] + moved(axis)[0], moved(tick)[1] + moved(axis)[1]]));
    }"""
    across, up = svg.evaluate(read)
    return {"x": [(_number(text), x) for text, x, _ in across], "y": [(_number(text), y) for text, _, y in up]}


def _number(text: str) -> float:
    raised = re.fullmatch(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    if raised:
        return math.pow(10, int(raised[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))))
    return float(text.replace("−", "-").replace(",", ""))


def distance(true: np.ndarray, drawn: np.ndarray) -> float:
    """The largest distance of a true point (point, 2) from the line through the drawn vertices, in pixels."""
    begin, end = drawn[:-1], drawn[1:]
    along = end - begin
    squared = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip(((true[:, None] - begin) * along).sum(axis=2) / squared, 0, 1)
    nearest = begin + share[..., None] * along
    return float(np.sqrt(((true[:, None] - nearest) ** 2).sum(axis=2)).min(axis=1).max())
