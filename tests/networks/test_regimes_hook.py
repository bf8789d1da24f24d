"""The hook: a training under any function that changes its batches, and what such a function must not do."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.networks.losses import targets  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402
from practicum.networks.regimes import Batch, fresh_targets  # noqa: E402

LAW = GaussianInputs(dimension=6, scale=1.5)
TEACHER = SeparatedTeacher(inputs=6, hidden=3, outputs=5, decay=0.0)
TRAINING = Training(learning_rate=0.05, batch_size=8, epochs=3, steps_per_epoch=40)
SEEDS = (0, 4)
RULES = {
    "mse": {},
    "momentum": {"momentum": 0.9, "loss": "cross-entropy", "weight_decay": 0.01},
    "adam": {"optimizer": "adam", "loss": "kl", "temperature": 2.0, "steps_per_epoch": None},
    "anew": {"regenerate": True, "output_noise": 0.1},
}


def parts(seeds=SEEDS, *, shared=False, **changes):
    teacher = TEACHER.build([9] if shared else seeds)
    return teacher, Students(multiple=2, **changes).build(teacher, seeds), make_data(LAW, teacher, seeds, 50, 64)


def modules(seeds=SEEDS):
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 5)).double() for _ in seeds]
    return Ensemble(networks, shape=(6,))


def unchanged(student, teacher, batch):
    return batch.inputs, batch.targets


def noisy(student, teacher, batch):
    """Inputs that depend on everything that a regime is given."""
    student.eval()
    shape = batch.inputs.shape[1:]
    noise = torch.from_numpy(np.stack([rng.standard_normal(shape) for rng in batch.rngs]))
    inputs = batch.inputs + 0.1 * noise * (1 + student(batch.inputs).tanh().mean(-1, keepdim=True))
    return inputs, fresh_targets(teacher, inputs, batch.training)


def weights(network):
    return [v.detach().clone() for v in network.state_dict().values()]


# ---- what a training under a regime is


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("normalisation", [None, "after"])  # below BatchNorm the biases' gradient is rounding alone
def test_a_regime_that_changes_nothing_is_no_regime(rule, normalisation):
    """To rounding: the compiled kernel adds in another order. 120 updates lose no more than 4 of 16 digits."""
    training = TRAINING.replace(**RULES[rule])
    plain, other = parts(normalisation=normalisation), parts(normalisation=normalisation)
    without = fit(*plain, training, seeds=SEEDS)
    under = fit(*other, training, seeds=SEEDS, regime=unchanged)
    for name in ("loss", "training_loss"):
        np.testing.assert_allclose(under[name], without[name], rtol=1e-11)
    for p, q in zip(weights(other[1]), weights(plain[1])):
        torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)
    # Power: one part in a million of the inputs is seen.
    third = parts(normalisation=normalisation)
    fit(*third, training, seeds=SEEDS, regime=lambda s, t, b: (b.inputs * (1 + 1e-6), b.targets))
    if normalisation is None:
        assert any((p - q).abs().max() > 1e-9 for p, q in zip(weights(third[1]), weights(plain[1])))


def test_modules_of_an_ensemble_have_the_same_bits_under_a_regime_that_changes_nothing():
    teacher, _, data = parts()
    training = TRAINING.replace(optimizer="adam")
    plain, other = modules(), modules()
    without = fit(teacher, plain, data, training, seeds=SEEDS)
    assert without.identical(fit(teacher, other, data, training, seeds=SEEDS, regime=unchanged))
    assert all(torch.equal(p, q) for p, q in zip(weights(plain), weights(other)))


def test_the_loss_of_a_regime_takes_the_place_of_the_trainings():
    """An absolute difference, summed by hand: one batch of all examples, plain descent."""
    teacher, students, data = parts()
    training = Training(learning_rate=0.1, batch_size=50, epochs=1)
    mirror = parts()[1]

    def regime(student, teacher, batch):
        return batch.inputs, batch.targets, lambda outputs, wanted: (outputs - wanted).abs().sum(-1)

    found = fit(teacher, students, data, training, seeds=SEEDS, regime=regime)
    loss = (mirror(data.inputs) - teacher(data.inputs)).abs().sum(-1).mean(1)
    loss.sum().backward()
    np.testing.assert_allclose(found.training_loss.values[1], loss.detach(), rtol=1e-12)
    for p, q in zip(students.parameters(), mirror.parameters()):
        torch.testing.assert_close(p, q - 0.1 * q.grad, rtol=1e-10, atol=1e-13)
    assert np.isfinite(found.loss.values).all()  # of the held-out examples: the training's


def test_more_rows_and_the_reported_loss_is_that_of_the_regimes_batches():
    teacher, students, data = parts()
    training = Training(learning_rate=1e-300, batch_size=7, epochs=1)

    def regime(student, teacher, batch):
        inputs = torch.cat([batch.inputs, 2 * batch.inputs, -batch.inputs], 1)
        return inputs, fresh_targets(teacher, inputs, batch.training)

    found = fit(teacher, students, data, training, seeds=SEEDS, regime=regime)
    with torch.no_grad():
        inputs = torch.cat([data.inputs, 2 * data.inputs, -data.inputs], 1)
        wanted = (students(inputs) - teacher(inputs)).square().mean((1, 2))
    np.testing.assert_allclose(found.training_loss.values[1], wanted, rtol=1e-12)


def test_what_a_regime_is_given():
    seen = []

    def regime(student, teacher, batch):
        assert isinstance(batch, Batch)
        asked = teacher(batch.inputs)
        seen.append(
            (
                tuple(batch.inputs.shape),
                torch.equal(batch.targets, targets(asked, batch.training)),
                student.training,
                teacher.training,
                torch.is_grad_enabled(),
                batch.epoch,
                [rng.random() for rng in batch.rngs],
            )
        )
        return batch.inputs, batch.targets

    made = parts()
    made[0].train()
    fit(*made, TRAINING.replace(loss="cross-entropy", steps_per_epoch=2, epochs=2), seeds=SEEDS, regime=regime)
    assert [entry[:6] for entry in seen] == [((2, 8, 6), True, True, False, True, e) for e in (0, 0, 1, 1)]
    for epoch in range(2):
        drawn = [generator(seed, "regime", epoch).random(2) for seed in SEEDS]
        assert [entry[6] for entry in seen[2 * epoch : 2 * epoch + 2]] == np.transpose(drawn).tolist()
    assert made[0].training


def test_the_modules_of_an_ensemble_come_one_by_one_with_what_is_theirs():
    seen = []

    def regime(student, teacher, batch):
        seen.append((student.seeds, teacher.seeds, len(batch.rngs), [rng.random() for rng in batch.rngs]))
        assert torch.equal(batch.targets, teacher(batch.inputs))
        return batch.inputs, batch.targets

    teacher, _, data = parts()
    fit(teacher, modules(), data, TRAINING.replace(steps_per_epoch=1, epochs=1), seeds=SEEDS, regime=regime)
    assert seen == [(1, 1, 1, [generator(seed, "regime", 0).random()]) for seed in SEEDS]


@pytest.mark.parametrize("make", [lambda: parts(normalisation="before")[1], modules], ids=["MLP", "Ensemble"])
def test_a_regime_that_forgets_the_mode_changes_nothing(make):
    """The update is in training mode, whatever the regime left behind."""

    def forgetful(student, teacher, batch):
        student.eval()
        return batch.inputs, batch.targets

    teacher, _, data = parts()
    ends = []
    for regime in (unchanged, forgetful):
        students = make()
        fit(teacher, students, data, TRAINING, seeds=SEEDS, regime=regime)
        ends.append(weights(students))
        assert all(module.training for module in students.modules())
    assert all(torch.equal(p, q) for p, q in zip(*ends))


def test_gradients_left_behind_do_not_count():
    def careless(student, teacher, batch):
        student(batch.inputs).square().sum().backward()
        return batch.inputs, batch.targets

    ends = []
    for regime in (unchanged, careless):
        made = parts()
        fit(*made, TRAINING, seeds=SEEDS, regime=regime)
        ends.append(weights(made[1]))
        assert all(p.grad is None for p in made[1].parameters())
    assert all(torch.equal(p, q) for p, q in zip(*ends))


def test_one_teacher_answers_for_all_seeds():
    teacher, _, data = parts(shared=True)
    found = fresh_targets(teacher, data.inputs, TRAINING)
    torch.testing.assert_close(found, teacher(data.inputs.flatten(0, 1)).view(2, 50, 5))
    classes = fresh_targets(teacher, data.inputs, TRAINING.replace(loss="cross-entropy"))
    assert torch.equal(classes, found.argmax(-1))
    fit(*parts(shared=True), TRAINING, seeds=SEEDS, regime=noisy)


def test_a_loss_of_its_own_compares_with_anything_that_has_an_entry_a_seed():
    def regime(student, teacher, batch):
        size = batch.targets.square().mean((1, 2))
        return batch.inputs, size, lambda outputs, wanted: (outputs.square().mean(-1) - wanted.view(-1, 1)).abs()

    assert (fit(*parts(), TRAINING, seeds=SEEDS, regime=regime).status == "ok").all()


# ---- seeds, and going on


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["MLP", "BatchNorm", "Ensemble"])
def test_a_training_goes_on_where_it_stood(rule, kind):
    training = TRAINING.replace(**RULES[rule])

    def ended(**options):
        teacher, students, data = parts(normalisation="after" if kind == "BatchNorm" else None)
        students = modules() if kind == "Ensemble" else students
        return fit(teacher, students, data, training, seeds=SEEDS, regime=noisy, **options), weights(students)

    states = []
    whole = ended(save=states.append)
    for state in states:
        part = ended(resume=state)
        assert whole[0].identical(part[0])
        assert all(torch.equal(p, q) for p, q in zip(whole[1], part[1]))
    if rule in ("momentum", "adam"):  # power: what the optimizer remembers matters
        nothing = {name: np.zeros_like(value) for name, value in states[0].optimizer.items()}
        assert not whole[0].identical(ended(resume=replace(states[0], optimizer=nothing))[0])


def test_what_is_drawn_in_an_epoch_matters_to_going_on():
    """Power of the test above: a generator that is carried along gives another end."""
    carried = [np.random.default_rng(seed) for seed in SEEDS]

    def regime(student, teacher, batch):
        return noisy(student, teacher, batch._replace(rngs=carried))

    states = []
    whole = fit(*parts(), TRAINING, seeds=SEEDS, regime=regime, save=states.append)
    carried = [np.random.default_rng(seed) for seed in SEEDS]
    assert not whole.identical(fit(*parts(), TRAINING, seeds=SEEDS, regime=regime, resume=states[0]))


@pytest.mark.parametrize("kind", ["MLP", "Ensemble"])
def test_seeds_share_nothing(kind):
    """The same students alone as among others, to rounding: perceptrons learn side by side in batched products."""

    def ended(seeds):
        teacher, students, data = parts(seeds)
        if kind == "Ensemble":
            students = Ensemble([modules(range(3)).networks[seed] for seed in seeds], shape=(6,))
        return fit(teacher, students, data, TRAINING.replace(momentum=0.5), seeds=seeds, regime=noisy)

    together, alone = ended((0, 1, 2)), ended((1,))
    for name in ("loss", "training_loss"):
        np.testing.assert_allclose(together[name].sel(seed=[1]), alone[name], rtol=1e-10)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_seed_diverges_alone(optimizer):
    seeds = (0, 4, 6)
    training = TRAINING.replace(optimizer=optimizer)
    calm = parts(seeds)
    wanted = fit(*calm, training, seeds=seeds, regime=noisy)
    wild = parts(seeds)
    with torch.no_grad():
        for weight in wild[1].weights:
            weight[1] *= 1e9
    found = fit(*wild, training, seeds=seeds, regime=noisy)
    assert found.status.values.tolist() == ["ok", "diverged", "ok"]
    assert np.isnan(found.loss.values[1:, 1]).all()
    assert torch.isnan(wild[1].weights[0][1]).all()
    # The walk of the batched product over a seed of NaN beside is the same: bits, here.
    assert found.sel(seed=[0, 6]).identical(wanted.sel(seed=[0, 6]))
    for p, q in zip(weights(wild[1]), weights(calm[1])):
        assert torch.equal(p[[0, 2]], q[[0, 2]])


def test_inputs_that_a_diverging_student_draws_along_are_a_result():
    """An attack on a student of NaN returns NaN; that is no fault of the regime."""

    def attack(student, teacher, batch):
        leaf = batch.inputs.clone().requires_grad_()
        (slope,) = torch.autograd.grad((student(leaf) - batch.targets).square().sum(), leaf)
        return batch.inputs + 0.1 * slope.sign(), batch.targets

    found = fit(*parts(), TRAINING.replace(learning_rate=1e6), seeds=SEEDS, regime=attack)
    assert (found.status == "diverged").all()
    assert (found.diverged_at <= 40).all()


# ---- one sentence


def refused(match, regime, *, training=TRAINING, **options):
    with pytest.raises(ParameterError, match=match) as raised:
        fit(*parts(), training, seeds=SEEDS, regime=regime, **options)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


def returning(change):
    return lambda student, teacher, batch: change(batch.inputs, batch.targets)


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda x, t: x, "two tensors.*Got Tensor"),
        (lambda x, t: (x,), "two tensors"),
        (lambda x, t: (x, t.numpy()), "Got \\['Tensor', 'ndarray'\\]"),
        (lambda x, t: (x, t, 3.0), "must be a function loss\\(outputs, targets\\)"),
        (lambda x, t: (x[:1], t[:1]), "must have shape \\(2, B, 6\\).*Got \\(1, 8, 6\\)"),
        (lambda x, t: (x[..., :5], t), "must have shape \\(2, B, 6\\)"),
        (lambda x, t: (x[:, :0], t[:, :0]), "at least one example"),
        (lambda x, t: (x.sum(), t), "must have shape \\(2, B, 6\\).*Got \\(\\)"),
        (lambda x, t: (x.float(), t), "must be of torch.float64.*Got torch.float32"),
        (lambda x, t: (x, t[:, :7]), "targets that a regime returns.*\\(2, 8, 5\\).*Got torch.float64 of shape"),
        (lambda x, t: (x, t.argmax(-1)), "targets that a regime returns.*Got torch.int64"),
        (lambda x, t: (x, t[0], lambda o, w: o.sum(-1)), None),
        (lambda x, t: (x / 0, t), "finite inputs and targets.*seed\\(s\\) 0, 4 in epoch 1"),
        (lambda x, t: (x, t * torch.tensor([1.0, torch.nan]).view(2, 1, 1)), "seed\\(s\\) 4 in epoch 1"),
        (lambda x, t: (x, t, lambda o, w: o), "shape \\(2, B\\).*Got shape \\(2, 8, 5\\)"),
        (lambda x, t: (x, t, lambda o, w: o.sum()), "Got shape \\(\\)"),
        (lambda x, t: (x, t, lambda o, w: o.detach().sum(-1)), "without a gradient"),
        (lambda x, t: (x, t, lambda o, w: 1.0), "Got float"),
    ],
)
def test_what_nothing_can_be_learnt_from(change, match):
    refused(match or "targets that a regime returns", returning(change))


def test_what_is_no_regime():
    refused("'regime' parameter must be a function", "adversarial")


def test_a_state_goes_on_as_it_began():
    states = []
    fit(*parts(), TRAINING, seeds=SEEDS, save=states.append)
    refused("a training without a regime.* Got one with here", unchanged, resume=states[0])
    fit(*parts(), TRAINING, seeds=SEEDS, save=states.append, regime=unchanged)
    refused("a training with a regime.* Got one without here", None, resume=states[-1])
