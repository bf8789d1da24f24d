"""How strong attacks are on students that were trained: what must be stronger than what, and what must not weaken."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.networks.mlp import MLP  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.attacks import _slopes as slopes  # noqa: E402
from practicum.robustness.attacks.losses import losses  # noqa: E402
from robustness.attack_networks import LAW, drawn, perceptrons, scaled, trained  # noqa: E402

RADII = [0.0, 0.1, 0.2, 0.4]
LOSSES = ["cross-entropy", "margin", "dlr", "confidence", "kl", "mse"]
NORMS = ["linf", "l2"]
RADIUS = {"linf": 0.1, "l2": 0.3}


def attack_trained(attack, radii=0.1, **options):
    teacher, students, inputs = trained("mse", 1) if attack.loss == "mse" else trained()
    if attack.side is not None:
        options["subspace"] = LAW.subspace()
    return attack(students, inputs, radii, teacher=teacher, **options)


OF_PROBABILITIES = [("kl", False), ("kl", True)]
"""Losses that are large where a student is right, too: there points count that fool it, whatever their loss."""


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("oracle", [False, True])
def test_descent_beats_one_step_beats_noise(norm, loss, oracle):
    """In the mean loss of every student. Steps are longer than the usual ones, which end 1 % short of "l2"'s pole."""
    shared = {"norm": norm, "loss": loss, "oracle": oracle}
    ladder = [RandomNoise(**shared), FGSM(**shared), PGD(step_size=0.3, **shared)]
    ladder += [PGD(steps=40, restarts=5, step_size=0.15, **shared), APGD(**shared)]
    found = [attack_trained(attack, RADIUS[norm]) for attack in ladder]
    if (loss, oracle) in OF_PROBABILITIES:
        noise, step, descent, thorough, climb = (each.rate.squeeze(0) for each in found)
        assert (descent > noise).all()
        assert (climb > noise).all()
        least = torch.maximum(descent, step)
    else:
        noise, step, descent, thorough, climb = (each.loss.mean(-1).squeeze(0) for each in found)
        assert (step > noise).all()
        least = descent - 0.001 * (descent - noise)
        assert (climb > descent - 0.03 * (descent - noise)).all()
        assert (descent > step).all()
    assert (thorough > least).all()


@pytest.mark.parametrize("side", [None, "inside", "outside"])
@pytest.mark.parametrize("norm", NORMS)
def test_sides_share_the_reach(norm, side):
    """An attack that may go anywhere is the strongest; outside the data there is a reach, too."""
    value = PGD(norm=norm, loss="margin", steps=30, side=side)
    clean = attack_trained(PGD(loss="margin"), 0.0).loss
    found, free = attack_trained(value, 0.2).loss, attack_trained(value.replace(side=None), 0.2).loss
    assert (free.mean(-1) >= found.mean(-1) - 1e-9).all()
    assert (found.mean(-1) > clean.mean(-1) + 0.05).all()


ATTACKS = [PGD(), PGD(norm="l2", keep="last"), FGSM(), RandomNoise(), APGD(steps=20), TargetedAPGD(norm="l2", steps=10)]
ATTACKS += [PGD(oracle=True, loss="margin"), PGD(oracle=True, margin=0.3, loss="margin"), PGD(loss="mse", oracle=True)]
ATTACKS += [Worst(attacks=(APGD(steps=20), TargetedAPGD(steps=10)))]


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_success_rises_with_the_radius(attack):
    """Row by row; what is wrong at 0 is wrong for all. The order in which radii are asked about does not matter."""
    found = attack_trained(attack, RADII)
    assert (found.success[1:] >= found.success[:-1]).all()
    assert (found.distance <= torch.tensor(RADII).view(-1, 1, 1) * (1 + 1e-6)).all()
    assert not found.distance[0].any()
    other = attack_trained(attack, RADII[::-1])
    for name in ("success", "loss", "inputs", "distance"):
        assert torch.equal(getattr(other, name).flip(0), getattr(found, name))
    assert other.epsilons.tolist() == RADII[::-1]
    if attack.loss == "mse":
        assert not found.success[0].any()
        assert (found.loss[1:] >= found.loss[:-1]).all()


