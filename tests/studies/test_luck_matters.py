"""Luck Matters as a study: pieces against independent computations, verdicts that can fall either way, stored runs."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from practicum.errors import StorageError
from practicum.runs import parallel
from practicum.runs.store import Store
from practicum.specialization.winners import ranks, winner_rank
from practicum.studies import images as image_sets
from practicum.studies.luck_matters import lucky, measurements, overlap, pictures, unlucky, verdicts
from practicum.studies.luck_matters.image_verdicts import rarely
from practicum.studies.luck_matters.settings import SCALES, Deep, ImageNetworks, Race, Settings, TwoLayers
from practicum.studies.luck_matters.trainings import deep_config, two_layer_config

torch = pytest.importorskip("torch")

TINY = Settings(
    identity_networks=1,
    two_layers=(TwoLayers(4, 4, seeds=3, epochs=8, observe_at=(0, 1, 2, 4, 8)),),
    races=(Race(5, 4, seeds=4, epochs=150, looks=10),),
    deep=(Deep((4, 5), 3, seeds=3, samples=1000, epochs=3, observe_at=(0, 1, 3)),),
    images={"digits": ImageNetworks(2, (16, 16), images=400, epochs=2)},
    overlap_seeds=3,
    overlap_samples=1000,
    checkpoints=("vgg-made-up",),
    fetch=False,
    permutations=100,
)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A trained network by name, in a folder of the user's: three negative biases of four, directly before a ReLU."""
    from safetensors.numpy import save_file

    from practicum.data import checkpoints

    folder = tmp_path_factory.mktemp("data")
    (folder / "checkpoints").mkdir()
    state = {}
    for layer, below in ((0, 1), (3, 4), (6, 4)):
        state |= {
            f"features.{layer}.weight": np.ones((4, below, 3, 3)),
            f"features.{layer + 1}.weight": np.ones(4),
            f"features.{layer + 1}.bias": np.array([-1.0, -0.5, -0.1, 0.2]),
            f"features.{layer + 1}.running_mean": np.array([-0.1, 0.0, 0.1, 0.2]),
            f"features.{layer + 1}.running_var": np.ones(4),
        }
    path = folder / "checkpoints/made-up.safetensors"
    save_file(state, path)
    with pytest.MonkeyPatch.context() as patch:
        import hashlib

        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry = checkpoints.Checkpoint(path.name, digest, "a made-up network")
        patch.setitem(checkpoints.NAMED, "vgg-made-up", entry)
        patch.setenv("PRACTICUM_DATA", str(folder))
        patch.setattr(parallel, "cores", lambda: 1)
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory, made_up):
    store = Store(tmp_path_factory.mktemp("runs"))
    fractions = []
    result = measurements.measure(TINY, store, lambda _, fraction: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert set(store.ids()) == set(result.runs)
    with pytest.MonkeyPatch.context() as patch:  # a second call computes nothing

        def never(*_, **__):
            raise AssertionError("computed again")

        patch.setattr(Store, "compute", never)
        patch.setattr(image_sets, "available", never)
        patch.setattr(measurements, "available", never)
        again = measurements.measure(TINY, store, lambda *_: None)
    assert again.runs == result.runs
    assert verdicts.judge(again) == verdicts.judge(result)
    return result


@pytest.fixture(scope="module")
def claims(found):
    return {claim.claim: claim for claim in verdicts.judge(found)}


def test_every_claim_is_judged_from_what_was_measured(found, claims):
    expected = {"a", "b.rank.two-layers", "b.rank.deep.1", "b.rank.deep.2", "b.settled", "b.speed.winner"}
    expected |= {"b.speed.best", "b.speed.students", "c.fan-out", "c.contribution", "c.cohort", "d.trained", "d.layers"}
    expected |= {"d.place", "d.vgg-made-up", "e.two-layers", "e.deep.4-5", "e.image", "e.image.batchnorm"}
    assert set(claims) == expected
    assert claims["a"].measured < 1e-12
    assert claims["a"].verdict == "holds"
    assert claims["b.rank.two-layers"].measured < 49
    assert claims["d.vgg-made-up"].measured == 0.75
    assert claims["d.vgg-made-up"].verdict == "holds"  # all layers agree
    assert claims["e.two-layers"].measured == pytest.approx(0.47, abs=0.02)
    assert claims["e.two-layers"].verdict == "does not hold"
    assert float(found.images["before"].zero_untrained.min()) == 1.0
    assert set(found.images["before"].position.values.ravel()) == {"before-relu"}
    assert set(found.images["after"].position.values.ravel()) == {"after-relu"}


def test_verdicts_turn_when_the_measurement_does(found):
    """Power: each kind of claim is refused where the numbers are wrong."""

    def verdict(name, **changes):
        return {c.claim: c.verdict for c in verdicts.judge(replace(found, **changes))}[name]

    identity = found.identity
    assert verdict("a", identity=identity.assign(deviation=identity.deviation + 1e-9)) == "does not hold"
    blind = identity.assign(wrong_deviation=identity.wrong_deviation * 1e-6)  # controls that nobody could have seen
    assert verdict("a", identity=blind) == "undecided"
    last = found.two_layers[0].assign(winner_rank=found.two_layers[0].winner_rank * 0 + 90.0)
    last.attrs = found.two_layers[0].attrs
    assert verdict("b.rank.two-layers", two_layers=[last]) == "does not hold"
    deep = found.deep[0]
    first = deep.assign(winner_rank=deep.winner_rank * 0 + 1.0).assign_attrs(deep.attrs)
    assert verdict("b.rank.deep.2", deep=[first]) == "holds"
    assert verdict("b.settled", deep=[first]) == "holds"
    assert verdict("b.settled", deep=[first.assign(winner_rank=first.winner_rank + 9)]) == "does not hold"
    before, after = found.images["before"], found.images["after"]
    noise = xr.DataArray([0.0, 0.01], dims="seed")

    def share(value, data=before):
        return data.assign(negative=xr.zeros_like(data.negative) + value + noise)

    assert verdict("d.trained", images=found.images | {"before": share(0.9)}) == "holds"
    assert verdict("d.trained", images=found.images | {"before": share(0.2)}) == "does not hold"
    assert verdict("d.layers", images=found.images | {"before": share(0.9)}) == "holds"
    one = share(0.9)
    one["negative"] = one.negative.where(one["layer"] != 2, 0.1)
    assert verdict("d.layers", images=found.images | {"before": one}) == "does not hold"
    same = {"before": share(0.9), "after": share(0.9, after)}
    assert verdict("d.place", images=found.images | same) == "does not hold"
    rare = found.teachers["two layers"] * 0.01
    assert verdict("e.two-layers", teachers={"two layers": rare}) == "holds"


@pytest.mark.parametrize(
    ("share", "against", "expected"),
    [(0.02, 1.0, "holds"), (0.4, 0.5, "holds in part"), (0.4, 0.99, "does not hold"), (0.1, 0.2, "undecided")],
)
def test_small_overlap_is_small_or_less_than_by_chance(share, against, expected):
    assert rarely(share, 0.001, against, 0.001) == expected


def ratios(exponent, last, noise=0.0):
    epoch = np.array([1.0, 2, 5, 10, 20, 30, 40])
    seeds = 1 + noise * np.linspace(-1, 1, 5)
    values = last * (epoch / epoch[-1])[:, None] ** (exponent * seeds) * seeds
    return xr.DataArray(values, dims=("epoch", "seed"), coords={"epoch": epoch})


@pytest.mark.parametrize(
    ("exponent", "last", "expected"),
    [
        (-1.0, 0.01, "holds"),
        (-0.5, 0.3, "holds in part"),
        (-0.05, 0.3, "does not hold"),  # it would take 10^9 times as long
        (0.3, 0.01, "does not hold"),
    ],
)
def test_what_tends_to_zero(exponent, last, expected):
    value, error, slope, slope_error, verdict = verdicts.tends_to_zero(ratios(exponent, last, 0.05))
    assert slope == pytest.approx(exponent, rel=1e-9)
    assert value == pytest.approx(last)
    assert error > 0 < slope_error
    assert verdict == expected
    assert verdicts.tends_to_zero(ratios(exponent, last).isel(seed=[0]))[-1] == "undecided"  # one seed says nothing


def test_fates_of_students_counted_by_hand():
    epochs, seeds, students = [0, 1, 2, 8], 2, 5
    alignment = np.full((4, seeds, 1, students), 0.99)
    alignment[:, :, 0, 3:] = 0.5
    alignment[3, :, 0, 3] = 0.97  # joins a teacher node late
    fan_out = np.ones_like(alignment)
    fan_out[..., 3] = 0.4
    fan_out[3, ..., 4] = 0.1
    activity = np.full_like(alignment, 0.5)
    activity[..., 2] = 0.0
    dims = ("step", "seed", "layer", "student")
    names = {"alignment": alignment, "activity": activity, "fan_out": fan_out, "contribution": 2 * fan_out}
    run = xr.Dataset({name: (dims, values) for name, values in names.items()})
    run = run.assign_coords(epoch=("step", epochs), seed=[0, 1])
    found = unlucky.fates(run, 0.95)
    assert found.fan_out.isel(seed=0).values == pytest.approx([0.7, 0.7, 0.7, 0.1 / 0.8])
    assert found.contribution.isel(seed=1).values == pytest.approx(found.fan_out.isel(seed=0).values)
    # Those that were unaligned at a quarter of the training are followed, aligned or not.
    assert found.fan_out_cohort.isel(seed=0).values[2:] == pytest.approx([0.7, 0.25])
    assert np.isnan(found.fan_out_cohort.values[:2]).all()
    assert found.dead.values == pytest.approx(0.2)
    total = found.aligned + found.unaligned + found.linear + found.dead
    assert total.values == pytest.approx(1.0)


def test_a_linear_node_is_a_class_of_its_own_unless_it_is_aligned():
    kinds = unlucky.classes(np.array([0.99, 0.99, 0.2, 0.2, np.nan]), np.array([1.0, 0.0, 1.0, 0.5, np.nan]), 0.95)
    assert {name: np.flatnonzero(flags).tolist() for name, flags in kinds.items()} == {
        "aligned": [0],
        "dead": [1],
        "linear": [2],
        "unaligned": [3],
    }


def test_first_crossings_against_a_loop():
    rng = np.random.default_rng(1)
    step = np.cumsum(rng.integers(1, 5, 12)).astype(float)
    values = np.cumsum(rng.normal(0.05, 0.1, (12, 6, 7)), axis=0)
    found = lucky.first_crossing(step, values, 0.4)
    for index in np.ndindex(6, 7):
        line = values[(slice(None), *index)]
        above = np.flatnonzero(line > 0.4)
        if not above.size:
            assert np.isinf(found[index])
        elif above[0] == 0:
            assert found[index] == step[0]
        else:
            pair = slice(above[0] - 1, above[0] + 1)
            assert found[index] == pytest.approx(np.interp(0.4, line[pair], step[pair]))
    assert np.isinf(found).any()
    assert np.isfinite(found).any()


def test_partial_correlations_of_ranks_against_scipy():
    rng = np.random.default_rng(2)
    x, z = rng.normal(size=(2, 30))
    y = np.round(x + z + rng.normal(size=30), 0)
    y[:3] = np.inf
    assert lucky.partial_spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    rows = [stats.rankdata(value) for value in (x, y, z)]
    rest = [value - np.polyval(np.polyfit(rows[2], value, 1), rows[2]) for value in rows[:2]]
    assert lucky.partial_spearman(x, y, z) == pytest.approx(stats.pearsonr(*rest).statistic)
    assert np.isnan(lucky.partial_spearman(x, np.ones(30), z))
    assert np.isnan(lucky.partial_spearman(z, y, z))
    assert lucky.partial_spearman(x, y, np.ones(30)) == pytest.approx(stats.spearmanr(x, y).statistic)


def race(sign, seeds=6, teachers=8, each=5, noise=0.0):
    """Students of one teacher node each, that start closer and arrive the sooner (sign 1) or the later (-1)."""
    rng = np.random.default_rng(3)
    shape = (seeds, teachers, teachers * each)
    belongs = np.arange(teachers)[:, None] == np.arange(teachers * each) // each
    start = np.where(belongs, rng.uniform(0.1, 0.3, shape), rng.uniform(-0.1, 0.1, shape))
    speed = sign * (start - 0.2) + noise * rng.normal(size=shape)
    step = np.arange(21.0)
    way = np.clip(step[:, None, None, None] / (10 - 20 * speed), 0, 1)
    rho = np.where(belongs, start + (0.999 - start) * way, start)
    data = xr.Dataset({"rho": (("step", "seed", "layer", "teacher", "student"), rho[:, :, None])})
    return data.assign_coords(step=step, seed=range(seeds))


def test_who_starts_closer_and_arrives_sooner_is_seen_and_who_arrives_later_too():
    strength = np.random.default_rng(4).uniform(1, 2, (6, 8))
    for sign in (1, -1):
        found = lucky.closeness_and_speed(race(sign), strength, 0.95, 200)
        mean = found.correlation.mean("seed")
        assert np.sign(mean.sel(measure="students")) == -sign
        assert abs(float(mean.sel(measure="students"))) > 0.95
        z = (mean - found.null.mean("permutation")) / found.null.std("permutation")
        assert float(z.sel(measure="students")) * -sign > 5
    # The null model is centred, and unrelated noise stays within it.
    found = lucky.closeness_and_speed(race(0, noise=0.1), strength, 0.95, 400)
    spread = found.null.std("permutation")
    assert (np.abs(found.null.mean("permutation")) < 5 * spread / np.sqrt(400)).all()
    assert (np.abs(found.correlation.mean("seed") / spread) < 4).all()


def test_strength_is_no_closeness():
    """Strong nodes are found sooner; where they also start closer, closeness alone must not get the credit."""
    rng = np.random.default_rng(5)
    strength = rng.permuted(np.tile(np.arange(40.0), (20, 1)), axis=1)
    close = strength + rng.normal(0, 8, strength.shape)
    arrival = -strength + rng.normal(0, 8, strength.shape)
    raw, partial = (lucky.partial_spearman(close, arrival, given) for given in (None, strength))
    error = partial.std(ddof=1) / np.sqrt(20)
    assert raw.mean() < -0.5
    assert abs(partial.mean()) < 4 * error


def test_winners_that_the_start_does_not_favour_have_the_rank_of_chance():
    rng = np.random.default_rng(6)
    students = 8
    looks = np.stack([ranks(rng.normal(size=(4000, 1, students))) for _ in range(2)])
    found = winner_rank(looks)[0]
    error = found.std() / np.sqrt(found.size)
    assert abs(found.mean() - lucky.chance(students)) < 4 * error
    assert abs(found.mean() - 50) > 4 * error  # half a place matters in narrow layers


def network(weights):
    """An MLP whose hidden layer is given; 1 seed."""
    from practicum.networks import MLP

    first = torch.tensor(weights, dtype=torch.float64)[None]
    return MLP([first, torch.ones(1, 1, first.shape[1], dtype=torch.float64)], [None, None])


def test_overlaps_of_nodes_that_exclude_each_other_are_alike_or_know_nothing_of_each_other():
    rng = np.random.default_rng(7)
    x = torch.from_numpy(rng.standard_normal((1, 40_000, 3)))
    apart = overlap.overlaps(network([[1.0, 0, 0], [-1.0, 0, 0]]), x.split(9000, dim=1))
    assert apart.together.item() == 0
    assert apart["product"].item() == 0
    assert apart.together_independent.item() == pytest.approx(0.5, abs=0.02)
    alike = overlap.overlaps(network([[1.0, 0, 0], [2.0, 0, 0]]), [x])
    assert alike.together.item() == 1
    assert alike["product"].item() == pytest.approx(2 / 2.5)
    free = overlap.overlaps(network(np.eye(3).tolist()), [x])
    assert free.together.item() == pytest.approx(free.together_independent.item(), abs=0.01)
    assert free["product"].item() == pytest.approx(1 / np.pi, abs=0.01)
    assert free.product_independent.item() == pytest.approx(1 / np.pi, abs=0.01)
    assert free.rate.item() == pytest.approx(0.5, abs=0.01)


def test_trainings_are_those_of_the_reference():
    config = two_layer_config(SCALES["paper"].two_layers[0])
    assert (config.training.epochs, config.training.steps_per_epoch, config.training.batch_size) == (100, 1000, 16)
    assert (config.inputs.scale, config.students.initial, config.students.scale) == (1.5, "normal", 0.005)
    assert (config.samples, config.teacher.sizes) == (10_000, (100, 20, 50))
    deep = deep_config(SCALES["paper"].deep[0])
    assert deep.teacher.sizes == (20, 50, 75, 100, 125, 100)
    assert deep.training.rate(29) == 4 * deep.training.rate(30)  # the last quarter


def test_without_images_claims_are_undecided_and_a_note_says_why(found, tmp_path, made_up, monkeypatch):
    monkeypatch.setattr(measurements, "available", lambda name: f"The set {name} is not here.")
    settings = replace(TINY, images={"fashion-mnist": TINY.images["digits"], "digits": TINY.images["digits"]})
    monkeypatch.setattr(measurements, "run_all", lambda store, jobs, **_: [found.identity for _ in jobs])
    without = measurements.measure(replace(settings, checkpoints=()), Store(tmp_path), lambda *_: None)
    assert without.images == {}
    assert set(without.missing) == {"fashion-mnist", "digits"}
    whole = replace(found, images={}, image_set="", missing=without.missing)
    claims = {claim.claim: claim for claim in verdicts.judge(whole)}
    for name in ("d.trained", "d.layers", "d.place", "e.image", "e.image.batchnorm"):
        assert claims[name].verdict == "undecided"
        assert "no images" in claims[name].remark
    assert any("fashion-mnist could not be read" in note for note in verdicts.notes(whole))
    assert all(picture.draw(picture.data).axes for picture in pictures.draw(whole))


def test_fashion_mnist_comes_first_and_the_digits_are_what_is_left(tmp_path, made_up, monkeypatch):
    settings = replace(TINY, images=dict.fromkeys(("fashion-mnist", "digits"), TINY.images["digits"]))
    for there, expected in (({"fashion-mnist", "digits"}, "fashion-mnist"), ({"digits"}, "digits")):
        monkeypatch.setattr(measurements, "available", lambda name, there=there: "" if name in there else "absent")
        found = measurements.Found(settings)
        jobs = measurements._images(settings, Store(tmp_path), found)
        assert found.image_set == expected
        assert {config.parameters["name"] for each in jobs.values() for config, _ in each} == {expected}
        assert ("fashion-mnist" in found.missing) == (expected == "digits")


def test_a_set_that_cannot_be_read_is_a_sentence(monkeypatch):
    from practicum import data

    def absent(name, split):
        raise StorageError("There is no network.")

    assert image_sets.available("digits") == ""
    monkeypatch.setattr(data, "images", absent)
    assert image_sets.available("digits") == "There is no network."


def test_a_checkpoint_that_cannot_be_fetched_is_a_note(tmp_path, made_up, monkeypatch):
    from practicum.data import checkpoints

    def offline(name):
        raise StorageError(f"The checkpoint {name} could not be fetched.")

    monkeypatch.setattr(checkpoints, "fetch", offline)
    for fetch, word in ((True, "could not be fetched"), (False, "not on this machine")):
        found = measurements.Found(replace(TINY, checkpoints=("vgg-made-up", "resnet18"), fetch=fetch))
        monkeypatch.setattr(checkpoints, "cached", lambda name: None)
        measurements._checkpoints(found.settings, Store(tmp_path), found)
        assert found.checkpoints == {}
        assert all(word in why for why in found.missing.values())
        assert len(found.missing) == 2


def test_pictures_are_drawn_from_labelled_arrays(found, claims):
    drawn = pictures.draw(found)
    for picture in drawn:
        assert picture.draw(picture.data).axes
        assert set(picture.claims) <= set(claims)
    names = [picture.name for picture in drawn]
    assert len(set(names)) == len(names)
    assert {"winner-ranks", "winner-ranks-deep", "hyperplanes", "correlations", "l-shape-fan-out"} <= set(names)
    assert {"batchnorm-trained", "batchnorm-others"} <= set(names)


def test_students_of_two_inputs_find_their_teacher(found):
    best = found.plane.rho.max("student")
    assert float(best.isel(step=0).min()) < 0.9
    assert (best.isel(step=-1) > 0.95).all()


@pytest.mark.soak
def test_the_quick_study_answers_a_script_and_answers_again_from_its_store(tmp_path):
    command = [sys.executable, "-m", "practicum", "reproduce", "luck-matters", "--json", "--store", str(tmp_path)]
    first, second = (
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(2)
    )
    assert first == second
    assert len({claim["claim"] for claim in first}) == len(first)
    verdict = {claim["claim"]: claim["verdict"] for claim in first}
    assert verdict["a"] == verdict["b.rank.two-layers"] == verdict["b.speed.students"] == "holds"
    assert verdict["e.two-layers"] == "does not hold"
