"""Robustness as a study: pieces against independent computations, verdicts that can fall either way, stored runs."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from practicum.runs import parallel
from practicum.runs.store import Store
from practicum.studies.robustness import judging, measurements, pictures, relation_verdicts, students, verdicts
from practicum.studies.robustness.settings import RECIPES, SCALES, Course, Problem, Settings

torch = pytest.importorskip("torch")

REGRESSION = Problem(
    "mse", ("standard", "small start", "noise, oracle", "noise, fixed"), seeds=3, dimension=12, rank=4, hidden=(2,),
    outputs=1, samples=300, held_out=60, attacked=30, compared=100, epochs=6, epsilons=(0.0, 0.1, 0.5), attack_steps=5,
)  # fmt: skip
CLASSES = replace(
    REGRESSION, loss="cross-entropy", outputs=4, hidden=(4, 4),
    recipes=("standard", "adversarial, oracle", "adversarial, fixed", "TRADES", "CCAT", "robust features"),
    inversion=(10, 0.1),
)  # fmt: skip
TINY = Settings(
    regression=REGRESSION,
    classification=CLASSES,
    inside=replace(REGRESSION, recipes=("standard", "small start", "Adam")),
    outside=replace(REGRESSION, recipes=("standard", "Adam", "noise, oracle"), sees_all=True),
    images=(
        replace(
            CLASSES, inputs="mnist", recipes=("standard", "adversarial, oracle", "adversarial, fixed"), seeds=2,
            rank=10, hidden=(8, 6), samples=200, epochs=2, epsilon=2.0, epsilons=(0.0, 2.0), margin=0.1,
        ),
    ),
    course=Course(seeds=2, dimension=40, rank=20, looks=3, until=6.0),
    resamples=50,
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Without MNIST the digits stand in, so that the test is the same on every machine."""
    pytest.importorskip("sklearn")
    store = Store(tmp_path_factory.mktemp("runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "cores", lambda: 1)
        patch.setattr("practicum.studies.images.available", lambda name: "" if name == "digits" else "It is not here.")
        fractions = []
        small = replace(TINY, images=tuple(replace(p, samples=200) for p in TINY.images))
        patch.setattr(measurements, "STAND_IN_CHANGES", {"rank": 10, "samples": 300, "held_out": 60, "epochs": 2})
        result = measurements.measure(small, store, lambda _, fraction: fractions.append(fraction))
        assert fractions == sorted(fractions)
        assert set(store.ids()) == set(result.runs)

        def never(*_, **__):
            raise AssertionError("computed again")

        patch.setattr(Store, "compute", never)
        again = measurements.measure(small, store, lambda *_: None)
    assert again.runs == result.runs
    both = ([claim.to_dict() for claim in verdicts.judge(one)] for one in (again, result))
    assert next(both) == next(both)
    return result


@pytest.fixture(scope="module")
def claims(found):
    return {claim.claim: claim for claim in verdicts.judge(found)}


def test_every_letter_is_judged_from_what_was_measured(found, claims):
    assert {name[0] for name in claims} == set("abcdefg")
    assert set(found.images) == {"digits"}
    assert found.missing == {"mnist": "It is not here."}
    assert claims["b.weights"].verdict == "holds"
    assert 0 < claims["b.weights"].measured < 1e-12
    assert claims["b.Adam"].verdict == "holds"
    unknown = {name for name, claim in claims.items() if not np.isfinite(claim.measured)}
    assert not {name for name in unknown if not name.startswith("g.")}  # so few digits may not fool anybody


def test_every_picture_can_be_drawn(found, claims):
    drawn = pictures.draw(found)
    assert len({picture.name for picture in drawn}) == len(drawn)
    for picture in drawn:
        assert isinstance(picture.draw(picture.data), Figure)
        assert set(picture.claims) & set(claims), picture.name


def test_verdicts_turn_when_the_measurement_does(found):
    """Power: claims are refused where the numbers are wrong."""

    def verdict(name, **changes):
        return {c.claim: c.verdict for c in verdicts.judge(replace(found, **changes))}[name]

    def outside(recipe, **changes):
        return {"outside": {**found.outside, recipe: found.outside[recipe].assign(**changes)}}

    one, run = xr.ones_like(found.outside["standard"].inside), found.outside["standard"]
    assert verdict("a.inside", **outside("standard", inside=one - 1e-9 * one.seed)) == "holds"
    assert verdict("a.inside", **outside("standard", inside=0 * one)) == "does not hold"
    assert verdict("b.outside", **outside("standard", outside=one)) == "does not hold"
    drift = run.outside + run.step / run.step.max()
    assert verdict("b.untaught", **outside("standard", outside=drift)) == "does not hold"
    moved = 1e-9 * xr.ones_like(run.off_subspace_weight_change)
    assert verdict("b.weights", **outside("standard", off_subspace_weight_change=moved)) == "does not hold"
    assert verdict("b.Adam", **outside("Adam", off_subspace_weight_change=moved)) == "does not hold"

    def inside(**changes):
        return {"inside": {**found.inside, "standard": found.inside["standard"].assign(**changes)}}

    standard = found.inside["standard"]
    exact = standard.oracle_squared_error.copy()
    exact.loc[{"way": "outside"}] = standard.first_order
    assert verdict("c.first-order", **inside(oracle_squared_error=exact)) == "holds"
    assert verdict("c.first-order", **inside(oracle_squared_error=2 * exact)) == "does not hold"
    assert verdict("c.one-direction", **inside(one_direction=standard.one_direction_predicted)) == "holds"
    assert verdict("c.one-direction", **inside(one_direction=1.5 * standard.one_direction_predicted)) == "does not hold"
    course = found.course
    assert verdict("c.course", course=course.assign(measured=0.5 * (course.lower + course.upper))) == "holds"
    assert verdict("c.course", course=course.assign(measured=3 * course.upper)) == "does not hold"

    data = found.regression
    error = data.oracle_squared_error.copy()
    ranked = data.specialization.sel(law="isotropic", layer=1)
    follows = data.assign(oracle_squared_error=(1.5 - ranked).broadcast_like(error).transpose(*error.dims))
    against = data.assign(oracle_squared_error=(1.5 + ranked).broadcast_like(error).transpose(*error.dims))
    assert verdict("d.regression.isotropic", regression=follows) == "holds"
    assert verdict("d.regression.isotropic", regression=against) == "does not hold"

    wobble = xr.DataArray([1.0, 1.1, 0.9], dims="seed", coords={"seed": error.seed})
    worse = data.assign(oracle_squared_error=error.where(error.regime != "noise, fixed", 50 * error.max() * wobble))
    better = data.assign(oracle_squared_error=error.where(error.regime != "noise, fixed", 1e-9 * wobble))
    assert verdict("e.regression.noise", regression=worse) == "holds"
    assert verdict("e.regression.noise", regression=better) == "does not hold"
    assert verdict("f.regression.small-start", regression=data.assign(
        oracle_squared_error=error.where(error.regime != "small start", 1e-9 * wobble))) == "holds"  # fmt: skip


def test_confined_teachers_answer_alike_on_the_subspace_and_see_nothing_else():
    setting = students.drawn(replace(REGRESSION, sees_all=True), "float64")
    teacher = students.confined(setting.teacher, setting.subspace)
    inside = setting.data.held_out
    assert torch.allclose(teacher(inside), setting.teacher(inside), atol=1e-12)
    generator = torch.Generator().manual_seed(0)
    anywhere = torch.randn(inside.shape, generator=generator, dtype=torch.float64)
    basis = torch.from_numpy(np.array(setting.subspace))
    within = (anywhere @ basis) @ basis.T
    assert torch.allclose(teacher(anywhere), teacher(within), atol=1e-12)
    assert not torch.allclose(setting.teacher(anywhere), setting.teacher(within), atol=0.1)


def test_students_of_a_teacher_without_biases_have_none():
    trained = students.train(REGRESSION, "standard")
    assert all(bias is None for bias in trained.students.biases)
    assert trained.students.sizes == (12, 6, 1)


def test_the_smallest_log_error_is_finite_and_orders_shares():
    shares = np.array([0.0, 1 / 30, 0.5, 1.0])
    found = judging.log_error(shares, CLASSES)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    assert found[0] == pytest.approx(np.log10(0.5 / 31))
    assert np.isnan(judging.log_error([0.0], REGRESSION)[0])


def test_unchanged_needs_certainty():
    assert judging.unchanged(0.01, 0.01, 0.1) == "holds"
    assert judging.unchanged(0.01, 0.05, 0.1) == "undecided"
    assert judging.unchanged(0.3, 0.05, 0.1) == "does not hold"
    assert judging.unchanged(np.nan, 0.05, 0.1) == "undecided"


def test_relations_are_those_of_scipy(found):
    data, problem = found.regression, found.problems["regression"]
    x = data.specialization.sel(law="adversarial", layer=1).transpose("regime", "seed").values.ravel()
    y = relation_verdicts.headline(data, problem).values.ravel()
    rank = relation_verdicts.relation(data, problem, "adversarial", 1, "spearman", 50)
    line = relation_verdicts.relation(data, problem, "adversarial", 1, "pearson", 50)
    assert rank.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert line.value == pytest.approx(stats.pearsonr(x, np.log10(y)).statistic)


def test_what_other_recipes_there_are_does_not_change_a_part():
    more = replace(REGRESSION, recipes=tuple(RECIPES))
    assert measurements.part("regime", more, "CCAT") == measurements.part("regime", REGRESSION, "CCAT")
    assert measurements.part("regime", more, "CCAT") != measurements.part("regime", more, "TRADES")


@pytest.mark.soak
@pytest.mark.parametrize("name", ["mechanism", "regimes"])
def test_quick_claims_that_theory_is_sure_of(name, tmp_path):
    """The exact results at the size of the study, and the two claims that the reference has measured."""
    quick = SCALES["quick"]
    smaller = replace(
        quick, classification=replace(quick.classification, recipes=("standard", "small start")), images=()
    )
    found = measurements.measure(smaller, Store(tmp_path), lambda *_: None)
    claims = {claim.claim: claim for claim in verdicts.judge(found)}
    wanted = {
        "mechanism": ("a.inside", "b.outside", "b.weights", "b.Adam", "c.first-order", "c.one-direction"),
        "regimes": (
            "d.regression.isotropic",
            "e.regression.noise",
            "e.regression.adversarial",
            "f.regression.small-start",
        ),
    }[name]
    assert {key: claims[key].verdict for key in wanted} == dict.fromkeys(wanted, "holds")
