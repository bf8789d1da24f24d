"""Resemblance on three laws: against correlations by NumPy, and of students whose resemblance is known."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import LowRankInputs, UniformInputs  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402
from practicum.robustness.attacks import PGD  # noqa: E402
from practicum.robustness.resemblance import LAWS, on_three_laws  # noqa: E402
from robustness.linear_students import drawn  # noqa: E402

LAW = LowRankInputs(dimension=12, rank=4, scale=1.5)
U = LAW.subspace()
NODES, WIDTH, SEEDS, SAMPLES = 3, 5, 2, 800
ATTACK = PGD(norm="l2", loss="mse", oracle=True, steps=5)


def network(first, seeds=SEEDS, activation="relu"):
    """One hidden layer with given weights (S, n, d), outputs at random."""
    first = torch.as_tensor(first)
    biases = 0.3 * drawn(seeds, first.shape[1], seed=21)
    return MLP([first, drawn(seeds, 2, first.shape[1], seed=22)], [biases, None], activation=activation)


def teacher_and_students():
    return network(drawn(SEEDS, NODES, 12, seed=1)), network(drawn(SEEDS, WIDTH, 12, seed=2))


def by_numpy(teacher, students, inputs):
    """Mean best correlation, coverage at 0.2 and the best of all assignments, of every seed."""
    found = []
    for seed in range(SEEDS):
        x = inputs[seed if len(inputs) > 1 else 0].numpy()
        fields = [
            np.maximum(x @ n.weights[0][seed].detach().numpy().T + n.biases[0][seed].detach().numpy(), 0)
            for n in (teacher, students)
        ]
        rho = np.corrcoef(*fields, rowvar=False)[:NODES, NODES:]
        best = rho.max(1)
        chosen = max(rho[range(NODES), list(order)].sum() for order in itertools.permutations(range(WIDTH), NODES))
        found.append((best.mean(), (best > 0.2).mean(), chosen / NODES))
    return np.array(found)


def test_the_measures_of_all_three_laws():
    teacher, students = teacher_and_students()
    found = on_three_laws(teacher, students, LAW, samples=SAMPLES, attack=ATTACK, epsilon=0.7, thresholds=0.2, seed=4)
    training = torch.from_numpy(LAW.sample(generator(4, "held-out"), SAMPLES))[None]
    isotropic = 1.5 * torch.from_numpy(generator(4, "held-out", 1).standard_normal((1, SAMPLES, 12)))
    adversarial = ATTACK(students, training, 0.7, teacher=teacher, seed=4).inputs[0]
    assert found.law.values.tolist() == list(LAWS)
    assert found.attrs["isotropic_scale"] == 1.5
    for law, inputs in zip(LAWS, (training, isotropic, adversarial)):
        one = found.sel(law=law, layer=1)
        expected = by_numpy(teacher, students, inputs)
        np.testing.assert_allclose(one.mean_best_correlation, expected[:, 0], rtol=1e-10)
        np.testing.assert_allclose(one.coverage, expected[:, 1], rtol=1e-12)
        np.testing.assert_allclose(one.mean_assigned_correlation, expected[:, 2], rtol=1e-10)
    each = found.mean_best_correlation.values.reshape(3, -1)
    assert (np.abs(each[0] - each[1]) > 0.01).all()  # power: the laws are told apart
    assert (np.abs(each[0] - each[2]) > 1e-3).all()


def test_a_student_that_is_its_teacher_inside_only():
    """Off the subspace it resembles nobody: that is what tells fragile students from robust ones."""
    teacher = network(drawn(SEEDS, NODES, 12, seed=1))
    inside = torch.from_numpy(U @ U.T)
    first = teacher.weights[0].detach() @ inside + 3 * drawn(SEEDS, NODES, 12, seed=5) @ (torch.eye(12) - inside)
    fragile = network(first)
    found = on_three_laws(teacher, fragile, LAW, samples=SAMPLES, epsilon=0.5)
    for name in ("mean_best_correlation", "mean_assigned_correlation", "coverage"):
        np.testing.assert_allclose(found[name].sel(law="training"), 1, rtol=1e-9)
        assert (found[name].sel(law="isotropic") < 0.8).all()
    assert (found.mean_best_correlation.sel(law="adversarial") < 0.999).all()
    # The same student in another order resembles its teacher everywhere.
    order = [2, 0, 1]
    twin = MLP(
        [teacher.weights[0].detach()[:, order], teacher.weights[1].detach()[..., order]],
        [teacher.biases[0].detach()[:, order], None],
    )
    everywhere = on_three_laws(teacher, twin, LAW, samples=SAMPLES, epsilon=0.5)
    np.testing.assert_allclose(everywhere.mean_best_correlation, 1, rtol=1e-9)
    np.testing.assert_allclose(everywhere.mean_assigned_correlation, 1, rtol=1e-9)


def test_correlations_are_signed_and_one_student_may_serve_all():
    """A student of opposite sign does not resemble; one copy of all students serves every teacher that is alike."""
    direction = drawn(1, 1, 12, seed=1)
    teacher = network(direction.expand(1, 3, 12), 1, "linear")
    opposite = network(-direction.expand(1, 3, 12), 1, "linear")
    found = on_three_laws(teacher, opposite, LAW, samples=200, epsilon=0.1)
    np.testing.assert_allclose(found.mean_best_correlation, -1, rtol=1e-9)
    one_of_three = network(torch.cat([direction, -direction.expand(1, 2, 12)], 1), 1, "linear")
    found = on_three_laws(teacher, one_of_three, LAW, samples=200, epsilon=0.1)
    np.testing.assert_allclose(found.mean_best_correlation, 1, rtol=1e-9)
    np.testing.assert_allclose(found.mean_assigned_correlation, (1 - 1 - 1) / 3, rtol=1e-9)
    fewer = network(direction, 1, "linear")  # two teacher nodes have no student of their own
    found = on_three_laws(teacher, fewer, LAW, samples=200, epsilon=0.1)
    np.testing.assert_allclose(found.mean_assigned_correlation, 1, rtol=1e-9)


def test_several_thresholds_layers_and_a_seed_that_diverged():
    def deep(seed):
        shapes = ((SEEDS, 4, 12), (SEEDS, 3, 4), (SEEDS, 2, 3))
        return MLP([drawn(*shape, seed=seed) for shape in shapes], [None] * 3)

    teacher, students = deep(1), deep(2)
    options = {"samples": 200, "epsilon": 0.3, "attack": ATTACK}
    before = on_three_laws(teacher, students, LAW, thresholds=[0.1, 0.5, 0.9], **options)
    assert before.coverage.dims == ("law", "seed", "layer", "threshold")
    assert dict(before.sizes) == {"law": 3, "seed": 2, "layer": 2, "threshold": 3}
    assert (before.coverage.diff("threshold") <= 0).all()
    single = on_three_laws(teacher, students, LAW, thresholds=0.5, **options)
    np.testing.assert_array_equal(single.coverage, before.coverage.sel(threshold=0.5))
    with torch.no_grad():
        students.weights[1][1] = torch.nan
    after = on_three_laws(teacher, students, LAW, **options)
    for name in ("mean_best_correlation", "mean_assigned_correlation"):
        assert np.isnan(after[name].sel(seed=1, layer=2)).all()
        np.testing.assert_allclose(after[name].sel(seed=0), before[name].sel(seed=0))
    assert np.isnan(after.coverage.sel(seed=1, layer=2)).all()
    np.testing.assert_allclose(after.coverage.sel(seed=0), before.coverage.sel(seed=0, threshold=0.9))


def test_laws_of_other_kinds():
    teacher, students = teacher_and_students()
    options = {"samples": 500, "epsilon": 0.3, "attack": ATTACK}
    uniform = on_three_laws(teacher, students, UniformInputs(dimension=12, half_width=2.0), **options)
    assert uniform.attrs["isotropic_scale"] == pytest.approx(2 / np.sqrt(3), rel=0.05)
    rows = np.random.default_rng(0).normal(3.0, 0.5, (600, 12))  # its mean is no part of the scale
    array = on_three_laws(teacher, students, rows, **options)
    assert array.attrs["isotropic_scale"] == pytest.approx(0.5, rel=0.05)
    given = on_three_laws(teacher, students, LAW, isotropic=0.2, **options)
    assert given.attrs["isotropic_scale"] == 0.2
    function = on_three_laws(teacher, students, lambda rng, shape: rng.normal(size=shape), **options)
    assert function.attrs["isotropic_scale"] == pytest.approx(1.0, rel=0.05)


def test_an_attack_on_a_side_has_the_subspace_of_the_law():
    teacher, students = teacher_and_students()
    value = ATTACK.replace(side="inside")
    found = on_three_laws(teacher, students, LAW, samples=100, epsilon=0.5, attack=value)
    other = on_three_laws(teacher, students, LAW, samples=100, epsilon=0.5, attack=ATTACK.replace(side="outside"))
    assert not np.allclose(found.sel(law="adversarial").coverage, np.nan)
    assert (found.mean_best_correlation != other.mean_best_correlation).sel(law="adversarial").all()


def test_modules():
    torch.manual_seed(0)
    teacher, student = (
        torch.nn.Sequential(torch.nn.Linear(12, n), torch.nn.ReLU(), torch.nn.Linear(n, 2)).double() for n in (3, 6)
    )
    found = on_three_laws(teacher, student, LAW, samples=200, epsilon=0.3)
    assert found.mean_best_correlation.dims == ("law", "layer")
    assert np.isfinite(found.mean_best_correlation).all()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"isotropic": 0.0}, "'isotropic' parameter of on_three_laws must be a finite number > 0"),
        ({"samples": 1}, "'samples' parameter must be a whole number >= 2"),
        ({"thresholds": 1.5}, "threshold of a coverage must be a number"),
        ({"thresholds": "0.9"}, "threshold of a coverage must be a number"),
        ({"epsilon": -1.0}, "must be finite numbers >= 0"),
        ({"law": UniformInputs(dimension=12), "attack": PGD(side="inside")}, "needs a law with a subspace"),
        ({"attack": "pgd"}, "must be a value such as PGD"),
    ],
)
def test_slips_are_one_sentence(changes, sentence):
    call = {"law": LAW, "samples": 50, "epsilon": 0.1, "attack": ATTACK, **changes}
    with pytest.raises(ParameterError) as slip:
        on_three_laws(*teacher_and_students(), call.pop("law"), **call)
    assert sentence in str(slip.value)
