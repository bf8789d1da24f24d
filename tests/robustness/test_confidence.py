"""Confidence-thresholded robust errors: against loops over hand-made cases, and of networks that refuse to answer."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.robustness.attacks import FGSM, PGD, RandomNoise  # noqa: E402
from practicum.robustness.confidence import (  # noqa: E402
    confidence_errors,
    confidence_threshold,
    confidence_thresholded_error,
)
from practicum.robustness.errors import robust_errors  # noqa: E402
from robustness.linear_students import INPUTS, drawn, nonlinear  # noqa: E402

# ---- arrays


def by_hand(wrong, confidence, attacked_wrong, attacked_confidence, tau):
    """The formula, input by input."""
    above = below = 0
    for e, c, f, a in zip(wrong, confidence, attacked_wrong, attacked_confidence):
        above += max(int(e and c >= tau), int(f and a >= tau))
        below += max(int(c >= tau), int(a >= tau))
    return above / below if below else np.nan


def made(*shape, seed=0):
    """Flags and confidences with many ties."""
    rng = np.random.default_rng([seed, *shape])
    return rng.random(shape) < 0.4, rng.integers(0, 11, shape) / 10


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.55, 0.9, 1.0, 1.1])
def test_the_formula_input_by_input(tau):
    wrong, confidence = made(3, 40)
    attacked_wrong, attacked_confidence = made(2, 3, 40, seed=1)
    found = confidence_thresholded_error(wrong, confidence, attacked_wrong, attacked_confidence, tau)
    assert found.shape == (2, 3)
    for e, s in np.ndindex(2, 3):
        expected = by_hand(wrong[s], confidence[s], attacked_wrong[e, s], attacked_confidence[e, s], tau)
        np.testing.assert_equal(found[e, s], expected)


def test_six_inputs_counted_on_paper():
    """tau = 0.5: answered are inputs 0, 1, 2, 4; wrong among them 1 (perturbed) and 2 (clean). Input 3 is refused."""
    wrong = np.array([False, False, True, True, False, False])
    confidence = np.array([0.9, 0.8, 0.7, 0.4, 0.5, 0.2])
    attacked_wrong = np.array([True, True, True, True, False, True])
    attacked_confidence = np.array([0.4, 0.6, 0.3, 0.4, 0.9, 0.49])
    arguments = (wrong, confidence, attacked_wrong, attacked_confidence)
    assert confidence_thresholded_error(*arguments, 0.5) == 2 / 4
    assert confidence_thresholded_error(*arguments) == 5 / 6  # without a threshold: the robust error
    assert confidence_thresholded_error(*arguments, 0.95) != confidence_thresholded_error(*arguments, 0.95)  # NaN
    # Power: means of the two robust errors, or a denominator of all inputs, are other numbers.
    assert (attacked_wrong & (attacked_confidence >= 0.5)).mean() != 2 / 4
    assert 2 / len(wrong) != 2 / 4


def test_each_seed_has_its_threshold_and_nan_stays_with_its_seed():
    wrong, confidence = made(3, 40)
    attacked_wrong, attacked_confidence = made(3, 40, seed=1)
    tau = np.array([0.2, np.nan, 0.6])
    found = confidence_thresholded_error(wrong, confidence, attacked_wrong, attacked_confidence, tau)
    each = [by_hand(wrong[s], confidence[s], attacked_wrong[s], attacked_confidence[s], tau[s]) for s in (0, 2)]
    np.testing.assert_allclose(found[[0, 2]], each)
    assert np.isnan(found[1])
    confidence[0, 3] = np.nan
    assert np.isnan(confidence_thresholded_error(wrong, confidence, attacked_wrong, attacked_confidence, 0.1)[0])


@pytest.mark.parametrize("rate", [0.99, 0.9, 0.5, 1.0, 0.001])
@pytest.mark.parametrize("count", [1, 7, 100, 200, 1000])
def test_the_threshold_is_the_largest_that_keeps_enough(rate, count):
    confidence = np.random.default_rng(count).permutation(np.arange(count) / count)
    (tau,) = confidence_threshold(confidence[None], np.ones((1, count), bool), rate)
    # Counted in whole numbers: 0.99 * 100 is 99, whatever floats say.
    needed = -(-round(rate * 1000) * count // 1000)
    assert (confidence >= tau).sum() == needed
    assert (confidence > tau).sum() < needed


def test_only_correctly_classified_inputs_set_the_threshold():
    confidence = np.array([[0.1, 0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4, 0.5], [0.3, np.nan, 0.3, 0.3, 0.3]])
    correct = np.array([[False, True, True, True, True], [False] * 5, [True] * 5])
    found = confidence_threshold(confidence, correct, 0.75)
    assert found[0] == 0.6
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: confidence_threshold([0.5], [True], 0.0), "must be > 0 and <= 1"),
        (lambda: confidence_threshold([0.5], [True], 1.01), "must be > 0 and <= 1"),
        (lambda: confidence_threshold([0.5], [True], True), "must be > 0 and <= 1"),
        (lambda: confidence_threshold([0.5], [1]), "a flag, True or False"),
        (lambda: confidence_threshold([], np.zeros(0, bool)), "of each of the same inputs"),
        (lambda: confidence_threshold([0.5, 0.6], [True]), "Got shapes (2,) and (1,)"),
        (lambda: confidence_thresholded_error([True] * 3, [0.5] * 3, [True] * 2, [0.5] * 2), "that fit each other"),
    ],
)
def test_slips_are_one_sentence(call, sentence):
    with pytest.raises(ParameterError) as slip:
        call()
    assert sentence in str(slip.value)


# ---- networks


def test_of_networks():
    """The parts put together by hand: threshold on validation inputs, the attack's points, the formula."""
    student = nonlinear(4)
    weights = [w.detach() + 0.3 * drawn(*w.shape, seed=9) for w in student.weights]
    teacher = MLP(weights, [b.detach() for b in student.biases])
    inputs, validation, epsilons = drawn(60, INPUTS), drawn(80, INPUTS, seed=5), [0.1, 0.5]
    found = confidence_errors(
        student, inputs, epsilons, validation=validation, teacher=teacher, attack=FGSM(norm="l2"), rate=0.9
    )
    points = FGSM(norm="l2", loss="confidence")(student, inputs, epsilons, teacher=teacher).inputs

    def said(rows):
        with torch.no_grad():
            outputs = student(rows).double().numpy()
        chance = np.exp(outputs - outputs.max(-1, keepdims=True))
        chance /= chance.sum(-1, keepdims=True)
        return chance.argmax(-1), chance.max(-1)

    with torch.no_grad():
        right, right_held = (teacher(rows).argmax(-1).numpy() for rows in (inputs, validation))
    clean, held, attacked = said(inputs), said(validation), [said(p) for p in points]
    for s in range(3):
        kept = np.sort(held[1][s][held[0][s] == right_held[s]])[::-1]
        tau = kept[int(np.ceil(0.9 * len(kept) - 1e-9)) - 1]
        assert found.threshold[s] == pytest.approx(tau, rel=1e-12)
        for e in range(2):
            arguments = clean[0][s] != right[s], clean[1][s], attacked[e][0][s] != right[s], attacked[e][1][s]
            expected, robust = by_hand(*arguments, tau), by_hand(*arguments, 0.0)
            assert found.confidence_thresholded_error[e, s] == pytest.approx(expected)
            assert found.fixed_label_error[e, s] == pytest.approx(robust)
    assert found.attrs["rate"] == 0.9
    assert "loss='confidence'" in found.confidence_thresholded_error.attrs["attack"]


