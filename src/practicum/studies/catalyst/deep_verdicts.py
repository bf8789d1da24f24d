"""(k) and (l): verdicts on deep students and on students of an image classifier. Published numbers stand here."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import xarray as xr

from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import LEVEL, Deep
from practicum.studies.catalyst.statistics import discovery, log_loss, mean_error
from practicum.studies.catalyst.table import above, number, row
from practicum.studies.claims import Claim, exceeds

# The deep teacher 50-75-100-125 of the paper's code, 2x: held-out losses .368 and 2e-4.
THRESHOLD = "by 3.3 decades from N = 12 500 to 20 000"
RECOVERED = 0.9999
"""Mean best correlation of the worst layer beyond the threshold."""
IMAGES = {1: (0.72, 0.50, 0.39, 0.47), 2: (0.79, 0.68, 0.65, 0.68)}
"""Mean best correlation by layer on CIFAR-10, by multiple."""
_SHARP, _FACTOR = 1.0, 3
"""Decades that count as sharp, within a factor of at most 3 in the number of samples."""


def judge(found: Found) -> list[Claim]:
    """The claims on deep students, in the order of the paper."""
    claims = []
    for deep in found.settings.deep:
        for multiple in deep.multiples:
            claims += _deep(found, deep, multiple)
    return [*claims, *_images(found)]


def _deep(found: Found, deep: Deep, multiple: int) -> list[Claim]:
    runs = {n: found.deep[deep.hidden, multiple, n, deep.epochs] for n in sorted(deep.samples)}
    counts = list(runs)
    which = f"{'-'.join(map(str, deep.hidden))}, {multiple}×"
    name = f"{'small' if deep.hidden[0] < 50 else 'large'}.{multiple}×"
    where = f"{deep.seeds} seeds, {deep.epochs * deep.steps_per_epoch} updates whatever N"
    rows = []
    near = [(a, b) for a, b in combinations(counts, 2) if b <= _FACTOR * a]
    drops = {(a, b): mean_error(log_loss(runs[a]) - log_loss(runs[b])) for a, b in near}
    if drops:
        (low, high), drop = max(drops.items(), key=lambda item: item[1][0] if math.isfinite(item[1][0]) else -math.inf)
        rows.append(
            above(
                f"k.sharp.{name}",
                f"While samples grow by a factor 3 or less, the held-out loss falls by more than a factor 10 (teacher "
                f"{which}).",
                THRESHOLD,
                drop,
                f"Largest fall of log10 of the held-out loss, from N = {low} to {high}; "
                + "; ".join(f"N = {n}: {_layers(run)}" for n, run in runs.items())
                + f". {where}.",
                bound=_SHARP,
            )
        )
    least, most = counts[0], counts[-1]
    final = runs[most].mean_best_correlation.isel(step=-1)
    rows.append(
        number(
            f"k.recovered.{name}",
            f"Beyond the threshold every layer of the teacher is found (teacher {which}).",
            RECOVERED,
            mean_error(final.min("layer").values),
            f"Mean best correlation of the worst layer, N = {most}. {where}.",
        )
    )
    rows.append(
        above(
            f"k.data.{name}",
            f"Of too few samples students learn these rather than the teacher (N = {least}, teacher {which}).",
            "training loss below the held-out one",
            mean_error(log_loss(runs[least]) - np.log10(runs[least].training_loss.isel(step=-1).values)),
            "log10 of the held-out over the training loss. Training and held-out loss at "
            + "; ".join(_losses(n, run) for n, run in runs.items())
            + f". {where}.",
        )
    )
    if multiple == deep.multiples[0]:
        rows += [_longer(found, deep, name, which, *pair) for pair in deep.longer if pair[0] in runs]
    return [*rows, *_lowest_first(name, which, most, runs[most])]


def _longer(found: Found, deep: Deep, name: str, which: str, samples: int, epochs: int) -> Claim:
    """Whether a number of samples stays too small when the training goes on."""
    key = (deep.hidden, deep.multiples[0], samples)
    short, long = found.deep[*key, deep.epochs], found.deep[*key, epochs]
    fall, error = mean_error(log_loss(short) - log_loss(long))
    updates = [n * deep.steps_per_epoch for n in (deep.epochs, epochs)]
    return row(
        f"k.time.{name}.{samples}",
        f"Longer training does not replace samples: with N = {samples} the held-out loss stays within a factor 2 "
        f"(teacher {which}).",
        "a threshold of samples",
        fall,
        error,
        exceeds(-fall, error, -math.log10(2)),
        f"Fall of log10 of the held-out loss from {updates[0]} to {updates[1]} updates: {_layers(short)}, and "
        f"then {_layers(long)}. Training and held-out losses: {_losses(samples, short)}, and then "
        f"{_losses(samples, long).partition(': ')[2]}. {deep.seeds} seeds.",
    )


def _layers(run: xr.Dataset) -> str:
    best = run.mean_best_correlation.isel(step=-1).mean("seed").values
    return "ρ " + "/".join(f"{value:.3f}" for value in best)


def _losses(samples: int, run: xr.Dataset) -> str:
    last = run.isel(step=-1)
    return f"N = {samples}: {float(last.training_loss.mean()):.2g} and {float(last.loss.mean()):.2g}"


def _lowest_first(name: str, which: str, samples: int, run: xr.Dataset) -> list[Claim]:
    """Epochs at which layers pass a level; a layer that does not counts as one look after the last."""
    epochs = discovery(run.mean_best_correlation, LEVEL)
    look = float(run.epoch.values[-1] - run.epoch.values[-2])
    epochs = np.where(np.isfinite(epochs), epochs, run.epoch.values[-1] + look)
    means = ", ".join(f"{value:.3g}" for value in epochs.mean(axis=0))
    steps = [_apart(gap, look) for gap in np.diff(epochs, axis=1).T]
    worst = min(range(len(steps)), key=lambda i: steps[i][0])
    remark = f"Epochs at which the mean best correlation of a layer passes {LEVEL:g}: {means}, mean over seeds. "
    return [
        above(
            f"k.first.{name}",
            f"The lowest layer is learnt before any other (teacher {which}).",
            "before",
            _apart(epochs[:, 1:].min(axis=1) - epochs[:, 0], look),
            f"{remark}Between the lowest layer and the next one; N = {samples}.",
        ),
        above(
            f"k.order.{name}",
            f"Layer after layer is learnt, from below (teacher {which}).",
            "lower layers first",
            steps[worst],
            f"{remark}The smallest advance of a layer over the one above it, here of layer {worst + 1}; N = {samples}.",
        ),
    ]


def _apart(epochs: np.ndarray, look: float) -> tuple[float, float]:
    """Mean difference of two epochs and its error, to which it adds that each is known to one look only."""
    mean, error = mean_error(epochs)
    return mean, math.hypot(error, look / math.sqrt(6 * epochs.size))


def _images(found: Found) -> list[Claim]:
    run = found.images
    wide = "Wider students resemble an image classifier more closely, in every layer (2× against 1×)."
    deep = "The correlation falls from each layer to the next"
    if run is None:
        why = "Not measured: neither Fashion-MNIST nor the digits of scikit-learn could be read."
        return [
            row("l.wider", wide, "in every layer", math.nan, math.nan, "undecided", why),
            row("l.depth.1×", f"{deep} (image classifier, 1×).", "falls", math.nan, math.nan, "undecided", why),
        ]
    best = run.mean_best_correlation.transpose("multiple", "seed", "layer")
    where = (
        f"{found.image_set}, teacher right on {float(run.teacher_accuracy):.1%} of the test images, one teacher and "
    )
    where += f"{best.sizes['seed']} students"
    claims = []
    if {1, 2} <= set(run.multiple.values.tolist()):
        gains = (best.sel(multiple=2) - best.sel(multiple=1)).values
        errors = [mean_error(gain) for gain in gains.T]
        worst = min(range(len(errors)), key=lambda i: errors[i][0])
        claims.append(
            above(
                "l.wider",
                wide,
                "in every layer",
                errors[worst],
                f"Smallest gain of the mean best correlation, in layer {worst + 1}. {_table(best)}. {where}.",
            )
        )
    for multiple in run.multiple.values.tolist():
        values = best.sel(multiple=multiple).values
        falls = [mean_error(fall) for fall in -np.diff(values, axis=1).T]
        worst = min(range(len(falls)), key=lambda i: falls[i][0])
        paper = "/".join(f"{value:g}" for value in IMAGES[multiple]) if multiple in IMAGES else "falls"
        claims.append(
            above(
                f"l.depth.{multiple}×",
                f"{deep} (image classifier, {multiple}×).",
                paper,
                falls[worst],
                f"Smallest fall, from layer {worst + 1} to {worst + 2}; from the lowest to the highest layer it is "
                f"{float((values[:, 0] - values[:, -1]).mean()):.2f}. The paper's numbers are of CIFAR-10, "
                f"and rise at the top, too. {where}.",
            )
        )
    return claims


def _table(best: xr.DataArray) -> str:
    means = best.mean("seed")
    return "; ".join(
        f"{multiple}×: {'/'.join(f'{value:.2f}' for value in means.sel(multiple=multiple).values)}"
        for multiple in means.multiple.values
    )
