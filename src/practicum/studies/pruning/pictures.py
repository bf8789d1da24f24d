"""The figures of the study: labelled arrays in the form that :mod:`practicum.figures` draws."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from practicum import figures
from practicum.studies.claims import Picture
from practicum.studies.pruning.measurements import Found
from practicum.studies.pruning.settings import Committee

_NOTHING = 1e-12


def draw(found: Found) -> list[Picture]:
    """What there is to draw, in the order of the claims."""
    return [*_committees(found), *_regions(found), _kernel(found), _survivors(found), *_images(found)]


def _committees(found: Found) -> list[Picture]:
    drawn = []
    for setting, data in zip(found.settings.committees, found.committees):
        names = [name.replace("_", " ") for name in data.selector.values]
        shown = data.rename(selector="setting").assign_coords(setting=names)
        plain = xr.Dataset({"error": shown.measured, "predicted": shown.predicted.mean("seed")})
        drawn.append(
            Picture(
                f"selectors-{_key(setting)}",
                f"Generalization error of pruned students over the nodes that stay, or as many parameters: pruned "
                f"weights (points) and theory from the order parameters (lines). {_words(setting)}.",
                partial(figures.pruning_curves, label="generalization error", log=True),
                plain.assign_coords(
                    kept=("kept", data.kept.values, {"label": "k: nodes that stay, or as many parameters"})
                ),
                (
                    f"g.{_key(setting)}",
                    *(("a.random", "c.pruned") if not setting.noise and setting.teachers == 2 else ()),
                ),
            )
        )
    return drawn


def _key(setting: Committee) -> str:
    return f"{setting.teachers}.{setting.students}" + (".noise" if setting.noise else "")


def _words(setting: Committee) -> str:
    noise = f", σ = {setting.noise:g}" if setting.noise else ""
    return f"N = {setting.dimension}, M = {setting.teachers}, K = {setting.students}{noise}"


def _regions(found: Found) -> list[Picture]:
    if not found.regions:
        return []
    parts = []
    for data in found.regions.values():
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(data.edge_error) - np.log(data.node_error)
        ratio = ratio.where(np.maximum(data.edge_error, data.node_error) > _NOTHING)  # at k = K both are rounding
        parts.append(ratio.rename("log_ratio").to_dataset().drop_attrs())
    joined: Any = xr.concat(parts, xr.Variable("teachers", list(found.regions)), join="outer")
    return [
        Picture(
            "region",
            "Where random edges beat DPP nodes at equal parameters, over the number of copies; perfect copies.",
            partial(figures.pruning_region, names=("random edges", "DPP nodes")),
            joined,
            tuple(f"b.M{M}.Z{Z}" for M in found.regions for Z in (3, 4)),
        )
    ]


def _kernel(found: Found) -> Picture:
    data = found.committees[0]
    order = np.argsort(data.serves.values, kind="stable")
    overlap, serves = data.overlap.values[np.ix_(order, order)], data.serves.values[order]
    kept = data.chosen.sel(nodes="dpp_node").values[order].astype(bool)
    shown = xr.Dataset(
        {"kernel": (("node", "node_"), overlap), "kept_kernel": (("kept", "kept_"), overlap[np.ix_(kept, kept)])},
        {"teacher": ("node", serves), "kept_teacher": ("kept", serves[kept])},
    )
    return Picture(
        "kernels",
        "Correlations of the student nodes of one seed, and of half of them, chosen by a DPP.",
        figures.kernels,
        shown,
        ("a.random", "e.trained"),
    )


def _survivors(found: Found) -> Picture:
    data = found.committees[-1] if len(found.committees) > 2 else found.committees[0]
    names = [name.replace("_", " ") + "s" for name in data.nodes.values]
    shown = xr.Dataset(
        {
            "serves": ("student", data.serves.values),
            "alignment": ("student", data.alignment.values),
            "kept": (("setting", "student"), data.chosen.values.astype(bool)),
        },
        {"setting": names},
    )
    return Picture(
        "survivors",
        "Which teacher node each student of one seed serves, and which half of them survives each selector.",
        figures.survivors,
        shown,
        ("a.random", "a.importance"),
    )


def _images(found: Found) -> list[Picture]:
    drawn = []
    for name, data in found.images.items():
        shown = data.error.rename(selector="setting", reweighted="panel", fraction="kept").to_dataset()
        shown = shown.drop_attrs().assign_coords(
            panel=["as pruned", "reweighted"],
            kept=("kept", data.fraction.values, {"label": "share of the first layer that stays"}),
        )
        shown["unpruned"] = ("panel", np.full(2, float(data.unpruned)))
        key = name.replace(", ", ".")
        drawn.append(
            Picture(
                f"images-{key.replace('.', '-')}",
                f"Test error over the share of the first layer that stays, before and after reweighting ({name}).",
                partial(figures.pruning_curves, label="test error", percent=True),
                shown,
                tuple(f"d.{key}.{other}" for other in ("random-edge", "DPP-node", "magnitude-edge", "reweighted")),
            )
        )
    return drawn