def test_without_a_threshold_it_is_the_fixed_label_error():
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(50, INPUTS)
    value = PGD(norm="l2", steps=5, loss="confidence")
    found = confidence_errors(student, inputs, [0.2, 0.4], validation=inputs, teacher=teacher, attack=value)
    expected = robust_errors(student, inputs, [0.2, 0.4], teacher=teacher, attack=value, kinds=["fixed_label_error"])
    np.testing.assert_allclose(found.fixed_label_error, expected.fixed_label_error)


def test_a_threshold_spares_a_student_that_is_unsure_of_what_an_attack_shows_it():
    """Inputs are at x_0 = +-1, classes are the sign of x_0: across the boundary the student is unsure at first."""
    inputs = np.stack([np.random.default_rng(0).choice([-1.0, 1.0], 200), np.zeros(200)], 1)
    labels = (inputs[:, 0] < 0).astype(int)
    student = MLP([torch.tensor([[[4.0, 0.0], [-4.0, 0.0]]], dtype=torch.float64)], [None])
    options = {"labels": labels, "validation": inputs, "validation_labels": labels}
    strong = PGD(norm="l2", steps=20, step_size=0.5)
    near = confidence_errors(student, inputs, 1.2, attack=strong, **options)
    assert near.threshold.item() == pytest.approx(1 / (1 + np.exp(-8)))
    assert near.fixed_label_error.item() == 1  # x_0 = -+0.2 is wrong, and less sure than all clean inputs
    assert near.confidence_thresholded_error.item() == 0
    far = confidence_errors(student, inputs, 2.05, attack=strong, **options)
    assert far.confidence_thresholded_error.item() == 1  # x_0 = -+1.05 is surer than they are
    weak = confidence_errors(student, inputs, 2.05, attack=RandomNoise(norm="l2"), **options)  # power
    assert weak.confidence_thresholded_error.item() < 0.5


def test_seeds_that_diverged_and_modules():
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(30, INPUTS)
    options = {"validation": inputs, "teacher": teacher, "attack": FGSM()}
    before = confidence_errors(student, inputs, [0.1, 0.2], **options)
    with torch.no_grad():
        student.biases[0][2] = torch.nan
    after = confidence_errors(student, inputs, [0.1, 0.2], **options)
    for name in before.data_vars:
        assert np.isnan(after[name].sel(seed=2)).all()
        np.testing.assert_allclose(after[name].isel(seed=[0, 1]), before[name].isel(seed=[0, 1]))
    module = torch.nn.Sequential(torch.nn.Linear(INPUTS, 3)).double()
    found = confidence_errors(module, inputs, 0.1, validation=inputs, labels=[0] * 30, validation_labels=[0] * 30)
    assert found.confidence_thresholded_error.dims == ("epsilon",)
    assert found.threshold.dims == ()


def test_inputs_that_do_not_fit_into_memory_at_once(monkeypatch):
    from practicum.robustness import _asked

    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(25, INPUTS)
    options = {"validation": inputs, "teacher": teacher, "attack": FGSM()}
    whole = confidence_errors(student, inputs, [0.1, 0.2], **options)
    monkeypatch.setattr(_asked, "NUMBERS", 4 * 2 * 3 * INPUTS)
    parts = confidence_errors(student, inputs, [0.1, 0.2], **options)
    for name in whole.data_vars:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_labels_are_needed():
    with pytest.raises(ParameterError, match="needs a teacher, because there are no labels"):
        confidence_errors(nonlinear(3), drawn(9, INPUTS), 0.1, validation=drawn(9, INPUTS))
    with pytest.raises(ParameterError, match="must be > 0 and <= 1"):
        confidence_errors(
            nonlinear(3), drawn(9, INPUTS), 0.1, validation=drawn(9, INPUTS), teacher=nonlinear(3), rate=2.0
        )
