"""Curves over epsilon, and the smallest epsilon of each input against the distance from a hyperplane."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import Ensemble  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise  # noqa: E402
from practicum.robustness.curves import median_minimal_epsilon, minimal_epsilon, robustness_curve  # noqa: E402
from practicum.robustness.errors import robust_errors  # noqa: E402
from robustness.linear_students import INPUTS, drawn, nonlinear  # noqa: E402

LARGEST = 1.0
ATTACKS = {norm: PGD(norm=norm, steps=12, step_size=1.0) for norm in ("l2", "linf")}


def halfspaces(seeds=2):
    """Two classes by the sign of w.x + b."""
    w, b = drawn(seeds, INPUTS, seed=1), 0.3 * drawn(seeds, seed=2)
    return w, b, MLP([torch.stack([w, -w], 1) / 2], [torch.stack([b, -b], 1) / 2])


def distances(norm, w, b, inputs):
    """|w.x + b| over the dual norm of w, (S, B)."""
    length = w.abs().sum(-1) if norm == "linf" else w.norm(dim=-1)
    return ((inputs @ w.mT).mT + b[:, None]).abs().numpy() / length[:, None].numpy()


@pytest.mark.parametrize("norm", ATTACKS)
def test_minimal_epsilon_of_a_linear_model(norm):
    """|w.x + b| / |w|* to largest / 2^10; 0 where the label is wrong already, inf where nothing is within reach."""
    w, b, student = halfspaces()
    inputs = drawn(200, INPUTS)
    labels = (drawn(200, seed=4) < 0).long()  # right or wrong by chance
    found = minimal_epsilon(ATTACKS[norm], student, inputs, largest=LARGEST, labels=labels)
    assert found.dims == ("seed", "sample")
    expected = distances(norm, w, b, inputs)
    with torch.no_grad():
        wrong = (student(inputs).argmax(-1) != labels).numpy()
    expected = np.where(wrong, 0.0, np.where(expected < LARGEST, expected, np.inf))
    assert (np.isinf(found) == np.isinf(expected)).all()
    near = np.isfinite(expected)
    assert 0.2 < (near & ~wrong).mean() < 0.9
    rest = found.values[near] - expected[near]
    assert (rest > -1e-9).all()  # an attack cannot succeed nearer
    assert (rest < 1e-3).all()
    assert (found.values[wrong] == 0).all()


def test_more_halvings_are_more_digits():
    w, b, student = halfspaces()
    inputs = drawn(50, INPUTS)
    expected = distances("linf", w, b, inputs)
    near = expected < LARGEST
    teacher = student  # which labels the clean inputs
    for halvings, worst in ((0, 1.0), (4, 2.0**-4), (20, 2.0**-20)):
        found = minimal_epsilon(
            ATTACKS["linf"], student, inputs, largest=LARGEST, teacher=teacher, halvings=halvings
        ).values
        assert ((found - expected)[near] < worst * (1 + 1e-6)).all()
        assert ((found - expected)[near] > -1e-9).all()


@pytest.mark.parametrize("weak", [PGD(norm="l2", steps=2, step_size=0.1), RandomNoise(norm="l2", tries=5)])
def test_a_weak_attack_finds_larger_radii(weak):
    w, b, student = halfspaces()
    inputs = drawn(200, INPUTS)
    expected = distances("l2", w, b, inputs)
    found = minimal_epsilon(weak, student, inputs, largest=LARGEST, teacher=student).values
    near = (expected < LARGEST / 2) & np.isfinite(found)
    assert ((found - expected)[near] > 1e-3).mean() > 0.9


def test_with_an_oracle_it_is_the_nearest_disagreement():
    """Of two hyperplanes: the nearer one, wherever the other is not crossed as well."""
    w, b, student = halfspaces(1)
    v, c, teacher = halfspaces(2)
    v, c, teacher = v[1:], c[1:], teacher.select([1])
    inputs = drawn(200, INPUTS)
    oracle = APGD(norm="l2", steps=40, loss="margin", oracle=True)
    found = minimal_epsilon(oracle, student, inputs, largest=LARGEST, teacher=teacher).values
    with torch.no_grad():
        apart = (student(inputs).argmax(-1) != teacher(inputs).argmax(-1)).numpy()
    own, theirs = distances("l2", w, b, inputs), distances("l2", v, c, inputs)
    assert (found[apart] == 0).all()
    # The named loss leads the student across its own boundary; on the way it may meet the teacher's.
    nearer = ~apart & (own < theirs) & (own < LARGEST)
    np.testing.assert_allclose(found[nearer], own[nearer], atol=1e-3)
    assert (found[~apart] > np.minimum(own, theirs)[~apart] - 1e-9).all()


def test_in_a_subspace():
    """Outside a subspace only the part of w there counts."""
    w, b, student = halfspaces(1)
    basis = np.linalg.qr(drawn(INPUTS, 2, seed=8).numpy())[0]
    inputs = drawn(100, INPUTS)
    found = minimal_epsilon(
        PGD(norm="l2", steps=12, step_size=1.0, side="outside"), student, inputs, largest=LARGEST, teacher=student,
        subspace=basis,
    ).values  # fmt: skip
    rest = w - w @ torch.from_numpy(basis @ basis.T)
    expected = distances("l2", w, b, inputs) * (w.norm() / rest.norm()).item()
    near = expected < LARGEST
    np.testing.assert_allclose(found[near], expected[near], atol=1e-3)
    assert np.isinf(found[~near]).all()


def test_it_agrees_with_the_robust_error():
    """The share of inputs whose smallest radius is at most epsilon is the robust error there."""
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(150, INPUTS)
    value = APGD(norm="l2", steps=30)
    minimal = minimal_epsilon(value, student, inputs, largest=0.8, teacher=teacher)
    epsilons = [0.0, 0.1, 0.3, 0.6]
    found = robust_errors(student, inputs, epsilons, teacher=teacher, attack=value, kinds=["fixed_label_error"])
    for epsilon in epsilons:
        share = (minimal <= epsilon + 0.8 / 2**10).mean("sample")
        np.testing.assert_allclose(share, found.fixed_label_error.sel(epsilon=epsilon), atol=1.5 / 150)
    median = median_minimal_epsilon(minimal)
    for seed in range(3):
        at = robust_errors(
            student, inputs, [0.98 * float(median[seed]), 1.02 * float(median[seed])], teacher=teacher, attack=value,
            kinds=["fixed_label_error"],
        ).fixed_label_error.sel(seed=seed)  # fmt: skip
        assert float(median[seed]) == 0 or at[0] - 0.01 <= 0.5 <= at[1] + 0.01


def test_modules_ensembles_parts_and_seeds_that_diverged(monkeypatch):
    from practicum.robustness.attacks import _running

    torch.manual_seed(0)
    modules = [torch.nn.Sequential(torch.nn.Linear(INPUTS, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)) for _ in "ab"]
    modules = [module.double() for module in modules]
    inputs, value = drawn(30, INPUTS), PGD(norm="l2", steps=5)
    labels = torch.arange(30) % 2
    alone = [minimal_epsilon(value, module, inputs, largest=2.0, labels=labels) for module in modules]
    assert alone[0].dims == ("sample",)
    both = Ensemble(modules, shape=(INPUTS,))
    together = minimal_epsilon(value, both, inputs, largest=2.0, labels=torch.stack([labels, labels]))
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-9)
    plain = minimal_epsilon(FGSM(norm="l2"), modules[0], inputs, largest=2.0, labels=labels)
    monkeypatch.setattr(_running, "_ENTRIES", 256 * 7)  # parts of 7 inputs
    np.testing.assert_allclose(minimal_epsilon(FGSM(norm="l2"), modules[0], inputs, largest=2.0, labels=labels), plain)
    with torch.no_grad():
        modules[0][0].weight[0, 0] = torch.nan
    after = minimal_epsilon(FGSM(norm="l2"), both, inputs, largest=2.0, labels=labels)
    assert np.isnan(after[0]).all()
    assert np.isfinite(after[1]).any()
    assert np.isnan(median_minimal_epsilon(after)[0])


def test_the_median():
    import xarray as xr

    rows = [[3.0, 0.0, 1.0], [np.inf, 2.0, np.inf], [np.nan] * 3]
    found = median_minimal_epsilon(xr.DataArray(rows, dims=("seed", "sample")))
    np.testing.assert_equal(found.values, [1.0, np.inf, np.nan])
    even = median_minimal_epsilon(xr.DataArray([0.5, 0.1, np.inf, 0.2], dims="sample"))
    assert float(even) == 0.5  # within 0.2 only a half, so within 0.5 at least half
    with pytest.raises(ParameterError, match="an array over 'sample'"):
        median_minimal_epsilon(np.zeros(3))


@pytest.mark.parametrize("error", ["fixed_label_error", "oracle_squared_error"])
def test_a_curve_rises_from_the_clean_error(error):
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(80, INPUTS)
    # One random point a radius: by chance a larger radius may show less, the curve must not.
    value = RandomNoise(norm="l2")
    epsilons = [0.4, 0.1, 0.2, 0.3]
    found = robustness_curve(student, inputs, epsilons, error=error, teacher=teacher, attack=value)
    assert found.epsilon.values.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert (found.robust_error.diff("epsilon") >= 0).all()
    assert float(found.robust_error.max()) > float(found.robust_error.min())
    assert found.attrs["error"] == error
    each = robust_errors(student, inputs, epsilons, teacher=teacher, attack=value, kinds=[error], clean=True)
    np.testing.assert_array_equal(found.robust_error, each[error])
    smaller, larger = (  # power: by themselves errors fall where a larger radius has the unluckier points
        robust_errors(student, inputs, e, teacher=teacher, attack=value, kinds=[error], seed=seed)[error][0]
        for seed, e in enumerate((0.3, 0.301))
    )
    assert (larger < smaller).any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"largest": 0.0}, "must be a finite number > 0"),
        ({"largest": True}, "must be a finite number > 0"),
        ({"halvings": -1}, "'halvings' parameter must be a whole number >= 0"),
        ({"attack": PGD(loss="mse")}, "is never wrong or right"),
        ({"attack": "pgd"}, "must be a value such as PGD"),
        ({"attack": PGD(oracle=True), "labels": [0] * 9}, "Got both"),
        ({"attack": PGD(oracle=True), "teacher": None}, "needs a teacher"),
        ({"teacher": None}, "needs a teacher, because there are no labels"),
        ({"attack": PGD(side="inside")}, "takes a 'subspace' together with a 'side'"),
    ],
)
def test_slips_are_one_sentence(changes, sentence):
    call = {"attack": PGD(), "teacher": nonlinear(3, seed=2), "largest": 1.0, **changes}
    with pytest.raises(ParameterError) as slip:
        minimal_epsilon(call.pop("attack"), nonlinear(3), drawn(9, INPUTS), **call)
    assert sentence in str(slip.value)


def test_an_unknown_error_of_a_curve():
    with pytest.raises(ParameterError, match="Did you mean 'oracle_error'"):
        robustness_curve(nonlinear(3), drawn(9, INPUTS), [0.1], error="oracle_erro", teacher=nonlinear(3))
