"""TRADES: its loss and gradient against numbers computed by hand, and where its attack begins and ends."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from practicum.networks import Training, fit, make_data  # noqa: E402
from practicum.networks.losses import losses  # noqa: E402
from practicum.robustness.attacks import PGD  # noqa: E402
from practicum.robustness.regimes import TRADES  # noqa: E402
from robustness.linear_students import INPUTS, ROWS, SEEDS, batch_for, drawn, linear, nonlinear  # noqa: E402

TRAINING = Training(loss="cross-entropy")


def softmax(values):
    powers = np.exp(values - values.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("beta", [0.0, 6.0])
def test_the_loss_by_hand(beta):
    outputs, labels = drawn(2, 6, 4), torch.tensor([[0, 3, 1], [2, 2, 0]])
    found = TRADES(epsilon=0.1, beta=beta).loss(outputs, torch.cat([labels, labels], 1), TRAINING).numpy()
    for seed in range(2):
        for row in range(3):
            p, q = softmax(outputs[seed, row].numpy()), softmax(outputs[seed, row + 3].numpy())
            wanted = -np.log(p[labels[seed, row]]) + beta * np.sum(p * np.log(p / q))
            assert found[seed, row] == pytest.approx(wanted, rel=1e-12)
            if beta:  # power: the divergence the other way round
                assert abs(-np.log(p[labels[seed, row]]) + beta * np.sum(q * np.log(q / p)) - wanted) > 1e-3


@pytest.mark.parametrize("loss", ["cross-entropy", "kl"])
def test_the_gradient_by_finite_differences(loss):
    """Of clean outputs and of perturbed ones: central differences of step 1e-5 are right to about 1e-10."""
    training, regime = Training(loss=loss), TRADES(epsilon=0.1, beta=2.5)
    outputs = drawn(2, 6, 4).requires_grad_()
    wanted = torch.tensor([[0, 3, 1] * 2, [2, 2, 0] * 2]) if loss == "cross-entropy" else drawn(2, 6, 4).softmax(-1)
    (gradient,) = torch.autograd.grad(regime.loss(outputs, wanted, training).sum(), outputs)
    with torch.no_grad():
        for place in np.ndindex(2, 6, 4):
            step = torch.zeros_like(outputs)
            step[place] = 1e-5
            high, low = (regime.loss(outputs + s * step, wanted, training).sum() for s in (1, -1))
            assert float(gradient[place]) == pytest.approx(float(high - low) / 2e-5, abs=1e-8)
    # Power: a divergence whose first half counts as fixed has another gradient.
    half = outputs.shape[1] // 2
    log, other = outputs[:, :half].log_softmax(-1), outputs[:, half:].log_softmax(-1)
    fixed = losses(outputs[:, :half], wanted[:, :half], training) + 2.5 * (log.exp() * (log - other)).detach().sum(-1)
    assert (torch.autograd.grad(fixed.sum(), outputs)[0] - gradient).abs().max() > 0.01


def test_an_update_is_that_of_the_source():
    """One step of plain descent against the loss as functions of torch, at the same perturbed inputs."""
    teacher, student, mirror = nonlinear(4, seed=2), nonlinear(4), nonlinear(4)
    inputs = drawn(SEEDS, 10, INPUTS)
    data = make_data(inputs[0].repeat(3, 1).numpy(), teacher, range(SEEDS), 10, 10)
    seen = []

    def regime(student, teacher, batch):
        seen.append((*TRADES(epsilon=0.2, beta=3.0)(student, teacher, batch), batch))
        return seen[-1][:3]

    training = Training(loss="cross-entropy", batch_size=10, epochs=1, learning_rate=0.1)
    found = fit(teacher, student, data, training, seeds=range(SEEDS), regime=regime)
    ((both, _, _, batch),) = seen
    clean, moved = both[:, :10], both[:, 10:]
    assert torch.equal(clean, batch.inputs)
    for seed in range(SEEDS):
        alone = mirror.select([seed])
        natural, other = alone(clean[seed])[0], alone(moved[seed])[0]
        robust = torch.nn.KLDivLoss(reduction="batchmean")(other.log_softmax(1), natural.softmax(1))
        loss = torch.nn.functional.cross_entropy(natural, batch.targets[seed]) + 3.0 * robust
        loss.backward()
        assert found.training_loss.values[1, seed] == pytest.approx(float(loss.detach()), rel=1e-10)
        for p, q in zip(student.parameters(), alone.parameters()):
            torch.testing.assert_close(p[seed].detach(), (q - 0.1 * q.grad)[0].detach(), rtol=1e-9, atol=1e-12)


def test_the_attack_goes_as_far_as_it_can():
    """The divergence of two classes grows with the change of the difference of their outputs, either way."""
    student, teacher = linear(2), linear(2, seed=2)
    regime = TRADES(epsilon=0.1)
    inputs, wanted, _ = regime(student, teacher, batch := batch_for(teacher, "cross-entropy"))
    assert inputs.shape == (SEEDS, 2 * ROWS, INPUTS)
    assert torch.equal(wanted, torch.cat([batch.targets] * 2, 1))
    w = (student.weights[0][:, :1] - student.weights[0][:, 1:]).detach()
    moved = inputs[:, ROWS:] - inputs[:, :ROWS]
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 0.1), rtol=1e-6, atol=0)
    torch.testing.assert_close((moved * w).sum(-1).abs(), (0.1 * w.abs().sum(-1)).expand(-1, ROWS), rtol=1e-6, atol=0)


def test_the_attack_begins_next_to_the_clean_input():
    """x + 0.001 N(0, I), which one step of no length leaves as it is; a uniform start would have 0.29."""
    teacher, student = nonlinear(3, seed=2), nonlinear(3)
    still = TRADES(epsilon=0.5, attack=PGD(steps=1, step_size=1e-12, keep="last"))

    def moved(regime):
        inputs = regime(student, teacher, batch_for(teacher, "cross-entropy"))[0]
        return inputs[:, ROWS:] - inputs[:, :ROWS]

    start = moved(still) / 0.001
    count = start.numel()
    assert abs(float(start.mean())) < 4 / count**0.5
    assert float(start.var()) == pytest.approx(1, abs=4 * (2 / count) ** 0.5)  # 4 standard errors
    assert not torch.isclose(start[0], start[1]).any()
    assert moved(TRADES(epsilon=0.5)).abs().amax(-1).median() > 0.49


def test_all_restarts_begin_there():
    teacher, student = nonlinear(3, seed=2), nonlinear(3)
    regime = TRADES(epsilon=0.5, attack=PGD(steps=1, step_size=1e-12, restarts=3))
    inputs = regime(student, teacher, batch_for(teacher, "cross-entropy"))[0]
    assert (inputs[:, ROWS:] - inputs[:, :ROWS]).abs().max() < 0.001 * 6


def test_answers_around_the_data_become_alike():
    """What the divergence is for: an attacked student of TRADES changes its softmax less than a standard one."""
    from practicum.networks import GaussianInputs, SeparatedTeacher, Students

    teacher = SeparatedTeacher(inputs=8, hidden=4, outputs=4, decay=0.0).build(range(2))
    data = make_data(GaussianInputs(dimension=8), teacher, range(2), 300, 200)
    training = Training(loss="cross-entropy", epochs=15, learning_rate=0.1)
    change = []
    for regime in (None, TRADES(epsilon=0.2)):
        students = Students(multiple=3).build(teacher, range(2))
        fit(teacher, students, data, training, seeds=range(2), regime=regime)
        attacked = PGD(loss="kl", steps=10)(students, data.held_out, 0.2, teacher=students)
        change.append(attacked.loss[0].mean(1))
    assert (change[1] < 0.5 * change[0]).all()
