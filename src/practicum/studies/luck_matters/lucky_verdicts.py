"""(b) Verdicts on lucky nodes: ranks of the winners, and whether closeness at the start is speed."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from practicum.studies.claims import Claim, exceeds
from practicum.studies.luck_matters import lucky
from practicum.studies.luck_matters.judging import claim
from practicum.studies.luck_matters.measurements import Found
from practicum.studies.luck_matters.settings import THRESHOLD
from practicum.studies.statistics import mean

# Ranks of the winners in the four layers of the teacher 50-75-100-125, in %: at the start, and one epoch later.
PUBLISHED_RANKS = {0: (3.7, 12.9, 26.0, 29.0), 1: (0.3, 1.2, 1.1, 4.6)}
SETTLED = 5.0


def ranks(found: Found) -> list[Claim]:
    first = found.settings.two_layers[0]
    trained = zip(found.settings.two_layers, found.two_layers)
    raced = zip(found.settings.races, found.races)
    claims = [
        _rank_claim(
            "b.rank.two-layers",
            f"In two layers the students that win were ahead at the start (m = {first.hidden}, {first.multiple}×).",
            "favoured: below chance, 50 %",
            found.two_layers[0],
            0,
            _others(
                [
                    *((f"m = {p.hidden}, {p.multiple}×", run, 0) for p, run in trained),
                    *((f"p = 0, {p.multiple}×, {p.initial} start", run, 0) for p, run in raced),
                ]
            ),
        )
    ]
    deep = found.settings.deep[0]
    name = "-".join(map(str, deep.hidden))
    for layer, published in enumerate(PUBLISHED_RANKS[0][: len(deep.hidden)]):
        names = [f"{'-'.join(map(str, part.hidden))} at {part.multiple}×" for part in found.settings.deep]
        more = [(name, run, layer) for name, run in zip(names, found.deep)]
        claims.append(
            _rank_claim(
                f"b.rank.deep.{layer + 1}",
                f"In hidden layer {layer + 1} of deep students the winners were ahead at the start ({name}, "
                f"{deep.multiple}×).",
                f"{published:g} % (teacher 50-75-100-125)",
                found.deep[0],
                layer,
                _others(more),
            )
        )
    later = lucky.rank_at(found.deep[0], 1.0).mean("layer", skipna=False)
    rank, error = mean(later)
    by_layer = ", ".join(f"{value:.1f}" for value in lucky.rank_at(found.deep[0], 1.0).mean("seed").values)
    said = ", ".join(f"{value:g}" for value in PUBLISHED_RANKS[1])
    claims.append(
        claim(
            "b.settled",
            f"One epoch later the winners of deep students are among the best {SETTLED:g} % ({name}, "
            f"{deep.multiple}×).",
            f"{np.mean(PUBLISHED_RANKS[1]):.2g} % ({said} by layer)",
            rank,
            error,
            exceeds(SETTLED - rank, error, 0.0),
            f"Mean over the layers; by layer {by_layer} %. An epoch is {deep.samples} samples.",
        )
    )
    return claims


def _others(runs: list[tuple[str, xr.Dataset, int]]) -> str:
    """The ranks of the other trainings, for the remark."""
    told = []
    for name, run, layer in runs[1:]:
        rank, error = mean(lucky.rank_at(run, 0).isel(layer=layer))
        told.append(f"{name}: {rank:.1f} ± {error:.1f} %")
    return f" Likewise {'; '.join(told)}." if told else ""


def _rank_claim(name: str, statement: str, published: str, run: xr.Dataset, layer: int, others: str) -> Claim:
    ranks = lucky.rank_at(run, 0).isel(layer=layer)
    students = int(np.isfinite(run.winner_rank.isel(step=0, layer=layer)).sum("teacher").max())
    rank, error = mean(ranks)
    by_chance = lucky.chance(_width(run, layer))
    return claim(
        name,
        statement,
        published,
        rank,
        error,
        exceeds(by_chance - rank, error, 0.0),
        f"Rank at the start, in % of the students, of the one with the largest ρ at the end: mean over {students} "
        f"teacher nodes, then over {int(np.isfinite(ranks).sum())} seeds; chance gives {by_chance:.1f} %.{others}",
    )


def _width(run: xr.Dataset, layer: int) -> int:
    """Students in a layer, which the run's own configuration tells."""
    config = json.loads(run.attrs["config"])
    teacher, students = config["teacher"], config["students"]
    if students["widths"] is not None:
        return int(students["widths"][layer])
    hidden = teacher["hidden"] if isinstance(teacher["hidden"], list) else [teacher["hidden"]]
    return int(hidden[layer]) * (students["multiple"] or 1)


def speed(found: Found) -> list[Claim]:
    part = found.settings.races[0]
    measured = [
        lucky.closeness_and_speed(run, strength.strength.values, THRESHOLD, found.settings.permutations)
        for run, strength in zip(found.races, found.strengths)
    ]
    first = measured[0]
    readings = {
        "winner": (
            "A teacher node is found the sooner, the closer its later winner started.",
            "teacher nodes of a seed; the strengths |v*|, equal up to chance, are regressed out",
        ),
        "best": (
            "A teacher node is found the sooner, the closer its closest student started.",
            "teacher nodes of a seed; the strengths |v*|, equal up to chance, are regressed out",
        ),
        "students": (
            "Of the students that belong to the same teacher node in the end, those that started closer arrive sooner.",
            "the students that in the end resemble one teacher node most, those that never arrive being the last; mean "
            "over the teacher nodes of a seed",
        ),
    }
    claims = []
    for name, (statement, units) in readings.items():
        at = first.sel(measure=name)
        value, error = mean(at.correlation)
        p = (1 + float((at.null <= value).sum())) / (1 + at.sizes["permutation"])
        others = "".join(
            " At {}×, {} start: {:.3f} ± {:.3f}.".format(
                other.multiple, other.initial, *mean(data.correlation.sel(measure=name))
            )
            for other, data in zip(found.settings.races[1:], measured[1:])
        )
        claims.append(
            claim(
                f"b.speed.{name}",
                statement,
                "faster: rank correlation < 0",
                value,
                error,
                exceeds(-value, error, 0.0),
                f"Spearman's correlation of ρ at the start and the updates until ρ > {THRESHOLD:g}, over {units}; "
                f"p = 0, m = {part.hidden}, {part.multiple}×, {at.sizes['seed']} seeds. Arrivals permuted within the "
                f"same group give {float(at.null.mean()):.3f} ± {float(at.null.std()):.3f}, as low as measured with "
                f"probability {p:.2g}.{others}",
            )
        )
    return claims
