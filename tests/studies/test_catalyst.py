"""The study of over-realized students: pieces against independent computations, verdicts with power, stored runs."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from practicum.networks import GaussianInputs, SeparatedTeacher, Students
from practicum.networks.randomness import generator
from practicum.runs.store import Store
from practicum.studies.catalyst import (
    alignment,
    deep_verdicts,
    images,
    measurements,
    pictures,
    table,
    verdicts,
    width_verdicts,
)
from practicum.studies.catalyst.settings import SCALES, Alignment, Deep, Imaged, Settings, Strategies, Sweep
from practicum.studies.catalyst.statistics import at_epoch, discovery, mean_error, order, reach, reach_error

torch = pytest.importorskip("torch")

SMALL = {"epochs": 2, "steps_per_epoch": 20, "held_out": 60, "seeds": 2}
TINY = Settings(
    sweep=Sweep(hidden=4, decays=(0.0, 1.0, 2.0), multiples=(1, 2), observe_at=(0, 1, 2), **SMALL),
    alignment=Alignment(hidden=4, decay=1.0, multiples=(2,), observe_at=(0, 1, 2), **SMALL),
    strategies=Strategies(multiples=(1, 2), samples=(30, 600), compared=(2,), **SMALL),
    deep=(Deep(hidden=(3, 4), multiples=(2,), samples=(40, 80), observe_at=1, longer=((40, 4),), **SMALL),),
    images=Imaged(
        widths=(3, 3, 3, 3), multiples=(1, 2), seeds=2, samples=128, epochs=1, teacher_epochs=1, teacher_rate=0.01
    ),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A study of a few updates, of digits, computed in this process."""
    patch = pytest.MonkeyPatch()
    patch.setattr(measurements, "available", lambda: "digits")
    store = Store(tmp_path_factory.mktemp("runs"))
    fractions = []
    result = measurements.measure(TINY, store, lambda _, fraction: fractions.append(fraction), workers=1)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert set(store.ids()) == set(result.runs)
    patch.setattr(Store, "compute", None)  # whoever computes now, fails
    again = measurements.measure(TINY, store, lambda *_: None, workers=1)
    assert again.runs == result.runs
    assert again.alignment[2].identical(result.alignment[2])
    patch.undo()
    return result


def run(values, epochs, **others):
    """What a training of one layer would return."""
    values = np.asarray(values, dtype=float)
    best = xr.DataArray(values, dims=("step", "seed", "teacher"))
    return best.assign_coords(epoch=("step", list(epochs)), **others)


def test_a_node_is_discovered_when_it_first_exceeds_the_threshold():
    best = run([[[0.2, 0.96, 0.1]], [[0.97, 0.9, 0.1]], [[0.9, 0.99, 0.95]]], (0, 5, 10))
    assert discovery(best, 0.95).tolist() == [[5.0, 0.0, math.inf]]
    assert at_epoch(best, 5).values.tolist() == [[0.97, 0.9, 0.1]]
    with pytest.raises(ValueError):
        at_epoch(best, 4)  # it was not looked at, and the nearest look would be another number


def test_the_order_of_discovery_is_spearmans_correlation():
    epochs = generator(0, "batches").permutation(12).astype(float)
    assert order(epochs[None])[0] == pytest.approx(spearmanr(epochs, np.arange(12)).statistic, abs=1e-12)
    late = np.array([1.0, 2.0, 2.0, 7.0, np.inf, np.inf])
    assert order(late[None])[0] == pytest.approx(spearmanr([1, 2, 2, 7, 99, 99], np.arange(6)).statistic, abs=1e-12)
    assert order(late[None, ::-1])[0] == pytest.approx(-order(late[None])[0])
    assert np.isnan(order(np.full((1, 4), np.inf))[0])


def test_success_reaches_to_where_half_of_the_seeds_find_a_node():
    seeds = np.zeros((8, 10), bool)
    seeds[:, :4], seeds[:6, 4], seeds[:2, 5] = True, True, True  # shares 1, 1, 1, 1, 3/4, 1/4, 0 ...
    assert reach(seeds) == pytest.approx(4.5)
    assert reach(np.ones((4, 10))) == 10
    assert reach(np.zeros((4, 10))) == 0
    value, error = reach_error(seeds)
    assert value == pytest.approx(4.5)
    assert 0.1 < error < 1
    assert reach_error(np.tile(seeds, (16, 1)))[1] < error / 2


