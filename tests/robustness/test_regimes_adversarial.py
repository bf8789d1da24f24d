"""Adversarial training: the worst perturbations of linear students in closed form, and who labels them."""

import pytest

torch = pytest.importorskip("torch")

from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.networks.regimes import fresh_targets  # noqa: E402
from practicum.robustness.attacks import PGD, RandomNoise  # noqa: E402
from practicum.robustness.regimes import AdversarialTraining  # noqa: E402
from robustness.linear_students import SEEDS, batch_for, linear, nonlinear  # noqa: E402

EPSILON = 0.1
# With steps as large as the radius what "l2" is off from the pole is halved every step.
ATTACKS = {norm: PGD(norm=norm, steps=40, step_size=1.0, keep="last") for norm in ("linf", "l2")}


def along(norm, direction):
    """The point of the unit ball that goes farthest along each direction (..., d)."""
    return direction.sign() if norm == "linf" else direction / direction.norm(dim=-1, keepdim=True)


def reach(norm, direction):
    """How far it goes: the dual norm."""
    return direction.abs().sum(-1) if norm == "linf" else direction.norm(dim=-1)


def close(points, expected, rows):
    """Of the rows whose loss has one maximum in the ball; a radius is float32 to the attack."""
    assert rows.float().mean() > 0.7  # most
    torch.testing.assert_close(points[rows], expected[rows], rtol=0, atol=1e-7 * EPSILON)


@pytest.mark.parametrize("norm", ATTACKS)
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_regression(norm, labels):
    """A squared residual r grows along sign(r) grad r; with an oracle the residual is that at the perturbed input."""
    student, teacher = linear(1), linear(1, seed=2)
    batch = batch_for(teacher)
    points, wanted = AdversarialTraining(attack=ATTACKS[norm], epsilon=EPSILON, labels=labels)(student, teacher, batch)
    slope = {"fixed": student.weights[0], "oracle": student.weights[0] - teacher.weights[0]}
    residual = (student(batch.inputs) - teacher(batch.inputs)).detach()
    for name, w in slope.items():
        w = w.detach()
        expected = batch.inputs + EPSILON * residual.sign() * along(norm, w)
        one_sided = residual.abs().squeeze(-1) > EPSILON * reach(norm, w)
        if name == labels:
            close(points, expected, one_sided)
        else:  # power: the other judge has other perturbations
            assert (points - expected)[one_sided].abs().max() > 0.5 * EPSILON
    clean, perturbed = teacher(batch.inputs).detach(), teacher(points).detach()
    torch.testing.assert_close(wanted, perturbed if labels == "oracle" else clean, rtol=1e-12, atol=1e-14)
    assert (clean - perturbed).abs().median() > 0.1 * EPSILON


@pytest.mark.parametrize("norm", ATTACKS)
def test_two_classes_with_fixed_labels(norm):
    """The cross-entropy of two classes is a falling function of the difference of their outputs."""
    student, teacher = linear(2), linear(2, seed=2)
    batch = batch_for(teacher, "cross-entropy")
    points, wanted = AdversarialTraining(attack=ATTACKS[norm], epsilon=EPSILON, labels="fixed")(student, teacher, batch)
    w = (student.weights[0][:, :1] - student.weights[0][:, 1:]).detach()
    sign = 2 * batch.targets.unsqueeze(-1) - 1
    close(points, batch.inputs + EPSILON * sign * along(norm, w), torch.ones(points.shape[:2], dtype=torch.bool))
    assert wanted is batch.targets


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_labels_stay_those_of_the_clean_input(temperature):
    """With two classes KL(t || s) rises with s of the class of which the student is surer than the teacher."""
    student, teacher = linear(2), linear(2, seed=2)
    batch = batch_for(teacher, "kl", temperature=temperature)
    points, wanted = AdversarialTraining(attack=ATTACKS["linf"], epsilon=EPSILON, labels="fixed")(
        student, teacher, batch
    )
    with torch.no_grad():
        theirs, ours = (network(batch.inputs).softmax(-1)[..., :1] for network in (teacher, student))
        w = student.weights[0][:, :1] - student.weights[0][:, 1:]
        shift = EPSILON * reach("linf", w).unsqueeze(-1)
        logit = lambda p: torch.log(p) - torch.log1p(-p)
        one_sided = ((logit(ours) - logit(theirs)).abs() > shift).squeeze(-1)
    close(points, batch.inputs + EPSILON * (ours - theirs).sign() * along("linf", w), one_sided)
    assert wanted is batch.targets


