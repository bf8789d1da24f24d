"""Losses of the user's own: what they are told, that they are made large, and that success stays what it was."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.attacks import _running as running  # noqa: E402
from practicum.robustness.attacks.losses import Truth, losses  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, C, S, ROWS = 8, 5, 3, 50
STUDENTS, TEACHER, X = perceptrons(D, 12, C, seeds=S), perceptrons(D, 9, C, seed=5), drawn(ROWS, D)
RADII = [0.1, 0.4]
ATTACKS = [PGD(), PGD(norm="l2", restarts=2, steps=6), FGSM(), RandomNoise(tries=3), APGD(steps=12, restarts=3)]
ATTACKS += [Worst(attacks=(PGD(steps=4), APGD(steps=6)))]


def of(attack, **changes):
    if isinstance(attack, Worst):
        return Worst(attacks=tuple(each.replace(**changes) for each in attack.attacks))
    return attack.replace(**changes)


def own(name):
    """A named loss, written by the user."""

    def objective(outputs, theirs, labels):
        if name == "cross-entropy":
            return F.cross_entropy(outputs.movedim(-1, 1), labels.expand(outputs.shape[:2]), reduction="none")
        return 0.5 * (outputs - theirs).square().sum(-1)

    return objective


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_a_named_loss_of_the_users_own(attack):
    """With labels that each part of the rows must get its own of, against the loss of the same name."""
    labels = np.random.default_rng(2).integers(0, C, (S, ROWS))
    usual = attack(STUDENTS, X, RADII, labels=labels)
    found = attack(STUDENTS, X, RADII, labels=labels, objective=own("cross-entropy"))
    assert torch.equal(found.success, usual.success)
    torch.testing.assert_close(found.loss, usual.loss, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.inputs, usual.inputs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
@pytest.mark.parametrize("oracle", [False, True])
def test_a_squared_difference_of_the_users_own(attack, oracle):
    """The teacher's outputs are those on the perturbed inputs with an oracle, else those on the clean ones."""
    value = of(attack, loss="mse", oracle=oracle)
    usual = value(STUDENTS, X, RADII, teacher=TEACHER)
    found = value(STUDENTS, X, RADII, teacher=TEACHER, objective=own("mse"))
    for name in ("success", "loss", "inputs"):
        torch.testing.assert_close(getattr(found, name), getattr(usual, name), rtol=1e-9, atol=1e-9)


def test_what_it_is_told():
    seen = []

    def objective(outputs, theirs, labels):
        seen.append((outputs.shape, None if theirs is None else theirs.shape, None if labels is None else labels.shape))
        return outputs[..., 0] if theirs is None else outputs[..., 0] - theirs[..., 0]

    labels = np.zeros(ROWS, int)
    for options, expected in (
        ({"labels": labels}, (None, (1, ROWS))),
        ({"teacher": TEACHER}, ((S, ROWS, C), (S, ROWS))),
        ({"teacher": TEACHER, "labels": labels}, ((S, ROWS, C), (1, ROWS))),
    ):
        seen.clear()
        PGD(steps=2, keep="last")(STUDENTS, X, 0.1, objective=objective, **options)
        assert {(tuple(s[0]), s[1] and tuple(s[1]), s[2] and tuple(s[2])) for s in seen} == {((S, ROWS, C), *expected)}
    seen.clear()
    PGD(steps=2, keep="last", oracle=True)(STUDENTS, X, 0.1, objective=objective, teacher=TEACHER)
    assert all(s[1] == (S, ROWS, C) and s[2] is None for s in seen)


def test_success_stays_what_it_was():
    """Of classes: a wrong label, whatever is made large; in regression: a larger squared difference."""
    labels = STUDENTS(X).argmax(-1)
    kind = PGD(steps=15, keep="last")
    mild = kind(STUDENTS, X, 0.4, labels=labels, objective=lambda z, t, y: -own("cross-entropy")(z, t, y))
    assert not mild.success.any()
    wild = kind(STUDENTS, X, 0.4, labels=labels)
    assert wild.success.double().mean() > 0.3
    for sign in (1, -1):
        value = PGD(loss="mse", keep="last", oracle=True)
        found = value(
            STUDENTS, X, 0.2, teacher=TEACHER, objective=lambda z, t, y, sign=sign: 100 * sign * own("mse")(z, t, y)
        )
        with torch.no_grad():
            one = TEACHER(found.inputs[0].flatten(0, 1)).view(S, ROWS, C)
            after = losses("mse", STUDENTS(found.inputs[0]), Truth(None, one))
            before = losses("mse", STUDENTS(X), Truth(None, TEACHER(X)))
        assert torch.equal(found.success[0], after > before * (1 + 1e-6))
        torch.testing.assert_close(found.loss[0], 100 * sign * after)
        share = found.success.double().mean()
        assert share > 0.95 if sign == 1 else share < 0.05


def test_a_loss_that_is_a_view_of_the_outputs():
    """Its memory is used again at the next point; what is remembered must not change with it."""
    labels = np.zeros(ROWS, int)
    for attack in (APGD(steps=30), PGD(steps=10), Worst(attacks=(PGD(steps=4), APGD(steps=30)))):
        view, copy = (
            attack(STUDENTS, X, 0.4, labels=labels, objective=objective)
            for objective in (lambda z, t, y: z[..., 1], lambda z, t, y: z[..., 1] + 0.0)
        )
        for name in ("loss", "inputs", "success"):
            assert torch.equal(getattr(view, name), getattr(copy, name))


def test_in_parts(monkeypatch):
    labels = np.random.default_rng(2).integers(0, C, ROWS)
    attack = APGD(steps=12, restarts=3)
    whole = attack(STUDENTS, X, RADII, labels=labels, objective=own("cross-entropy"))
    monkeypatch.setattr(running, "_ENTRIES", 200)
    parts = attack(STUDENTS, X, RADII, labels=labels, objective=own("cross-entropy"))
    assert torch.equal(parts.success, whole.success)
    torch.testing.assert_close(parts.inputs, whole.inputs, rtol=0, atol=1e-9)


def test_a_loss_of_the_teacher_alone():
    """To lead it astray; the student's outputs have no gradient then."""

    def objective(outputs, theirs, labels):
        two = theirs.topk(2, -1).values
        return two[..., 1] - two[..., 0]

    found = PGD(steps=10, oracle=True)(STUDENTS, X, 0.3, teacher=TEACHER, objective=objective)
    with torch.no_grad():
        clean = objective(None, TEACHER(X), None)
    assert (found.loss[0] > clean).double().mean() > 0.9  # rows that fool the student count before larger losses


def test_targets_have_a_loss_of_their_own():
    labels = np.zeros(ROWS, int)
    attack = TargetedAPGD(steps=5)
    found = attack(STUDENTS, X, 0.3, labels=labels, objective=own("cross-entropy"))
    usual = attack(STUDENTS, X, 0.3, labels=labels)
    assert torch.equal(found.inputs, usual.inputs)
    expected = own("cross-entropy")(STUDENTS(found.inputs[0]).detach(), None, torch.zeros(1, ROWS, dtype=torch.int64))
    torch.testing.assert_close(found.loss[0], expected)