def test_diverged_seeds_are_in_no_mean():
    assert mean_error([1.0, 3.0, np.nan]) == (2.0, pytest.approx(1.0))
    assert math.isnan(mean_error([1.0])[1])
    assert math.isnan(mean_error([np.nan])[0])


def test_an_uncertainty_knows_of_the_published_seeds():
    """Differences of two means over 8 and 16 seeds have the deviation that is claimed; our own error is too small."""
    rng = generator(1, "batches")
    ours, theirs = rng.standard_normal((4000, 8)), rng.standard_normal((4000, 16))
    z = [
        [(table.of_both(a, 16)[0] - b.mean()) / e for e in (table.of_both(a, 16)[1], mean_error(a)[1])]
        for a, b in zip(ours, theirs)
    ]
    claimed, naive = np.quantile(np.abs(z), 0.683, axis=0)
    # Student's t with 7 degrees of freedom has 68.3 % within 1.08; 4000 draws know that quantile to 0.02.
    assert abs(claimed - 1.08) < 4 * 0.02
    assert naive > 1.08 + 4 * 0.02


def test_the_gradient_is_that_of_automatic_differentiation():
    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4).build([0, 1])
    students = Students(multiple=2).build(teacher, [0, 1])
    inputs = torch.from_numpy(generator(0, "inputs").standard_normal((2, 50, 6)))
    with torch.no_grad():
        pre = inputs @ students.weights[0].transpose(1, 2) + students.biases[0].unsqueeze(1)
    pre.requires_grad_()
    outputs = torch.relu(pre) @ students.weights[1].transpose(1, 2) + students.biases[1].unsqueeze(1)
    (0.5 * (outputs - teacher(inputs)) ** 2).sum().backward()
    expected = (pre.grad**2).sum(-1).mean(-1).sqrt().numpy()
    assert alignment.gradient(teacher, students, inputs) == pytest.approx(expected, rel=1e-12)
    with torch.no_grad():
        students.weights[0].mul_(1.01)
    assert alignment.gradient(teacher, students, inputs) != pytest.approx(expected, rel=1e-3)


def test_copies_of_a_teacher_are_aligned_and_the_rest_can_be_deleted():
    """Two students a teacher node, of other lengths, and two strangers that reach no output: a perfect fit."""
    teacher = SeparatedTeacher(inputs=12, hidden=3, outputs=5).build([0])
    students = Students(widths=(8,)).build(teacher, [0])
    with torch.no_grad():
        for copy, scale in ((0, 0.5), (3, 2.0)):
            students.weights[0][0, copy : copy + 3] = scale * teacher.weights[0][0]
            students.biases[0][0, copy : copy + 3] = scale * teacher.biases[0][0]
            students.weights[1][0, :, copy : copy + 3] = teacher.weights[1][0] / (2 * scale)
        students.weights[1][0, :, 6:] = 0
        students.biases[1].copy_(teacher.biases[1])
    inputs = torch.from_numpy(GaussianInputs(dimension=12, scale=1.5).sample(generator(0, "inputs"), 400))[None]
    seen = {name: float(values[0]) for name, values in alignment.observe(teacher, students, inputs, 0.95, 0.99).items()}
    assert seen["gradient"] < 1e-14
    assert (seen["observed"], seen["observed_aligned"], seen["per_teacher"]) == (1.0, 1.0, 2.0)
    assert seen["residual"] < 1e-14
    assert (seen["aligned"], seen["unaligned"] + seen["linear"] + seen["dead"]) == (6.0, 2.0)
    assert seen["loss_without_any_below"] < 1e-28
    assert seen["loss_without_aligned"] > 1e-3
    with torch.no_grad():
        students.weights[1][0, :, 0] *= 2  # power: fan-outs that do not add up
    wrong = alignment.observe(teacher, students, inputs, 0.95, 0.99)
    assert wrong["residual"][0] == pytest.approx(0.5 / math.sqrt(3), rel=1e-6)
    assert wrong["gradient"][0] > 1e-3


