"""The figures of the study: labelled arrays in the form that :mod:`practicum.figures` draws."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from practicum import figures
from practicum.specialization.seeds import success
from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import COVERED, EARLY, STRATEGIES, STRATEGY_HIDDEN, Deep
from practicum.studies.catalyst.statistics import at_epoch, discovery, has_epoch
from practicum.studies.catalyst.verdicts import judge
from practicum.studies.claims import Picture

Names = tuple[str, ...]


def draw(found: Found) -> list[Picture]:
    """What there is to draw, in the order of the claims."""
    names = tuple(claim.claim for claim in judge(found))
    return [
        *_alignment(found, names),
        _map(found, names),
        *_deletion(found, names),
        *_curves(found, names),
        *_success(found, names),
        _crossover(found, names),
        _strategies(found, names),
        *(_threshold(found, names, deep) for deep in found.settings.deep),
        *_images(found, names),
    ]


def _by_multiple(found: Found, decay: float) -> dict[int, xr.Dataset]:
    return {multiple: run for (p, multiple), run in sorted(found.sweep.items(), key=lambda i: i[0]) if p == decay}


def _curves(found: Found, names: Names) -> list[Picture]:
    pictures = []
    for decay in found.settings.sweep.decays:
        runs = _by_multiple(found, decay)
        data = xr.concat(
            [run[["loss", "coverage", "status"]].isel(layer=0) for run in runs.values()],
            xr.Variable("multiple", list(runs)),
        )
        claims = ["i.slower"] if decay == 0 else [f"h.order.p{decay:g}", f"i.faster.p{decay:g}"]
        claims.append(f"i.loss.p{decay:g}")
        pictures.append(
            Picture(
                f"training-p{decay:g}",
                f"Two layers, {found.settings.sweep.hidden} teacher nodes whose fan-outs fall as (j + 1)^−p, p = "
                f"{decay:g}: the held-out loss, and the share of teacher nodes with a student of ρ > .95. "
                + (
                    "All nodes are equally strong and found at once; from then on more students are slower."
                    if decay == 0
                    else "More students find more of the teacher in the same time."
                ),
                partial(figures.training_curves, log_epoch=decay == 0),
                data.drop_vars(["layer", "threshold"], errors="ignore"),
                _known(names, claims),
            )
        )
    return pictures


def _known(names: Names, beginnings: list[str]) -> Names:
    """The claims that begin like this."""
    return tuple(name for name in names if name.startswith(tuple(beginnings)))


def _success(found: Found, names: Names) -> list[Picture]:
    steep = [decay for decay in found.settings.sweep.decays if decay > 0]
    if not steep:
        return []
    decay = max(steep)
    runs = _by_multiple(found, decay)
    best = xr.concat([run.best_correlation.isel(layer=0) for run in runs.values()], xr.Variable("multiple", list(runs)))
    last = best.isel(step=-1)
    rate = success(last.transpose("seed", "multiple", "teacher").values, COVERED)
    epochs = discovery(best.transpose("step", "multiple", "teacher", "seed"), COVERED)
    over = ("multiple", "teacher")
    data = xr.Dataset(
        {
            "success": (over, rate.share),
            "low": (over, rate.low),
            "high": (over, rate.high),
            "epoch_covered": (over, np.sort(epochs, axis=-1)[..., epochs.shape[-1] // 2]),
        },
        coords={"multiple": list(runs), "teacher": best.teacher.values},
    )
    return [
        Picture(
            "success",
            f"Strong teacher nodes first: the share of seeds that found each node by epoch {int(last.epoch)} (p = "
            f"{decay:g}; node 0 is the strongest), and the epoch at which most of them had.",
            figures.success,
            data,
            _known(names, [f"h.order.p{decay:g}", "h.reach", "h.half"]),
        )
    ]


def _crossover(found: Found, names: Names) -> Picture:
    sweep = found.settings.sweep
    runs = found.sweep
    early = EARLY if all(has_epoch(run, EARLY) for run in runs.values()) else None

    def grid(name: str, epoch: float | None) -> xr.DataArray:
        rows = [
            xr.concat(
                [at_epoch(runs[p, m][name], epoch).reset_coords(drop=True) for m in sweep.multiples],
                xr.Variable("multiple", list(sweep.multiples)),
            )
            for p in sweep.decays
        ]
        return xr.concat(rows, xr.Variable("decay", list(sweep.decays)))

    coverage, loss = grid("coverage", early).isel(layer=0), grid("loss", None)
    coverage.attrs["epoch"] = sweep.epochs if early is None else early
    loss.attrs["epoch"] = sweep.epochs
    data = xr.Dataset({"coverage": coverage.drop_vars("layer"), "loss": loss})
    return Picture(
        "crossover",
        "What over-realization does early and late. Left: more students cover more of a teacher with strong and weak "
        "nodes. Right: late, more students mean a lower loss at strong decay and a higher one at weak decay.",
        figures.over_realization,
        data,
        _known(names, ["i."]),
    )


def _alignment(found: Found, names: Names) -> list[Picture]:
    pictures = []
    for multiple, run in found.alignment.items():
        pictures.append(
            Picture(
                f"alignment-{multiple}x",
                f"Every student of every seed at epoch {int(run.epoch[-1])}, {multiple}× the teacher's nodes: how well "
                "it is aligned with its best teacher node, over its contribution to the outputs.",
                partial(figures.l_shape, against="contribution", log=True),
                run[["alignment", "contribution", "activity"]].isel(step=-1, layer=0).reset_coords(drop=True),
                _known(names, [f"f.many.{multiple}", f"g.loss.{multiple}"]),
            )
        )
    return pictures


def _deletion(found: Found, names: Names) -> list[Picture]:
    pictures = []
    losses = {
        "all students": "loss",
        "unaligned deleted": "loss_without_unaligned",
        "aligned deleted": "loss_without_aligned",
    }
    for multiple, run in found.alignment.items():
        coverage = run.coverage.isel(layer=0, threshold=0).reset_coords(["layer", "threshold"], drop=True)
        data = xr.Dataset(
            {
                "loss": xr.concat(
                    [run[name].rename("loss") for name in losses.values()], xr.Variable("setting", list(losses))
                ),
                "coverage": xr.concat([coverage] * len(losses), xr.Variable("setting", list(losses))),
            }
        )
        pictures.append(
            Picture(
                f"deletion-{multiple}x",
                f"The held-out loss as it is, and after all unaligned students (ρ < .95, not linear), or all aligned "
                f"ones, have been deleted ({multiple}×). The teacher nodes are covered long before the others can be "
                "spared.",
                figures.training_curves,
                data,
                _known(names, [f"g.loss.{multiple}", f"g.less.{multiple}", "g.early"]),
            )
        )
    return pictures


def _map(found: Found, names: Names) -> Picture:
    multiple = max(found.alignment)
    run = found.alignment[multiple]
    return Picture(
        "correlations",
        f"ρ of teacher nodes, strong ones above, and students, in the end of the training of one seed ({multiple}×): "
        "alignment is many-to-one.",
        figures.correlation_map,
        run[["rho"]],
        _known(names, [f"f.many.{multiple}", f"f.aligned.{multiple}"]),
    )


def _strategies(found: Found, names: Names) -> Picture:
    chosen = found.settings.strategies
    lines: list[str] = list(STRATEGIES)
    multiples, samples = list(chosen.compared), list(chosen.samples)
    values = np.full((len(multiples), len(lines), len(samples), chosen.seeds), np.nan)
    for (name, multiple, n), run in found.strategies.items():
        if multiple in multiples:
            where = multiples.index(multiple), lines.index(name), samples.index(n)
            values[where] = run.mean_best_correlation.isel(step=-1, layer=0).values
    data = xr.Dataset(
        {"mean_best_correlation": (("multiple", "strategy", "samples", "seed"), values)},
        coords={"multiple": multiples, "strategy": lines, "samples": samples},
    )
    return Picture(
        "data-strategies",
        f"How much of a teacher of {STRATEGY_HIDDEN} nodes few samples teach, by where they lie: anywhere, around the "
        "teacher's boundaries, or in triples along random directions. Measured on Gaussian inputs.",
        figures.data_strategies,
        data,
        _known(names, ["j."]),
    )


def _threshold(found: Found, names: Names, deep: Deep) -> Picture:
    samples = sorted(deep.samples)
    lines = [(f"{m}×", m, deep.epochs) for m in deep.multiples]
    for epochs in sorted({epochs for _, epochs in deep.longer}):
        lines.append((f"{deep.multiples[0]}×, {epochs / deep.epochs:g} times as long", deep.multiples[0], epochs))

    def grid(name: str) -> xr.DataArray:
        first = found.deep[deep.hidden, deep.multiples[0], samples[0], deep.epochs][name].isel(step=-1)
        values = np.full((len(lines), len(samples), *first.shape), np.nan)
        for row, (_, multiple, epochs) in enumerate(lines):
            for column, n in enumerate(samples):
                if (deep.hidden, multiple, n, epochs) in found.deep:
                    run = found.deep[deep.hidden, multiple, n, epochs][name].isel(step=-1)
                    values[row, column] = run.transpose(*first.dims).values
        over = {"multiple": [title for title, *_ in lines], "samples": samples}
        return xr.DataArray(values, dims=(*over, *first.dims), coords=over)

    name = "small" if deep.hidden[0] < 50 else "large"
    return Picture(
        f"threshold-{'-'.join(map(str, deep.hidden))}",
        f"Deep students of the teacher {'-'.join(map(str, deep.hidden))} after "
        f"{deep.epochs * deep.steps_per_epoch} updates: with too few samples they fit them and find little above the "
        "lowest layer.",
        figures.sample_threshold,
        xr.Dataset({"loss": grid("loss"), "mean_best_correlation": grid("mean_best_correlation")}),
        _known(names, [f"k.{kind}.{name}" for kind in ("sharp", "recovered", "data", "time")]),
    )


def _images(found: Found, names: Names) -> list[Picture]:
    if found.images is None:
        return []
    multiple = int(found.images.multiple.max())
    return [
        Picture(
            "image-correlations",
            f"ρ of the channels of a classifier of images and those of one of its students ({multiple}×, "
            f"{found.image_set}), layer by layer from below.",
            figures.correlation_map,
            found.images[["rho"]].sel(multiple=multiple, drop=True),
            _known(names, ["l."]),
        )
    ]
