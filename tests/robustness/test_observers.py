"""What is seen of students inside and outside the data subspace while they train."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import LowRankInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.robustness.attacks import PGD  # noqa: E402
from practicum.robustness.errors import robust_errors  # noqa: E402
from practicum.robustness.observers import InsideOutside  # noqa: E402
from practicum.robustness.regimes import NoiseAugmentation  # noqa: E402

LAW = LowRankInputs(dimension=10, rank=4)
U = LAW.subspace()
SEEDS = range(3)


def networks(**changes):
    teacher = SeparatedTeacher(inputs=10, hidden=3, outputs=2, decay=0.0).build(SEEDS)
    return teacher, Students(multiple=2, **changes).build(teacher, SEEDS)


def trained(training, *, regime=None, **options):
    """What is seen, teacher, students, and the weights of the start."""
    teacher, students = networks()
    start = students.weights[0].detach().clone()
    observer = InsideOutside(U, students, samples=400, **options)
    data = make_data(LAW, teacher, SEEDS, 60, 50)
    found = fit(teacher, students, data, training, seeds=SEEDS, observers=[observer], regime=regime)
    return found, teacher, students, start


def change_by_hand(students, start, seed):
    """|W(I - P) - W0(I - P)| / |W0(I - P)|."""
    off = np.eye(10) - U @ U.T
    now, before = (w[seed].numpy() @ off for w in (students.weights[0].detach(), start))
    return np.linalg.norm(now - before) / np.linalg.norm(before)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_never_moves_what_is_outside(momentum):
    found, _, students, start = trained(Training(learning_rate=0.05, momentum=momentum, epochs=10))
    assert float(found.off_subspace_weight_change.max()) < 1e-13
    moved = (students.weights[0].detach() - start).norm() / start.norm()
    assert moved > 0.05  # inside they have
    assert (found.inside.isel(step=-1) > found.inside.isel(step=0) + 0.05).all()


def test_weight_decay_shrinks_it_and_adam_and_noise_move_it():
    decay = Training(learning_rate=0.05, weight_decay=0.1, epochs=10, batch_size=6)
    found, _, students, start = trained(decay)
    steps = 10 * np.arange(11)
    for seed in SEEDS:
        expected = 1 - (1 - 0.05 * 0.1) ** steps
        np.testing.assert_allclose(found.off_subspace_weight_change.sel(seed=seed), expected, atol=1e-12)
    for training, regime in (
        (Training(optimizer="adam", learning_rate=0.01, epochs=5), None),
        (Training(learning_rate=0.05, epochs=5), NoiseAugmentation(scale=0.5)),
    ):
        found, _, students, start = trained(training, regime=regime)
        last = found.off_subspace_weight_change.isel(step=-1)
        assert (last > 0.02).all()
        np.testing.assert_allclose(last, [change_by_hand(students, start, seed) for seed in SEEDS], rtol=1e-10)
        assert len(np.unique(last)) == 3  # each seed is compared with its own start
        assert (found.off_subspace_weight_change.isel(step=0) == 0).all()


def test_correlations_against_numpy():
    """Of the first layer, on inputs scale * U z and scale * V z."""
    found, teacher, students, _ = trained(Training(learning_rate=0.1, epochs=60), scale=2.0)
    rng = np.random.default_rng(0)
    complement = np.linalg.svd(U)[0][:, 4:]
    for name, basis in (("inside", U), ("outside", complement)):
        x = 2.0 * rng.standard_normal((40_000, basis.shape[1])) @ basis.T
        for seed in SEEDS:
            nodes = [
                np.maximum(x @ n.weights[0][seed].detach().numpy().T + n.biases[0][seed].detach().numpy(), 0)
                for n in (teacher, students)
            ]
            expected = np.corrcoef(*nodes, rowvar=False)[:3, 3:].max(1).mean()
            seen = float(found[name].sel(seed=seed).isel(step=-1))
            # Other samples of the law: a correlation of 400 scatters by up to 0.05.
            assert abs(seen - expected) < 0.1, (name, seed)
    assert (found.inside - found.outside).isel(step=-1).min() > 0.1


def test_the_inputs_lie_where_they_should():
    students = networks()[1]
    observer = InsideOutside(U, students, samples=3000, scale=0.7)
    inside, outside = (x[0].numpy() for x in (observer.inside, observer.outside))
    np.testing.assert_allclose(inside @ U @ U.T, inside, atol=1e-12)
    np.testing.assert_allclose(outside @ U, 0, atol=1e-12)
    for points, size in ((inside, 4), (outside, 6)):  # 0.7 along each direction
        assert np.sqrt((points**2).sum() / 3000 / size) == pytest.approx(0.7, rel=0.03)
    again = InsideOutside(U, students, samples=3000, scale=0.7)
    assert torch.equal(again.inside, observer.inside)
    assert not torch.equal(InsideOutside(U, students, samples=3000, scale=0.7, seed=1).inside, observer.inside)


@pytest.mark.parametrize("side", [None, "outside"])
def test_a_robust_error_on_the_way(side):
    value = PGD(norm="l2", steps=3, side=side)
    found, teacher, students, _ = trained(Training(epochs=2), epsilon=0.4, attack=value, attacked=20)
    data = make_data(LAW, teacher, SEEDS, 60, 50)
    expected = robust_errors(
        students, data.held_out[:, :20], 0.4, teacher=teacher, attack=value, kinds=["oracle_squared_error"],
        subspace=None if side is None else U,
    )  # fmt: skip
    np.testing.assert_allclose(found.oracle_squared_error.isel(step=-1), expected.oracle_squared_error[0], rtol=1e-10)
    other = trained(Training(epochs=1), epsilon=0.4, attack=value, error="fixed_label_error")[0]
    assert "fixed_label_error" in other


def test_a_resumed_training_sees_the_same():
    training, states = Training(optimizer="adam", epochs=4), []
    seen = []
    for resume in (False, True):
        teacher, students = networks()
        observer = InsideOutside(U, students, samples=100)
        data = make_data(LAW, teacher, SEEDS, 30, 20)
        options = {"resume": states[1]} if resume else {"save": states.append}
        seen.append(fit(teacher, students, data, training, seeds=SEEDS, observers=[observer], **options))
    assert seen[0].identical(seen[1])


def test_a_seed_that_diverges_is_nan():
    found = trained(Training(learning_rate=1e5, epochs=2), epsilon=0.1, attack=PGD(steps=1))[0]
    assert (found.status == "diverged").all()
    for name in ("inside", "outside", "off_subspace_weight_change", "oracle_squared_error"):
        assert np.isnan(found[name].isel(step=-1)).all()
        assert np.isfinite(found[name].isel(step=0)).all()


def test_all_students_at_once_and_one_by_one_are_the_same():
    teacher, students = networks()
    observer = InsideOutside(U, students, samples=100)
    with torch.no_grad():
        students.weights[0].add_(0.1 * torch.rand(students.weights[0].shape, dtype=students.dtype))
        inputs = torch.zeros(1, 5, 10, dtype=students.dtype)
        together = observer(teacher, students, inputs)
        for seed in SEEDS:
            alone = observer(teacher.select([seed]), students.select([seed]), inputs)
            for name, (_, values) in alone.items():
                np.testing.assert_allclose(values, together[name][1][seed : seed + 1], rtol=1e-10)
    assert (together["off_subspace_weight_change"][1] > 0).all()


def test_what_does_not_fit_is_one_sentence():
    teacher, students = networks()
    for call, sentence in (
        (lambda: InsideOutside(np.eye(10), students), "something must be outside"),
        (lambda: InsideOutside(np.eye(9)[:, :2], students), "must have shape (10, r)"),
        (lambda: InsideOutside(2 * U, students), "must be orthonormal"),
        (lambda: InsideOutside(U, Ensemble([torch.nn.Linear(10, 2)])), "students that are an MLP"),
        (lambda: InsideOutside(U, students, error="oracle_square_error"), "Did you mean 'oracle_squared_error'?"),
        (lambda: InsideOutside(U, students, samples=1), "'samples' parameter must be a whole number >= 2"),
    ):
        with pytest.raises(ParameterError) as slip:
            call()
        assert sentence in str(slip.value)
    observer = InsideOutside(U, students, samples=50)
    others = networks(initial_scale=2.0)[1].select([0])
    with pytest.raises(ParameterError, match="students that it was made for"):
        observer(teacher.select([0]), others, torch.zeros(1, 5, 10, dtype=students.dtype))
    with pytest.raises(ParameterError, match="looks at perceptrons"):
        observer(teacher, Ensemble([torch.nn.Linear(10, 2)]), torch.zeros(1, 5, 10))


def test_without_torch_its_name_is_one_sentence(monkeypatch):
    import sys

    import practicum.robustness

    monkeypatch.delitem(sys.modules, "practicum.robustness.observers")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ParameterError, match="need the package 'torch', which is not installed"):
        practicum.robustness.InsideOutside