def test_every_claim_is_judged_from_what_was_measured(found):
    claims = verdicts.judge(found)
    names = [claim.claim for claim in claims]
    assert len(set(names)) == len(names)
    beginnings = {name.split(".")[0] for name in names}
    assert beginnings == set("fghijkl")
    assert {claim.verdict for claim in claims} <= {"holds", "holds in part", "does not hold", "undecided"}
    assert json.dumps([claim.to_dict() for claim in claims])
    assert verdicts.notes(found)


def judged(found):
    return {claim.claim: claim.verdict for claim in verdicts.judge(found)}


def test_verdicts_on_alignment_turn_when_the_measurement_does(found):
    def verdict(name, **values):
        measured = found.alignment[2].copy()
        for key, value in values.items():
            measured[key] = xr.full_like(measured[key], value) * xr.DataArray([1.0, 1.001], dims="seed")
        return judged(replace(found, alignment={2: measured}))[name]

    assert verdict("f.aligned.2×", observed_aligned=0.9993) == "holds"
    assert verdict("f.aligned.2×", observed_aligned=0.95) == "holds in part"
    assert verdict("f.aligned.2×", observed_aligned=0.5) == "does not hold"
    assert (verdict("f.many.2×", per_teacher=1.9), verdict("f.many.2×", per_teacher=0.9)) == ("holds", "does not hold")
    assert (verdict("f.sum.2×", residual=1e-3), verdict("f.sum.2×", residual=0.4)) == ("holds", "does not hold")
    same = {"loss": 1e-6, "loss_without_aligned": 0.1}
    assert verdict("g.loss.2×", **same, loss_without_unaligned=1.05e-6) == "holds"
    assert verdict("g.loss.2×", **same, loss_without_unaligned=1e-5) == "does not hold"
    assert verdict("g.less.2×", **same, loss_without_unaligned=1e-5) == "holds"
    assert verdict("g.less.2×", **same, loss_without_unaligned=0.2) == "does not hold"


def test_verdicts_on_order_and_width_turn_when_the_measurement_does(found):
    def verdict(name, **changes):
        sweep = {key: values.copy() for key, values in found.sweep.items()}
        for (decay, multiple), values in sweep.items():
            for key, value in changes.items():
                new = np.asarray(value(decay, multiple), dtype=float)
                values[key] = xr.full_like(values[key], 0.0) + xr.DataArray(
                    np.broadcast_to(new, (4,)) if key == "best_correlation" else new,
                    dims="teacher" if key == "best_correlation" else (),
                ) * xr.DataArray([1.0, 1.001], dims="seed")
        return judged(replace(found, sweep=sweep))[name]

    def strong(*_):
        return [0.97, 0.97, 0.2, 0.1]

    assert verdict("h.order.p1.2×", best_correlation=strong) == "holds"
    assert verdict("h.order.p1.2×", best_correlation=lambda *_: strong()[::-1]) == "does not hold"
    assert verdict("h.order.p1.2×", best_correlation=lambda *_: 0.97) == "undecided"  # all at once: there is no order
    assert verdict("h.reach", coverage=lambda _, multiple: multiple / 4) == "holds"
    assert verdict("h.reach", coverage=lambda _, multiple: 1 - multiple / 4) == "does not hold"
    for name, loss, expected in (
        ("i.slower.1×", lambda _, multiple: 10.0**multiple, "holds"),
        ("i.slower.1×", lambda _, multiple: 10.0**-multiple, "does not hold"),
        ("i.strong", lambda _, multiple: 10.0**-multiple, "holds"),
        ("i.strong", lambda _, multiple: 10.0**multiple, "does not hold"),
    ):
        assert verdict(name, loss=loss) == expected


