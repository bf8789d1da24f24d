"""fit: what comes back, what is drawn and when, what is left as it was; and that students do learn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.networks._batches import Examples, order  # noqa: E402
from practicum.networks.data import Data  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402

LAW = GaussianInputs(dimension=6, scale=1.5)
TEACHER = SeparatedTeacher(inputs=6, hidden=3, outputs=5, decay=0.0)
TRAINING = Training(learning_rate=0.05, batch_size=8, epochs=3, steps_per_epoch=40)


def parts(seeds=(0, 4), *, samples=50, held_out=64, dtype="float64", multiple=2, **changes):
    teacher = TEACHER.build(seeds, dtype=dtype)
    students = Students(multiple=multiple, **changes).build(teacher, seeds, dtype=dtype)
    return teacher, students, make_data(LAW, teacher, seeds, samples, held_out, dtype=dtype)


def fitted(training=TRAINING, seeds=(0, 4), *, made=None, **options):
    return fit(*(made or parts(seeds)), training, seeds=seeds, **options)


def test_what_comes_back():
    data = fitted()
    assert dict(data.sizes) == {"step": 4, "seed": 2}
    assert data.step.values.tolist() == [0, 40, 80, 120]
    assert data.epoch.values.tolist() == [0, 1, 2, 3]
    assert data.seed.values.tolist() == [0, 4]
    assert data.loss.dims == data.training_loss.dims == ("step", "seed")
    assert data.loss.dtype == np.float64
    assert data.status.values.tolist() == ["ok", "ok"]
    assert data.diverged_at.values.tolist() == [-1, -1]
    assert np.isnan(data.training_loss.values[0]).all()
    assert np.isfinite(data.training_loss.values[1:]).all()


def test_students_learn():
    data = fitted(TRAINING.replace(epochs=10, steps_per_epoch=200), made=parts(samples=1000))
    assert (data.loss.values[-1] < 0.05 * data.loss.values[0]).all()
    assert (data.training_loss.values[-1] < 0.05 * data.loss.values[0]).all()


@pytest.mark.parametrize("loss", ["mse", "cross-entropy", "kl"])
def test_the_loss_is_that_of_the_held_out_examples(loss):
    made = teacher, students, data = parts()
    found = fitted(TRAINING.replace(loss=loss, temperature=2.0 if loss == "kl" else 1.0), made=made)
    with torch.no_grad():
        asked, given = teacher(data.held_out).numpy(), students(data.held_out).numpy()
    for seed in range(2):
        x, t = given[seed], asked[seed]
        if loss == "mse":
            wanted = np.mean((x - t) ** 2)
        elif loss == "cross-entropy":
            wanted = np.mean([np.log(np.exp(o).sum()) - o[a.argmax()] for o, a in zip(x, t)])
        else:
            p, q = (np.exp(v / 2) / np.exp(v / 2).sum(1, keepdims=True) for v in (t, x))
            wanted = 4 * np.mean(np.sum(p * np.log(p / q), 1))
        assert found.loss.values[-1, seed] == pytest.approx(wanted, rel=1e-12)


def test_the_training_loss_is_the_mean_over_batches_each_before_its_update():
    """With a rate of almost 0 nothing moves, and a pass takes each example once, the smaller last batch too."""
    made = teacher, students, data = parts(samples=43)
    found = fitted(TRAINING.replace(learning_rate=1e-300, steps_per_epoch=None, epochs=1), made=made)
    with torch.no_grad():
        squares = (students(data.inputs) - teacher(data.inputs)).square().mean((1, 2))
    assert found.step.values.tolist() == [0, 6]
    assert found.training_loss.values[1] == pytest.approx(squares.numpy(), rel=1e-12)


def test_a_pass_takes_each_example_once_and_with_replacement_some_twice():
    training = TRAINING.replace(steps_per_epoch=None)
    once = order(3, 0, 100, training)
    assert sorted(once) == list(range(100))
    assert not np.array_equal(once, order(3, 1, 100, training))
    assert np.array_equal(once, order(3, 0, 100, training))
    drawn = order(3, 0, 100, TRAINING)
    assert drawn.shape == (320,)
    assert len(set(drawn.tolist())) == pytest.approx(100 * (1 - 0.99**320), abs=4)


def test_rates_follow_the_schedule():
    """At a rate of 1e-300 weights stand still: the first epoch moves, the second does not, the third does."""
    training = TRAINING.replace(schedule=((1, 1e-300), (2, 0.05)))
    assert [training.rate(epoch) for epoch in range(4)] == [0.05, 1e-300, 0.05, 0.05]
    loss = fitted(training).loss.values
    assert (loss[1] != loss[0]).all()
    assert (loss[2] == loss[1]).all()
    assert (loss[3] != loss[2]).all()


def test_noise_is_of_the_training_targets_alone_and_fixed():
    made = teacher, _, data = parts(samples=2000)
    clean, noisy = (Examples(teacher, data, TRAINING.replace(output_noise=s), (0, 4)) for s in (0.0, 0.5))
    noise = (noisy.wanted - clean.wanted).numpy()
    assert noise.std() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * noise.size))
    assert abs(noise.mean()) < 4 * 0.5 / np.sqrt(noise.size)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 4 / np.sqrt(noise[0].size)
    noisy.begin(0)
    before = noisy.wanted
    noisy.begin(1)
    assert noisy.wanted is before
    loss = fitted(TRAINING.replace(output_noise=0.5), made=made).loss.values
    assert loss[0] == pytest.approx(fitted(made=parts(samples=2000)).loss.values[0], rel=1e-12)


def test_inputs_are_drawn_anew_every_epoch_if_asked_for():
    teacher, _, data = parts()
    examples = Examples(teacher, data, TRAINING.replace(regenerate=True, output_noise=0.1), (0, 4))
    seen = []
    for epoch in (0, 1, 2, 1):
        examples.begin(epoch)
        seen.append((examples.inputs, examples.wanted))
    assert torch.equal(seen[0][0], data.inputs)
    for part in (0, 1):
        assert torch.equal(seen[1][part], seen[3][part])
        assert not torch.isclose(seen[1][part], seen[2][part]).any()
        assert not torch.isclose(seen[0][part], seen[1][part]).any()
    again = Examples(teacher, data, TRAINING, (0, 4))
    again.begin(2)
    assert again.inputs is data.inputs


def test_observers_see_evaluation_without_gradients_where_they_are_asked_for():
    seen = []

    def observer(teacher, students, inputs):
        seen.append((teacher.training, students.training, torch.is_grad_enabled(), tuple(inputs.shape), students.seeds))
        return {"first": (("seed", "node"), students.weights[0][:, :, 0].numpy().copy())}

    data = fitted(made=parts(normalisation="before"), observers=[observer], observe_at=[0, 3])
    assert set(seen) == {(False, False, False, (1, 64, 6), 1)}
    assert data.first.dims == ("step", "seed", "node")
    assert data.first.shape == (2, 2, 6)
    assert data.step.values.tolist() == [0, 120]
    assert fitted(observe_at=2).epoch.values.tolist() == [0, 2, 3]
    assert np.array_equal(data.first.values[0], parts(normalisation="before")[1].weights[0].detach()[:, :, 0])
    every = fitted(made=parts(normalisation="before"))
    assert np.array_equal(every.loss.values[[0, 3]], data.loss.values)


def test_observing_changes_nothing():
    made, other = parts(), parts()
    fitted(made=made, observe_at=[3])
    fitted(made=other, observers=[lambda t, s, x: {"n": (("seed",), s(x).sum((1, 2)).numpy())}])
    assert all(torch.equal(p, q) for p, q in zip(made[1].parameters(), other[1].parameters()))


def test_modes_threads_and_gradients_are_as_they_were():
    made = teacher, students, _ = parts(normalisation="after")
    students.norms[0].eval()
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        fitted(made=made)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert students.training
    assert not students.norms[0].training
    assert not teacher.training
    assert all(p.grad is None and p.requires_grad for p in students.parameters())
    assert torch.is_grad_enabled()


def test_one_thread_for_blas_too():
    control = pytest.importorskip("threadpoolctl")
    counts = []

    def observer(teacher, students, inputs):
        counts.extend(lib["num_threads"] for lib in control.threadpool_info() if lib["user_api"] == "blas")
        return {"n": (("seed",), np.zeros(students.seeds))}

    with control.threadpool_limits(2, user_api="blas"):
        fitted(observers=[observer])
        after = [lib["num_threads"] for lib in control.threadpool_info() if lib["user_api"] == "blas"]
    assert set(counts) == {1}
    assert set(after) == {2}


def test_progress_rises_to_one_and_an_interrupt_leaves_order():
    shares = []
    fitted(progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) >= 3
    made, before = parts(), torch.get_num_threads()

    def interrupt(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(made=made, progress=interrupt)
    assert torch.get_num_threads() == before
    assert made[1].training
    assert all(torch.isfinite(p).all() for p in made[1].parameters())


def test_any_teacher_and_any_students():
    """A Sequential teaches as the same weights in an MLP do, and students in an Ensemble learn as in an MLP."""
    torch.manual_seed(0)
    linear = [nn.Linear(6, 3), nn.Linear(3, 5)]
    raw = nn.Sequential(linear[0], nn.ReLU(), linear[1]).double()
    teacher = MLP([m.weight.detach()[None] for m in linear], [m.bias.detach()[None] for m in linear])
    law, seeds = LAW, (0, 4)
    _, students, _ = parts()
    modules = []
    for seed in range(2):
        layers = [nn.Linear(w.shape[2], w.shape[1]).double() for w in students.weights]
        for layer, weight, bias in zip(layers, students.weights, students.biases):
            layer.weight.data.copy_(weight[seed])
            layer.bias.data.copy_(bias[seed])
        modules.append(nn.Sequential(layers[0], nn.ReLU(), layers[1]))
    found = [
        fit(t, s, make_data(law, t, seeds, 50, 64), TRAINING.replace(momentum=0.5), seeds=seeds)
        for t, s in ((teacher, students), (raw, Ensemble(modules, shape=(6,))))
    ]
    np.testing.assert_allclose(found[0].loss, found[1].loss, rtol=1e-12)
    np.testing.assert_allclose(found[0].training_loss, found[1].training_loss, rtol=1e-12)


def test_a_module_with_a_seed_axis_of_its_own():
    class Wrapped(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, inputs):
            return self.inner(inputs)

    plain, wrapped = parts(), parts()
    found = fitted(made=plain), fitted(made=(wrapped[0], Wrapped(wrapped[1]), wrapped[2]))
    np.testing.assert_allclose(found[0].loss, found[1].loss, rtol=1e-12)


def test_frozen_weights_stay():
    made = parts()
    made[1].weights[1].requires_grad_(False)
    before = [p.detach().clone() for p in made[1].parameters()]
    fitted(made=made)
    moved = [not torch.equal(p, q) for p, q in zip(made[1].parameters(), before)]
    assert moved == [True, False, True, True]


def test_shared_examples():
    teacher, students, own = parts()
    data = make_data(LAW, teacher, (0, 4), 50, 64, shared=True)
    assert data.inputs.shape == (1, 50, 6)
    assert torch.equal(data.inputs[0], own.inputs[0])
    alike = Data(data.inputs.expand(2, -1, -1), data.held_out.expand(2, -1, -1))
    one, two = fit(teacher, students, data, TRAINING, seeds=(0, 4)), fitted(made=(teacher, parts()[1], alike))
    assert one.equals(two)


def test_the_reported_loss_of_float32_is_that_of_float64():
    single, double = (fitted(TRAINING, made=parts(dtype=dtype)) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(single.loss, double.loss, rtol=1e-3)  # 120 updates, each rounded at 1e-7
    assert not np.array_equal(single.loss, double.loss)


def test_two_observers_must_not_say_the_same():
    def observer(teacher, students, inputs):
        return {"loss": (("seed",), np.zeros(students.seeds))}

    with pytest.raises(ParameterError, match="'loss' twice"):
        fitted(observers=[observer])
    with pytest.raises(ParameterError, match="first dimension is 'seed'"):
        fitted(observers=[lambda t, s, x: {"n": (("node",), np.zeros(3))}])