def test_equal_radii_and_one_radius():
    twice = attack_trained(PGD(), [0.1, 0.1])
    once = attack_trained(PGD(), 0.1)
    assert torch.equal(twice.inputs[0], twice.inputs[1])
    assert torch.equal(twice.success[:1], once.success)
    assert once.epsilons.tolist() == [0.1]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("loss, oracle", [("cross-entropy", False), ("margin", True), ("mse", True)])
@pytest.mark.parametrize("kind", [PGD, APGD])
def test_restarts_are_never_worse(norm, loss, oracle, kind):
    """Row by row: the first restart is the one that there would be alone, and later ones only add."""
    one, four = (
        attack_trained(kind(norm=norm, loss=loss, oracle=oracle, steps=8, restarts=n), RADIUS[norm]) for n in (1, 4)
    )
    assert (four.success >= one.success).all()
    same = four.success == one.success
    assert (four.loss[same] >= one.loss[same] - 1e-9 * one.loss[same].abs()).all()
    assert (four.loss > one.loss + 1e-6).any()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("loss", ["cross-entropy", "dlr", "mse"])
def test_the_best_point_is_never_worse_than_the_last(norm, loss):
    """Also with steps so long that the last point is a bad one."""
    for size in (None, 3.0):
        best, last = (
            attack_trained(PGD(norm=norm, loss=loss, step_size=size, steps=7, keep=keep), RADIUS[norm])
            for keep in ("best", "last")
        )
        assert (best.success >= last.success).all()
        same = best.success == last.success
        assert (best.loss[same] >= last.loss[same]).all()
    assert (best.loss > last.loss).any()


def test_noise_tried_more_often_is_worse():
    one, ten = (attack_trained(RandomNoise(tries=n)) for n in (1, 10))
    assert (ten.success >= one.success).all()
    assert ten.loss.mean() > one.loss.mean()


@pytest.mark.parametrize("attack", [PGD(), FGSM(), APGD(steps=20), PGD(loss="confidence"), PGD(norm="l2")], ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [100.0, 1e4, 1e6])
def test_surer_students_are_no_more_robust(attack, dtype, factor):
    """Outputs times a factor have the same classes; an attack that the factor stops would call them robust."""
    _, students, inputs = trained()
    students, inputs = scaled(students, 1.0).to(dtype), inputs.to(dtype)
    labels = students(inputs).argmax(-1)
    radius = RADIUS[attack.norm] * 2
    plain, sure = (attack(scaled(students, f), inputs, radius, labels=labels).rate for f in (1.0, factor))
    assert (plain > 0.15).all()
    assert (sure > 0.95 * plain).all()


def test_autograd_fails_this_test(monkeypatch):
    def plain(name, outputs, truth):
        return slopes.by_autograd(lambda outputs, truth: losses(name, outputs, truth), outputs, truth)

    monkeypatch.setattr("practicum.robustness.attacks._question.with_gradient", plain)
    with pytest.raises(AssertionError):
        test_surer_students_are_no_more_robust(PGD(), torch.float32, 1e4)