def test_published_numbers_of_two_layers_are_compared_where_their_setting_was_run(found):
    """At epoch 100 of 20 teacher nodes; the tiny study has none of them, made-up runs have all."""
    assert not [name for name in judged(found) if name.startswith(("h.half", "i.loss", "i.coverage"))]
    sweep = replace(TINY.sweep, hidden=20, multiples=(1, 2, 5, 10), epochs=100, observe_at=(0, 5, 60, 100))
    wobble = xr.DataArray([0.99, 1.01], dims="seed")
    runs = {}
    for decay, losses in width_verdicts.LOSSES.items():
        for multiple, published in losses.items():
            best = np.full((4, 2, 1, 20), 0.5)
            best[-1, :, 0, : int(width_verdicts.HALF[multiple])] = 0.99
            step = xr.DataArray(np.ones(4), dims="step", coords={"epoch": ("step", [0, 5, 60, 100])})
            covered = {5: width_verdicts.COVERAGE.get(multiple, 0), 60: width_verdicts.LATER.get(multiple, 0)}
            coverage = step.copy(data=[0, covered[5] / 20, covered[60] / 20, 1.0]) * wobble
            runs[decay, multiple] = xr.Dataset(
                {
                    "loss": step * 10.0 ** (published - (decay == 0 and multiple == 1)) * wobble,
                    "coverage": coverage.expand_dims("layer"),
                    "best_correlation": (("step", "seed", "layer", "teacher"), best),
                    "status": ("seed", ["ok", "ok"]),
                },
                coords={"epoch": ("step", [0, 5, 60, 100]), "teacher": range(20)},
            )
    found = replace(found, settings=replace(TINY, sweep=sweep), sweep=runs)
    names = [name for name in judged(found) if name.startswith(("h.half", "i.loss", "i.coverage"))]
    assert len(names) == 4 + 12 + 6
    assert {judged(found)[name] for name in names} == {"holds"}
    shifted = {
        key: values.assign(loss=values.loss * 0.1, coverage=values.coverage * 0.7) for key, values in runs.items()
    }
    for values in shifted.values():
        values["best_correlation"] = values.best_correlation.roll(teacher=4)
        values["best_correlation"][..., :4] = 0.99
    wrong = judged(replace(found, sweep=shifted))
    assert {wrong[name] for name in names if "p0.1×" not in name} <= {"does not hold", "undecided"}
    assert wrong["i.coverage.e5.1×"] == wrong["h.half.2×"] == wrong["i.loss.p1.2×"] == "does not hold"


def test_verdicts_on_data_strategies_turn_when_the_measurement_does(found):
    def verdict(name, **values):
        changed = {}
        for (strategy, multiple, samples), result in found.strategies.items():
            value = values.get(strategy.replace("-", "_"), 0.25) * np.array([[[1.0], [1.002]]])
            best = xr.full_like(result.mean_best_correlation, 0.0) + value
            changed[strategy, multiple, samples] = result.assign(mean_best_correlation=best)
        return judged(replace(found, strategies=changed))[name]

    assert verdict("j.aware.2×", teacher_aware=0.93) == "holds"
    assert verdict("j.aware.2×", teacher_aware=0.5) == "does not hold"
    assert verdict("j.gain.1×", teacher_aware=0.8) == "holds"
    assert verdict("j.gain.1×", teacher_aware=0.1) == "does not hold"
    assert verdict("j.random.1×", random=0.28) == "holds"
    assert verdict("j.random.1×", random=0.5) == "does not hold"
    assert (verdict("j.enough.2×", random=0.999), verdict("j.enough.2×", random=0.8)) == ("holds", "does not hold")
    assert verdict("j.agnostic.2×", random=0.1) == "holds"
    assert verdict("j.agnostic.2×", random=0.3) == "does not hold"


