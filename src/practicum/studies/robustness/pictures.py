"""The figures of the study: labelled arrays in the form that :mod:`practicum.figures` draws."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from practicum import figures
from practicum.studies.claims import Picture
from practicum.studies.robustness.looks import HEADLINE
from practicum.studies.robustness.measurements import Found
from practicum.studies.robustness.relation_verdicts import LAWS, headline, relation

_LABELS = {
    "mse": "oracle squared error",
    "cross-entropy": "oracle error where the teacher is sure",
}
_EXAMPLES = 4


def draw(found: Found) -> list[Picture]:
    """What there is to draw, in the order of the claims."""
    return [
        _sides(found),
        _first_order(found),
        _course(found),
        *_scatters(found),
        *_curves(found),
        *_examples(found),
    ]


def _sides(found: Found) -> Picture:
    runs = [run[["inside", "outside"]] for run in found.outside.values()]
    data = xr.concat(runs, xr.Variable("setting", list(found.outside)))
    return Picture(
        "inside-outside",
        "Mean best correlation of the teacher nodes with students over the training, on inputs of the data subspace "
        "(solid) and of its complement (dashed). The teacher sees both; the data show one, noise on them shows all.",
        figures.inside_outside,
        data,
        ("a.inside", "b.outside", "b.untaught", "b.taught"),
    )


def _first_order(found: Found) -> Picture:
    names = list(found.inside)
    parts = [
        xr.Dataset(
            {
                "measured": run.oracle_squared_error.sel(way="outside", drop=True),
                "predicted": run.first_order.mean("seed"),
            }
        )
        for run in found.inside.values()
    ]
    data = xr.concat(parts, xr.Variable("setting", names))
    return Picture(
        "predicted-and-measured",
        "Squared error that an attack outside the data subspace finds, over its radius: points; ε²/2 times the mean "
        "squared gradient outside, from the overlaps: lines.",
        partial(figures.predicted_and_measured, label="oracle squared error"),
        data.isel(epsilon=slice(1, None)),
        ("c.first-order", "f.regression.small-start"),
    )


def _course(found: Found) -> Picture:
    run = found.course
    theory = [run[name].mean("seed") for name in ("lower", "upper")]
    data = xr.Dataset(
        {
            "measured": run.measured,
            "predicted": xr.concat(theory, xr.Variable("theory", ["lower bound", "upper bound"])),
        }
    )
    return Picture(
        "course",
        "The robust error outside the subspace while erf students learn on line: an attack on the networks (points), "
        "and the two bounds by the flow of the order parameters (lines), which meet where the student is perfect.",
        partial(figures.predicted_and_measured, label="oracle squared error", centre="mean", log=True),
        data,
        ("c.course",),
    )


def _problems(found: Found) -> list[tuple[str, xr.Dataset]]:
    return [("regression", found.regression), ("classification", found.classification), *found.images.items()]


def _scatters(found: Found) -> list[Picture]:
    drawn = []
    for name, data in _problems(found):
        problem = found.problems[name]
        letter = "d" if name in ("regression", "classification") else "g"
        for layer in data.layer.values:
            chosen = data[["specialization"]].sel(layer=layer, drop=True)
            chosen["robust_error"] = headline(data, problem)
            for kind in ("pearson", "spearman"):
                found_ = [relation(data, problem, law, int(layer), kind, found.settings.resamples) for law in LAWS]
                for suffix, values in (("", "value"), ("_low", "low"), ("_high", "high")):
                    chosen[f"{kind}{suffix}"] = ("law", np.array([getattr(one, values) for one in found_]))
            chosen["pearson"].attrs["label"] = "Pearson (log)"
            many = data.sizes["layer"] > 1
            drawn.append(
                Picture(
                    f"specialization-{name}" + (f"-{layer}" if many else ""),
                    f"Robust error over specialization on three input laws, a point a student ({name}"
                    + (f", layer {layer})." if many else ")."),
                    partial(figures.robustness_scatter, label=_LABELS[problem.loss], share_x=False),
                    chosen,
                    tuple(f"{letter}.{name}.{law}" + (f".{layer}" if many else "") for law in LAWS),
                )
            )
    return drawn


def _curves(found: Found) -> list[Picture]:
    drawn = []
    for name, data in _problems(found):
        problem = found.problems[name]
        values = data[HEADLINE[problem.loss]].rename(regime="setting").rename("robust_error")
        drawn.append(
            Picture(
                f"curves-{name}",
                f"The robust error over the radius of the perturbation, by training ({name}).",
                partial(figures.robustness_curves, log=problem.loss == "mse", label=_LABELS[problem.loss]),
                values.drop_attrs().to_dataset(),
                tuple(f"e.{name}.{kind}" for kind in ("noise", "adversarial")),
            )
        )
    return drawn


def _examples(found: Found) -> list[Picture]:
    drawn = []
    for name, data in found.images.items():
        if "input" not in data:
            continue
        wanted = [str(variable) for variable in data.data_vars if "example" in data[variable].dims]
        fooled = np.flatnonzero(data.student_after.values != data.teacher_after.values)[:_EXAMPLES]
        if not fooled.size:
            continue
        shown = data[wanted].isel(example=fooled)
        texts = {key: shown[key].astype(str) for key in wanted if key.startswith(("teacher_", "student_"))}
        drawn.append(
            Picture(
                f"examples-{name}",
                f"Images on which the standard student is fooled while the teacher is sure ({name}): the perturbation "
                f"split into its part along the first {found.problems[name].rank} principal components of the images "
                "and the rest.",
                figures.adversarial_examples,
                shown.assign(texts),
                (f"g.{name}.adversarial.1",),
            )
        )
    return drawn