def test_the_oracle_finds_nothing_wrong_with_its_twin():
    """Where student and teacher agree everywhere there is nothing to learn with an oracle, and much without one."""
    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4).build(range(2))
    data = make_data(GaussianInputs(dimension=6), teacher, range(2), 40, 40)
    training = Training(epochs=2, learning_rate=0.1)
    for labels in ("oracle", "fixed"):
        student = teacher.select([0, 1])
        found = fit(
            teacher, student, data, training, seeds=range(2), regime=AdversarialTraining(epsilon=0.1, labels=labels)
        )
        moved = max(float((p - q).detach().abs().max()) for p, q in zip(student.parameters(), teacher.parameters()))
        if labels == "oracle":
            assert (found.training_loss.values[1:] < 1e-24).all()  # rounding, squared
            assert moved < 1e-12
        else:
            assert (found.training_loss.values[1:] > 1e-4).all()
            assert moved > 1e-3


@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("loss", ["mse", "cross-entropy", "kl"])
def test_perturbed_inputs_are_worse_than_random_ones_and_within_the_radius(loss, labels):
    """Against points drawn from the same ball: the mean loss of the training is larger."""
    from practicum.networks.losses import losses

    student, teacher = nonlinear(4), nonlinear(4, seed=2)
    found = {}
    for name, attack in (("pgd", ATTACKS["linf"]), ("noise", RandomNoise())):
        batch = batch_for(teacher, loss, rows=200)
        points, wanted = AdversarialTraining(attack=attack, epsilon=0.3, labels=labels)(student, teacher, batch)
        assert (points - batch.inputs).abs().max() <= 0.3 * (1 + 1e-6)
        found[name] = losses(student(points).detach(), wanted, batch.training).mean(1)
    assert (found["pgd"] > 1.1 * found["noise"]).all()


def test_the_attack_sees_evaluation_and_leaves_no_trace():
    student, teacher = nonlinear(3, normalisation="before"), nonlinear(3, seed=2)
    with torch.no_grad():
        for _ in range(5):
            student(batch_for(teacher, seed=4).inputs * 3)
    before = {name: value.clone() for name, value in student.state_dict().items()}
    regime, ends = AdversarialTraining(epsilon=0.3), []
    for mode in (True, False):
        student.train(mode)
        ends.append(regime(student, teacher, batch_for(teacher))[0])
        assert all(module.training is mode for module in student.modules())
    assert torch.equal(*ends)
    assert all(torch.equal(before[name], value) for name, value in student.state_dict().items())
    assert all(p.grad is None for p in student.parameters())


def test_each_seed_draws_from_its_own_generator():
    student, teacher = nonlinear(3), nonlinear(3, seed=2)
    regime = AdversarialTraining(epsilon=0.3, attack=RandomNoise())
    together = regime(student, teacher, batch_for(teacher))[0]
    batch = batch_for(teacher)
    alone = batch._replace(inputs=batch.inputs[1:2], targets=batch.targets[1:2], rngs=batch.rngs[1:2])
    torch.testing.assert_close(regime(student.select([1]), teacher.select([1]), alone)[0], together[1:2])
    again = batch_for(teacher)
    first, second = (regime(student, teacher, again)[0] for _ in range(2))
    assert torch.equal(first, together)
    assert not torch.isclose(second, first).any()


def test_one_teacher_for_all_students():
    student, teacher = nonlinear(3), nonlinear(3, seed=2, seeds=1)
    batch = batch_for(teacher.select([0] * SEEDS))
    many = AdversarialTraining(epsilon=0.3)(student, teacher.select([0] * SEEDS), batch)
    one = AdversarialTraining(epsilon=0.3)(student, teacher, batch_for(teacher.select([0] * SEEDS)))
    for p, q in zip(one, many):
        torch.testing.assert_close(p, q)
    torch.testing.assert_close(one[1], fresh_targets(teacher, one[0], batch.training))


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_a_training_is_repeatable_and_goes_on_where_it_stood(loss):
    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4).build(range(2))
    data = make_data(GaussianInputs(dimension=6), teacher, range(2), 40, 40)
    training = Training(loss=loss, epochs=3, optimizer="adam")
    states, ends = [], []
    for options in ({"save": states.append}, {}, {"resume": None}):
        if "resume" in options:
            options["resume"] = states[0]
        students = Students(multiple=2).build(teacher, range(2))
        regime = AdversarialTraining(epsilon=0.1, attack=PGD(steps=3, keep="last"))
        ends.append((fit(teacher, students, data, training, seeds=range(2), regime=regime, **options), students))
    for found, students in ends[1:]:
        assert found.identical(ends[0][0])
        assert all(torch.equal(p, q) for p, q in zip(students.parameters(), ends[0][1].parameters()))