def test_verdicts_on_deep_students_turn_when_the_measurement_does(found):
    wobble = xr.DataArray([1.0, 1.001], dims="seed")

    def verdict(name, losses=(1.0, 1e-3), training=1e-3, best=((0.1, 0.1), (0.99, 0.2), (0.99, 0.99)), longer=0.9):
        changed = {}
        for (hidden, multiple, samples, epochs), result in found.deep.items():
            held = losses[0] if samples == 40 else losses[1]
            if epochs == 4:
                changed[hidden, multiple, samples, epochs] = result.assign(loss=0 * result.loss + longer * wobble)
                continue
            table = xr.DataArray(np.array(best), dims=("step", "layer"))
            changed[hidden, multiple, samples, epochs] = result.assign(
                loss=xr.full_like(result.loss, held) * wobble,
                training_loss=xr.full_like(result.training_loss, training) * wobble,
                mean_best_correlation=(xr.full_like(result.mean_best_correlation, 0.0) + table) * wobble,
            )
        kind, _, at = name.partition(".")
        return judged(replace(found, deep=changed))[f"k.{kind}.small.2×" + (f".{at}" if at else "")]

    assert (verdict("sharp"), verdict("sharp", losses=(1.0, 0.5))) == ("holds", "does not hold")
    assert verdict("recovered") == "holds"
    assert verdict("recovered", best=((0.1, 0.1), (0.99, 0.2), (0.99, 0.5))) == "does not hold"
    assert (verdict("data"), verdict("data", training=2.0)) == ("holds", "does not hold")
    assert (verdict("time.40"), verdict("time.40", longer=0.1)) == ("holds", "does not hold")
    upwards = ((0.1, 0.1), (0.2, 0.99), (0.99, 0.99))
    assert (verdict("first"), verdict("first", best=upwards)) == ("holds", "does not hold")
    assert (verdict("order"), verdict("order", best=upwards)) == ("holds", "does not hold")


def test_verdicts_on_images_turn_when_the_measurement_does(found):
    def verdict(name, first, second):
        values = np.array([first, second])[:, None, :] * np.array([1.0, 1.001])[None, :, None]
        measured = found.images.assign(mean_best_correlation=(("multiple", "seed", "layer"), values))
        return judged(replace(found, images=measured))[name]

    falling, higher = [0.7, 0.6, 0.5, 0.4], [0.8, 0.7, 0.6, 0.5]
    assert (verdict("l.wider", falling, higher), verdict("l.wider", higher, falling)) == ("holds", "does not hold")
    assert verdict("l.depth.1×", falling, higher) == "holds"
    assert verdict("l.depth.1×", falling[::-1], higher) == "does not hold"
    assert deep_verdicts.IMAGES[1][3] > deep_verdicts.IMAGES[1][2]  # the paper's own numbers rise at the top
    assert verdict("l.depth.1×", list(deep_verdicts.IMAGES[1]), list(deep_verdicts.IMAGES[2])) == "does not hold"


def test_without_images_the_claim_is_undecided(found, monkeypatch):
    none = replace(found, images=None, image_set="")
    assert judged(none)["l.wider"] == "undecided"
    assert "image-correlations" not in {picture.name for picture in pictures.draw(none)}
    absent = images.StorageError("There are no files.")

    def missing(name, _):
        if name != "digits":
            raise absent
        return None

    monkeypatch.setattr(images, "images", missing)
    assert images.available() == "digits"
    monkeypatch.setattr(images, "images", lambda *_: (_ for _ in ()).throw(absent))
    assert images.available() == ""


def test_pictures_are_drawn_from_labelled_arrays(found):
    drawn = pictures.draw(found)
    known = set(judged(found))
    for picture in drawn:
        assert picture.draw(picture.data).axes
        assert picture.claims
        assert set(picture.claims) <= known
    assert len({picture.name for picture in drawn}) == len(drawn)


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_both_scales_are_resolved_to_runs_of_different_names(scale):
    settings = SCALES[scale]
    parts = (
        measurements.sweep_runs(settings.sweep),
        measurements.alignment_runs(settings),
        measurements.strategy_runs(settings),
        measurements.deep_runs(settings.deep),
    )
    ids = [config.id for part in parts for config in part.values()]
    assert len(set(ids)) == len(ids)
    assert json.dumps(settings.to_dict())


@pytest.mark.soak
def test_the_quick_study_answers_a_script_and_answers_again_from_its_store(tmp_path):
    command = [sys.executable, "-m", "practicum", "reproduce", "catalyst", "--json", "--store", str(tmp_path)]
    first, second = (
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(2)
    )
    assert first == second
    assert len({claim["claim"] for claim in first}) == len(first)
    verdict = {claim["claim"]: claim["verdict"] for claim in first}
    assert verdict["f.aligned.2×"] == verdict["i.slower.2×"] == verdict["j.gain.2×"] == "holds"
