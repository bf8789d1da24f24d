"""APGD against a readable version of one input at a time, written from its description."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from practicum.robustness.attacks import APGD, RandomNoise  # noqa: E402
from practicum.robustness.attacks import _climbing as climbing  # noqa: E402
from practicum.robustness.attacks._ball import Ball  # noqa: E402
from practicum.robustness.attacks._question import Answer, Question  # noqa: E402
from practicum.robustness.attacks._starts import Rows  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, C, ROWS, EPSILON = 7, 4, 12, 0.5
STUDENT = perceptrons(D, 16, 9, C, activation="erf")
X = drawn(ROWS, D)
LABELS = STUDENT(X)[0].argmax(-1)


def checkpoints(steps):
    """At 22 % of the steps, then after ever fewer: each time 3 % less, but never less than 6 %. In per cent."""
    found, place, width = [], 22, 22
    while -(-place * steps // 100) < steps:
        found.append(-(-place * steps // 100))
        width = max(width - 3, 6)
        place += width
    return found


def readable(loss, start, clean, norm, steps, fooled):
    """Algorithm 1 for one input; the points where the loss was asked for, and the best of them."""

    def nearest(point):
        rest = point - clean
        if norm == "linf":
            return clean + np.clip(rest, -EPSILON, EPSILON)
        return clean + rest * min(1, EPSILON / max(np.linalg.norm(rest), 1e-300))

    def unit(gradient):
        return np.sign(gradient) if norm == "linf" else gradient / np.linalg.norm(gradient)

    points, values, slopes = [start], [], []

    def ask():
        value, slope = loss(points[-1])
        values.append(value)
        slopes.append(slope)

    ask()
    best, size = 0, 2 * EPSILON
    here, before, slope = start, start, slopes[0]
    since, rises, value_before = 0, 0, values[0]  # since the last checkpoint
    size_then, best_then = size, values[0]
    for step in range(1, steps + 1):
        ahead = nearest(here + size * unit(slope))
        if step > 1:
            ahead = nearest(here + 0.75 * (ahead - here) + 0.25 * (here - before))
        before, here = here, ahead
        points.append(here)
        ask()
        slope = slopes[-1]
        rises += values[-1] > value_before
        value_before = values[-1]
        if values[-1] > values[best]:
            best = step
        if step in checkpoints(steps):
            halve = rises < 0.75 * (step - since) or (size == size_then and values[best] == best_then)
            size_then, best_then = size, values[best]
            if halve:
                size /= 2
                here = before = points[best]
                slope, value_before = slopes[best], values[best]
            since, rises = step, 0
    order = sorted(range(steps + 1), key=lambda k: (not fooled(points[k]), -values[k], k))
    return points, values, order[0]


def of_row(row):
    """Cross-entropy of a row and its gradient, by autograd; and whether the student is wrong."""
    label = LABELS[row]

    def loss(point):
        leaf = torch.from_numpy(point).requires_grad_()
        found = F.cross_entropy(STUDENT(leaf[None])[0], label[None])
        return found.item(), torch.autograd.grad(found, leaf)[0].numpy()

    def fooled(point):
        return bool(STUDENT(torch.from_numpy(point)[None])[0, 0].argmax() != label)

    return loss, fooled


def compare(norm, steps, monkeypatch):
    """Every point that is asked about, and what comes out."""
    seen, slope = [], Question.slope

    def watched(question, inputs):
        answer = slope(question, inputs)
        seen.append((inputs[0].numpy().copy(), answer.loss[0].numpy().copy()))
        return answer

    with monkeypatch.context() as changed:
        changed.setattr(Question, "slope", watched)
        found = APGD(norm=norm, steps=steps)(STUDENT, X, EPSILON, labels=LABELS, seed=2)
    starts = RandomNoise(norm=norm)(STUDENT, X, EPSILON, labels=LABELS, seed=2).inputs[0, 0].numpy()
    assert len(seen) == steps + 1
    for row in range(ROWS):
        points, values, best = readable(*of_row(row)[:1], starts[row], X[row].numpy(), norm, steps, of_row(row)[1])
        # At the top, where losses differ by their last bits, rounding decides which of two points is the best.
        np.testing.assert_allclose([point[row] for point, _ in seen], points, rtol=0, atol=1e-6)
        np.testing.assert_allclose([value[row] for _, value in seen], values, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(found.inputs[0, 0, row], points[best], rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.loss[0, 0, row], values[best], rtol=1e-8)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 2, 7, 40, 100])
def test_the_same_path(norm, steps, monkeypatch):
    compare(norm, steps, monkeypatch)


CHANGES = {"_MOMENTUM": 0.7, "_ENOUGH": 0.5, "_FIRST": climbing._FIRST * 2, "_LEAST": climbing._LEAST * 2, "_SHRINK": 0}


@pytest.mark.parametrize("name", CHANGES)
def test_another_constant_fails_this_test(name, monkeypatch):
    monkeypatch.setattr(climbing, name, CHANGES[name])
    with pytest.raises(AssertionError):
        compare("linf", 100, monkeypatch)


@pytest.mark.parametrize("what", ["never halved", "not restarted"])
def test_another_rule_fails_this_test(what, monkeypatch):
    right = climbing._State.halve

    def changed(state, step):
        halved = right(state, step)
        if what == "never halved":
            state.size = torch.full_like(state.size, 2.0)
        return torch.zeros_like(halved) if what == "not restarted" else halved

    monkeypatch.setattr(climbing._State, "halve", changed)
    with pytest.raises(AssertionError):
        compare("linf", 100, monkeypatch)


RISING = list(range(1, 9))
SEQUENCES = {
    "rises all the time": (0, RISING, False),
    "rises 6 times of 8": (0, [1, 2, 3, 2, 1, 4, 5, 6], False),
    "rises 5 times of 8": (0, [1, 2, 3, 2, 1, 0.5, 4, 5], True),
    "falls": (0, [-value for value in RISING], True),
    "rises after a fall, but to no new height": (10, RISING, True),
    "rises after a fall, to a new height": (7.5, RISING, False),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_when_steps_are_halved(name):
    """Where fewer than 75 % of them rose, or where neither the size nor the highest loss has changed."""
    first, others, halved = SEQUENCES[name]

    def answer(value):
        return Answer(torch.tensor([[float(value)]]), torch.tensor([[False]]), torch.zeros(1, 1, 2))

    state = climbing._State(torch.zeros(1, 1, 2), answer(first))
    for value in others:
        state.see(torch.full((1, 1, 2), float(value)), answer(value))
    assert state.halve(len(others)).item() == halved
    assert state.size.item() == (1.0 if halved else 2.0)
    assert state.highest.item() == max(first, *others)
    assert state.top[0, 0, 0].item() == max(others) * (max(others) > first)
    if name == "rises after a fall, but to no new height":  # a size that is new is given its chance
        for value in RISING:
            state.see(torch.zeros(1, 1, 2), answer(value + (value > 1) * 0.5 - 20 * (value == 1)))
        assert not state.halve(2 * len(RISING)).item()


def test_checkpoints():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    for steps in range(1, 400):
        assert climbing._checkpoints(steps) == set(checkpoints(steps))
    assert math.ceil(0.57 * 100) == 57 < math.ceil((0.22 + 0.19 + 0.16) * 100)  # why they are not floats


def test_steps_are_halved_where_the_loss_stops_rising():
    """On a ridge that steps jump across they shrink; on a slope they stay."""

    class Landscape:
        def __init__(self, ridge):
            self.ridge, self.asked = ridge, []

        def slope(self, point):
            self.asked.append(point[0, 0].numpy().copy())
            if not self.ridge:
                return Answer(point.sum(-1), point.sum(-1) < 0, torch.ones_like(point))
            return Answer(-(point - 0.1).abs().sum(-1), point.sum(-1) < -99, -(point - 0.1).sign())

    clean = torch.zeros(1, 1, 2, dtype=torch.float64)
    for ridge in (True, False):
        landscape = Landscape(ridge)
        ball = Ball("linf", clean, torch.ones(1, dtype=torch.float64))
        best = climbing.climb(landscape, ball, 100, [Rows(0, (0,), 0)])
        strides = np.abs(np.diff(landscape.asked, axis=0)).max(1)
        if ridge:
            assert strides[:20].mean() > 0.5
            assert strides[-5:].mean() < 0.1
            np.testing.assert_allclose(best.inputs[0, 0], [0.1, 0.1], atol=0.05)
        else:
            np.testing.assert_allclose(best.inputs[0, 0], [1, 1])
