"""Low-rank inputs: exact theory of what lies outside the data.

Inputs ``x = U z`` fill a subspace of dimension r; what a network does elsewhere is not taught. Weights split into a
part inside and a part outside (:func:`blocks_from_weights`), and everything here is a function of both: what training
cannot change (:func:`outside_factor`), the error that perturbations outside cause (:func:`noise_error`,
:func:`first_order_error`, :func:`universal_error`, :func:`perceptron_error`, :func:`linear_error`), and its course
while the student learns (:func:`solve_blocks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "Blocks": "blocks",
    "Conservation": "conserved",
    "bivariate_normal": "normal",
    "blocks_from_weights": "blocks",
    "conservation": "conserved",
    "first_order_error": "gradients",
    "largest_change": "linear",
    "linear_error": "linear",
    "linearised_bounds": "gradients",
    "noise_error": "noise",
    "outside_factor": "conserved",
    "outside_gradient": "gradients",
    "perceptron_error": "perceptrons",
    "solve_blocks": "flow",
    "universal_direction": "universal",
    "universal_error": "universal",
}

__all__ = [
    "Blocks",
    "Conservation",
    "bivariate_normal",
    "blocks_from_weights",
    "conservation",
    "first_order_error",
    "largest_change",
    "linear_error",
    "linearised_bounds",
    "noise_error",
    "outside_factor",
    "outside_gradient",
    "perceptron_error",
    "solve_blocks",
    "universal_direction",
    "universal_error",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.subspace' has no attribute '{name}'")
    return getattr(import_module(f"practicum.theory.subspace.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.theory.subspace.blocks import Blocks as Blocks
    from practicum.theory.subspace.blocks import blocks_from_weights as blocks_from_weights
    from practicum.theory.subspace.conserved import Conservation as Conservation
    from practicum.theory.subspace.conserved import conservation as conservation
    from practicum.theory.subspace.conserved import outside_factor as outside_factor
    from practicum.theory.subspace.flow import solve_blocks as solve_blocks
    from practicum.theory.subspace.gradients import first_order_error as first_order_error
    from practicum.theory.subspace.gradients import linearised_bounds as linearised_bounds
    from practicum.theory.subspace.gradients import outside_gradient as outside_gradient
    from practicum.theory.subspace.linear import largest_change as largest_change
    from practicum.theory.subspace.linear import linear_error as linear_error
    from practicum.theory.subspace.noise import noise_error as noise_error
    from practicum.theory.subspace.normal import bivariate_normal as bivariate_normal
    from practicum.theory.subspace.perceptrons import perceptron_error as perceptron_error
    from practicum.theory.subspace.universal import universal_direction as universal_direction
    from practicum.theory.subspace.universal import universal_error as universal_error