@pytest.mark.parametrize("loss", ["cross-entropy", "kl"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_surer_students_of_surer_oracles(loss, dtype):
    teacher, students, inputs = trained()
    attack = PGD(loss=loss, oracle=True)
    rates = []
    for factor in (1.0, 100.0, 1e4):
        ours, theirs = (scaled(network, factor).to(dtype) for network in (students, teacher))
        rates.append(attack(ours, inputs.to(dtype), 0.1, teacher=theirs).rate)
    assert (rates[0] > 0.08).all()
    # A little less: where outputs are small classes are pulled at that are not the second likeliest.
    assert (rates[1] > 0.9 * rates[0]).all()
    assert (rates[2] > 0.9 * rates[0]).all()


def test_an_oracle_is_asked_for_labels_by_default():
    """Without a loss being named, an attack with an oracle is about as strong as one without."""
    free, judged = attack_trained(PGD()), attack_trained(PGD(oracle=True))
    assert (judged.rate > free.rate - 0.02).all()
    assert (attack_trained(PGD(oracle=True, loss="kl")).rate < 0.5 * judged.rate).all()  # the divergence is no measure


def test_an_oracle_finds_nothing_wrong_with_its_twin():
    """And fixed labels do; the gradient is 0 there, which must not become a direction."""
    teacher, _, inputs = trained()
    for loss in LOSSES:
        found = PGD(loss=loss, oracle=True)(teacher, inputs, [0.1, 1.0], teacher=teacher)
        assert not found.success.any()
    assert PGD()(teacher, inputs, 0.3, teacher=teacher).rate.item() > 0.2
    assert not FGSM(loss="mse", oracle=True)(teacher, inputs, 0.3, teacher=teacher).distance.any()


def test_several_attacks_are_worse_than_each():
    """And where one has succeeded the others leave its point alone."""
    first, second = PGD(steps=3, loss="confidence"), APGD(steps=15, loss="margin")
    one, both = attack_trained(first), attack_trained(Worst(attacks=(first, second)))
    assert (both.success >= one.success).all()
    assert both.success.sum() > one.success.sum()
    kept = one.success.unsqueeze(-1).expand_as(one.inputs)
    assert torch.equal(both.inputs[kept], one.inputs[kept])
    right = ~both.success
    assert (both.loss[right] >= one.loss[right]).all()
    order = attack_trained(Worst(attacks=(second, first)))
    assert order.success.sum() >= attack_trained(second).success.sum()


def test_several_attacks_on_a_regression():
    """Nothing is right or wrong there; the larger loss counts."""
    weak, strong = FGSM(loss="mse"), PGD(loss="mse")
    for order in ((weak, strong), (strong, weak)):
        both = attack_trained(Worst(attacks=order))
        for each in order:
            assert (both.loss >= attack_trained(each).loss.mul(1 - 1e-9)).all() or each is strong
        assert both.loss.mean() > attack_trained(weak).loss.mean()
    assert Worst(loss="mse").attacks == (APGD(loss="mse"),)


def test_targets_are_tried_from_the_likeliest_on():
    """More targets succeed more often, and the first is the class that comes second at the clean input."""
    _, students, inputs = trained()
    labels = students(inputs).argmax(-1)
    rates = [TargetedAPGD(targets=n, steps=15)(students, inputs, 0.15, labels=labels) for n in (1, 2, 9)]
    assert (rates[1].success >= rates[0].success).all()
    assert (rates[2].success >= rates[1].success).all()
    assert rates[2].success.sum() > rates[0].success.sum()
    second = students(inputs).topk(2, -1).indices[..., 1]
    reached = rates[0].success[0]
    landed = students(rates[0].inputs[0]).argmax(-1)
    assert (landed == second)[reached].double().mean() > 0.9


def test_a_flat_network_is_left_alone():
    """Where the loss has no slope nothing moves an attack but its start."""
    flat = MLP([torch.zeros(1, 3, 20, dtype=torch.float64)], [drawn(1, 3)])
    labels = flat(drawn(9, 20))[0].argmax(-1)
    for attack in (PGD(), APGD(), PGD(norm="l2"), TargetedAPGD()):
        if attack.outputs_needed <= 3:
            found = attack(flat, drawn(9, 20), 0.3, labels=labels)
            assert not found.success.any()
            assert torch.isfinite(found.inputs).all()
    dead = perceptrons(20, 5, 3)
    with torch.no_grad():
        dead.biases[0] -= 1e6
    found = APGD(norm="l2")(dead, drawn(9, 20), 0.3, labels=labels)
    assert np.isfinite(found.loss.numpy()).all()
