"""Figures: one function a figure, each a matplotlib figure of one labelled array.

A function takes an :class:`xarray.Dataset`, says in its docstring which variables it needs, and returns a
:class:`matplotlib.figure.Figure` that belongs to nobody else: no pyplot, no global settings. Colours can be told
apart by the colour-blind and go with line styles and markers that survive a grey printer. :func:`save` writes a
figure to a file, :func:`svg` to text, and :func:`race` an animation; the same data give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "adversarial_examples": "_adversarial_examples",
    "batchnorm_biases": "_batchnorm_biases",
    "correlation_map": "_correlation_map",
    "data_strategies": "_samples",
    "escape": "_escape",
    "hyperplanes": "_hyperplanes",
    "inside_outside": "_inside_outside",
    "kernels": "_kernels",
    "l_shape": "_l_shape",
    "learning_curves": "_learning_curves",
    "optima": "_optima",
    "over_realization": "_over_realization",
    "overlaps": "_overlaps",
    "predicted_and_measured": "_predicted_and_measured",
    "pruning_curves": "_pruning_curves",
    "pruning_region": "_pruning_region",
    "race": "_race",
    "robustness_curves": "_robustness_curves",
    "robustness_scatter": "_robustness_scatter",
    "rule_map": "_rule_map",
    "sample_threshold": "_samples",
    "save": "style",
    "success": "_success",
    "survivors": "_survivors",
    "svg": "style",
    "theory_and_simulation": "_theory_and_simulation",
    "training_curves": "_training_curves",
    "winner_ranks": "_winner_ranks",
}

__all__ = [
    "adversarial_examples",
    "batchnorm_biases",
    "correlation_map",
    "data_strategies",
    "escape",
    "hyperplanes",
    "inside_outside",
    "kernels",
    "l_shape",
    "learning_curves",
    "optima",
    "over_realization",
    "overlaps",
    "predicted_and_measured",
    "pruning_curves",
    "pruning_region",
    "race",
    "robustness_curves",
    "robustness_scatter",
    "rule_map",
    "sample_threshold",
    "save",
    "success",
    "survivors",
    "svg",
    "theory_and_simulation",
    "training_curves",
    "winner_ranks",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.figures' has no attribute '{name}'")
    return getattr(import_module(f"practicum.figures.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.figures._adversarial_examples import adversarial_examples as adversarial_examples
    from practicum.figures._batchnorm_biases import batchnorm_biases as batchnorm_biases
    from practicum.figures._correlation_map import correlation_map as correlation_map
    from practicum.figures._escape import escape as escape
    from practicum.figures._hyperplanes import hyperplanes as hyperplanes
    from practicum.figures._inside_outside import inside_outside as inside_outside
    from practicum.figures._kernels import kernels as kernels
    from practicum.figures._l_shape import l_shape as l_shape
    from practicum.figures._learning_curves import learning_curves as learning_curves
    from practicum.figures._optima import optima as optima
    from practicum.figures._over_realization import over_realization as over_realization
    from practicum.figures._overlaps import overlaps as overlaps
    from practicum.figures._predicted_and_measured import predicted_and_measured as predicted_and_measured
    from practicum.figures._pruning_curves import pruning_curves as pruning_curves
    from practicum.figures._pruning_region import pruning_region as pruning_region
    from practicum.figures._race import race as race
    from practicum.figures._robustness_curves import robustness_curves as robustness_curves
    from practicum.figures._robustness_scatter import robustness_scatter as robustness_scatter
    from practicum.figures._rule_map import rule_map as rule_map
    from practicum.figures._samples import data_strategies as data_strategies
    from practicum.figures._samples import sample_threshold as sample_threshold
    from practicum.figures._success import success as success
    from practicum.figures._survivors import survivors as survivors
    from practicum.figures._theory_and_simulation import theory_and_simulation as theory_and_simulation
    from practicum.figures._training_curves import training_curves as training_curves
    from practicum.figures._winner_ranks import winner_ranks as winner_ranks
    from practicum.figures.style import save as save
    from practicum.figures.style import svg as svg
