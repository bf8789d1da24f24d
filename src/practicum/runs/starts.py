"""Recipes of a start: a small table that names how to build the overlaps, turned into the overlaps themselves."""

from __future__ import annotations

import math
from typing import Any

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters
from practicum.values import nearest, real

_TEACHER = ("T", "v", "v_star")
RECIPES: dict[str, tuple[str, ...]] = {
    "explicit": ("Q", "R", *_TEACHER),
    "random": ("seed", "norm", "overlap", *_TEACHER),
    "near-symmetric": ("Q", "C", "R", "split", *_TEACHER),
}
"""What each recipe understands besides ``kind``; T, v and v_star replace the recipe's own."""


def start_from(recipe: Any, students: int | None = None, teachers: int | None = None) -> OrderParameters:
    """The explicit start of a recipe.

    Main arguments:
        recipe: a dict. ``kind = "explicit"`` (the default when there is no kind) needs Q and R;
            ``"random"`` and ``"near-symmetric"`` take the arguments of :meth:`OrderParameters.random` and
            :meth:`OrderParameters.near_symmetric`.

    Other arguments:
        students, teachers: K and M, for the recipes that do not say them.

    Raises:
        ParameterError: the recipe or one of its names is unknown, or a value is outside its range.
    """
    if not isinstance(recipe, dict):
        raise ParameterError(f"The start must be OrderParameters or a table of them. Got {recipe!r:.80} instead.")
    values = dict(recipe)
    kind = str(values.pop("kind", "explicit")).replace("_", "-")
    if kind not in RECIPES:
        raise ParameterError(
            f"The 'kind' of a start must be one of {', '.join(RECIPES)}. Got {kind!r} instead."
            f"{nearest(kind, list(RECIPES))}"
        )
    for name in values:
        if name not in RECIPES[kind]:
            raise ParameterError(
                f"A start of kind '{kind}' has no parameter '{name}'; it knows {', '.join(RECIPES[kind])}."
                f"{nearest(name, list(RECIPES[kind]))}"
            )
    if kind == "explicit":
        for name in ("Q", "R"):
            if name not in values:
                raise ParameterError(
                    f"A start of kind 'explicit' needs '{name}', which was not given; "
                    "or use a recipe such as kind = 'random'."
                )
        return OrderParameters(**values)
    if students is None or teachers is None:
        raise ParameterError(
            f"A start of kind '{kind}' needs the numbers of students and teachers; "
            "call OrderParameters.random or .near_symmetric and pass their result."
        )
    teacher = {name: values.pop(name) for name in _TEACHER if name in values}
    build = OrderParameters.random if kind == "random" else OrderParameters.near_symmetric
    if kind == "random":
        values["seed"] = _whole(values.get("seed", 0))
    for name in set(values) - {"seed"}:
        values[name] = _number(kind, name, values[name])
    start = build(students, teachers, **values)
    return OrderParameters(**{**start.to_dict(), **teacher}) if teacher else start


def _whole(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ParameterError(f"The 'seed' of a random start must be a whole number >= 0. Got {seed!r:.80} instead.")
    return seed


def _number(kind: str, name: str, value: Any) -> float:
    if not abs(real(value)) < math.inf:
        raise ParameterError(f"The '{name}' of a {kind} start must be a finite number. Got {value!r:.80} instead.")
    if kind == "random" and value < 0:
        raise ParameterError(f"The '{name}' of a random start must be >= 0. Got {value!r} instead.")
    return float(value)
