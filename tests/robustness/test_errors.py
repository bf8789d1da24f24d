"""Robust errors by name: against an exhaustive search, what is measured of what, and one sentence for every slip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import Ensemble  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.errors import robust_errors  # noqa: E402
from robustness.linear_students import INPUTS, drawn, nonlinear  # noqa: E402

ALL = [
    "fixed_label_error",
    "oracle_error",
    "margin_gated_oracle_error",
    "fixed_squared_error",
    "oracle_squared_error",
]
QUICK = PGD(norm="l2", steps=5)


def plane(seed, apart=0.0):
    """A network with two inputs, whose ball can be searched through; `apart` from another one of the same seed."""
    shapes = ((1, 6, 2), (1, 3, 6), (1, 6), (1, 3))
    first, second, *biases = (drawn(*shape, seed=seed) + apart * drawn(*shape, seed=seed + 10) for shape in shapes)
    return MLP([2 * first, second], biases)


def everywhere(student, teacher, inputs, radius, margin):
    """All five errors, from the answers at 60 x 240 points of every ball."""
    rings, angles = np.linspace(0, radius, 60), np.linspace(0, 2 * np.pi, 240, endpoint=False)
    shifts = (rings[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], -1)).reshape(-1, 2)
    points = inputs[:, None] + torch.from_numpy(shifts)
    with torch.no_grad():
        s, t = (
            network(points.reshape(-1, 2))[0].reshape(*points.shape[:2], -1).numpy() for network in (student, teacher)
        )
        clean = teacher(inputs)[0].numpy()[:, None]
    ordered = np.sort(t, -1)
    apart = s.argmax(-1) != t.argmax(-1)
    return {
        "fixed_label_error": (s.argmax(-1) != clean.argmax(-1)).any(1).mean(),
        "oracle_error": apart.any(1).mean(),
        "margin_gated_oracle_error": (apart & (ordered[..., -1] - ordered[..., -2] >= margin)).any(1).mean(),
        "fixed_squared_error": 0.5 * ((s - clean) ** 2).sum(-1).max(1).mean(),
        "oracle_squared_error": 0.5 * ((s - t) ** 2).sum(-1).max(1).mean(),
    }  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_against_an_exhaustive_search(seed):
    student, teacher, inputs = plane(seed, apart=0.15), plane(seed), drawn(150, 2, seed=seed)
    radius, margin = 0.2, 0.5
    found = robust_errors(
        student, inputs, radius, teacher=teacher, margin=margin, attack=APGD(norm="l2", steps=60, restarts=5)
    ).squeeze()
    exact, wider = (everywhere(student, teacher, inputs, r, margin) for r in (radius, 1.03 * radius))
    weak = robust_errors(
        student, inputs, radius, teacher=teacher, margin=margin, attack=PGD(norm="l2", steps=1, step_size=0.1)
    ).squeeze()
    assert list(found.data_vars) == ALL
    for name in ALL:
        # Of 150 inputs 2 may be missed; no error may be larger than what a slightly larger ball holds.
        allowed = 2 / 150 if "squared" not in name else 0.02 * exact[name]
        assert exact[name] - allowed <= found[name] <= wider[name], name
        assert weak[name] < exact[name] - allowed, name  # power
    assert 0.05 < exact["margin_gated_oracle_error"] < exact["oracle_error"] - 0.03


def test_the_shape_and_what_the_attributes_say():
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2, seeds=1), drawn(30, INPUTS)
    found = robust_errors(student, inputs, [0.3, 0.1], teacher=teacher, attack=QUICK, clean=True)
    assert dict(found.sizes) == {"epsilon": 3, "seed": 3}
    assert found.epsilon.values.tolist() == [0.0, 0.1, 0.3]
    assert found.attrs == {"samples": 30, "norm": "l2", "cite": "yang2021robustness"}
    for name, array in found.items():
        assert array.dims == ("epsilon", "seed")
        assert array.attrs["units"]
        assert "perturb" in array.attrs["long_name"]
        assert f"oracle={name != 'x'}" in array.attrs["attack"] or "fixed" in name
        assert ("loss='mse'" in array.attrs["attack"]) is ("squared" in name)
        assert (array.diff("epsilon") >= 0).all()
    # The clean errors are those of the outputs themselves.
    with torch.no_grad():
        s, t = student(inputs), teacher(inputs)
    wrong = (s.argmax(-1) != t.argmax(-1)).double().mean(-1)
    squared = 0.5 * (s - t).square().sum(-1).mean(-1)
    for name in ("fixed_label_error", "oracle_error"):
        np.testing.assert_allclose(found[name].sel(epsilon=0), wrong)
    for name in ("fixed_squared_error", "oracle_squared_error"):
        np.testing.assert_allclose(found[name].sel(epsilon=0), squared, rtol=1e-12)


def test_the_margin_is_half_the_median_if_none_is_given():
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(400, INPUTS)
    found = robust_errors(
        student, inputs, [0.2], teacher=teacher, attack=QUICK, kinds="margin_gated_oracle_error", clean=True
    )
    margin = found.margin_gated_oracle_error.attrs["margin"]
    with torch.no_grad():
        two = teacher(inputs).topk(2, -1).values
        classes = [network(inputs).argmax(-1) for network in (student, teacher)]
    sure = (two[..., 0] - two[..., 1]).numpy()
    assert abs((sure >= 2 * margin).mean() - 0.5) < 1e-3
    expected = ((classes[0] != classes[1]).numpy() & (sure >= margin)).mean(-1)
    np.testing.assert_allclose(found.margin_gated_oracle_error.sel(epsilon=0), expected)


def test_the_clean_input_is_within_every_radius():
    """A student that is wrong in a small place only, which the points of a weak attack never hit again."""

    class Bump(nn.Module):
        def forward(self, x):
            z = 1 - 4 * torch.exp(-100 * x.square().sum(-1, keepdim=True))
            return torch.cat([z, -z], -1)

    class Flat(nn.Module):
        def forward(self, x):
            return torch.cat([torch.ones_like(x[:, :1]), -torch.ones_like(x[:, :1])], -1)

    inputs = torch.zeros(20, 6, dtype=torch.float64)
    found = robust_errors(
        Bump().double(), inputs, 5.0, teacher=Flat().double(), attack=RandomNoise(norm="l2"), margin=0.5
    )
    assert (found[ALL[:3]].to_array() == 1).all()
    np.testing.assert_allclose(found[ALL[3:]].to_array(), 16, rtol=1e-12)  # 1/2 * 2 * 4^2


def test_each_error_is_what_its_attack_finds():
    """With an attack that begins at the clean input the numbers are those of the attack itself."""
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(50, INPUTS)
    value, epsilons = FGSM(norm="l2", loss="margin"), [0.1, 0.4]
    found = robust_errors(student, inputs, epsilons, teacher=teacher, attack=value)
    fixed = value(student, inputs, [0.0, *epsilons], teacher=teacher)
    np.testing.assert_allclose(found.fixed_label_error, fixed.rate[1:])
    for name, oracle in (("fixed_squared_error", False), ("oracle_squared_error", True)):
        attacked = FGSM(norm="l2", loss="mse", oracle=oracle)(student, inputs, [0.0, *epsilons], teacher=teacher)
        np.testing.assert_allclose(found[name], attacked.loss.mean(-1)[1:], rtol=1e-12)
    assert "loss='margin'" in found.fixed_label_error.attrs["attack"]  # a loss of labels is kept
    given = robust_errors(student, inputs, epsilons, teacher=teacher, attack=FGSM(norm="l2", loss="kl", oracle=True))
    assert "loss" not in given.fixed_label_error.attrs["attack"]  # another is not


def test_labels_of_the_users_own():
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(60, INPUTS)
    labels = np.random.default_rng(0).integers(0, 3, 60)
    found = robust_errors(student, inputs, 0.2, labels=labels, attack=QUICK, clean=True)
    assert list(found.data_vars) == ["fixed_label_error"]
    with torch.no_grad():
        wrong = (student(inputs).argmax(-1).numpy() != labels).mean(-1)
    np.testing.assert_allclose(found.fixed_label_error.sel(epsilon=0), wrong)
    both = robust_errors(student, inputs, 0.2, labels=labels, teacher=teacher, attack=QUICK)
    np.testing.assert_array_equal(both.fixed_label_error[0], found.fixed_label_error[1])
    assert list(both.data_vars) == ALL


def test_the_worst_inputs_are_worst():
    """Asked again, the student is as wrong there as the errors say; all of them lie in the ball."""
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(40, INPUTS)
    found = robust_errors(student, inputs, [0.3, 0.6], teacher=teacher, attack=QUICK, perturbed=True)
    assert found.oracle_inputs.dims == ("epsilon", "seed", "sample", "input")
    for name in ALL:
        points = torch.from_numpy(found[name.replace("_error", "_inputs")].values)
        distance = (points - inputs).norm(dim=-1)
        assert (distance.amax((1, 2)) <= torch.tensor([0.3, 0.6]) * (1 + 1e-6)).all()
        for index in (0, 1):
            with torch.no_grad():
                s, t, clean = student(points[index]), teacher(points[index]), teacher(inputs)
            judge = clean if name.startswith("fixed") else t
            if "squared" in name:
                again = 0.5 * (s - judge).square().sum(-1).mean(-1)
            else:
                wrong = s.argmax(-1) != judge.argmax(-1)
                if "gated" in name:
                    two = t.topk(2, -1).values
                    wrong &= two[..., 0] - two[..., 1] >= found[name].attrs["margin"]
                again = wrong.double().mean(-1)
                assert (points[index][~wrong] == inputs.expand(3, -1, -1)[~wrong]).all()
            np.testing.assert_allclose(found[name][index], again, rtol=1e-12)


@pytest.mark.parametrize("own", [False, True])
def test_a_seed_that_diverged_is_nan_and_the_others_do_not_notice(own):
    student, inputs = nonlinear(3), drawn(3, 30, INPUTS) if own else drawn(30, INPUTS)
    teacher = nonlinear(3, seed=2, seeds=3 if own else 1)
    options = {"teacher": teacher, "attack": QUICK, "margin": 0.1}
    before = robust_errors(student, inputs, [0.1, 0.5], **options)
    with torch.no_grad():
        student.weights[0][1, 0, 0] = torch.nan
    after = robust_errors(student, inputs, [0.1, 0.5], **options)
    for name in ALL:
        assert np.isnan(after[name][:, 1]).all()
        np.testing.assert_allclose(after[name][:, [0, 2]], before[name][:, [0, 2]], rtol=1e-12)
    with torch.no_grad():
        student.weights[0][:] = torch.inf
    assert np.isnan(robust_errors(student, inputs, 0.1, **options).to_array()).all()
    alone = nonlinear(1)
    with torch.no_grad():
        alone.weights[0][:] = torch.nan
    found = robust_errors(alone, inputs, 0.1, teacher=nonlinear(1, seed=2), attack=QUICK, perturbed=True)
    assert list(found.data_vars) == [
        name for kind in ("fixed", "oracle") for name in (f"{kind}_squared_error", f"{kind}_squared_inputs")
    ]
    assert np.isnan(found.to_array()).all()


def test_modules_and_ensembles():
    """The same network as a module, in an ensemble and as an MLP has the same errors."""
    torch.manual_seed(0)
    modules = [nn.Sequential(nn.Linear(INPUTS, 6), nn.ReLU(), nn.Linear(6, 3)).double() for _ in range(2)]
    teacher, inputs = nonlinear(3, seed=2, seeds=1), drawn(40, INPUTS)
    options = {"teacher": teacher, "attack": QUICK, "margin": 0.1, "perturbed": True}
    alone = [robust_errors(module, inputs, [0.1, 0.4], **options) for module in modules]
    together = robust_errors(Ensemble(modules, shape=(INPUTS,)), inputs, [0.1, 0.4], **options)
    assert "seed" not in alone[0].dims
    for index, one in enumerate(alone):
        for name in one.data_vars:
            np.testing.assert_allclose(one[name], together[name].isel(seed=index), rtol=1e-9)


def test_examples_of_several_axes():
    torch.manual_seed(0)
    modules = [nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)).double() for _ in range(2)]
    found = robust_errors(modules[0], drawn(7, 1, 3, 3), 0.1, teacher=modules[1], attack=QUICK, perturbed=True)
    assert found.oracle_inputs.dims == ("epsilon", "sample", "input_0", "input_1", "input_2")


def test_inputs_that_do_not_fit_into_memory_at_once(monkeypatch):
    from practicum.robustness import _asked

    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(3, 25, INPUTS)
    labels = torch.arange(25) % 3
    # Random starts depend on the place of an input among all, not on the part that it is in.
    options = {"teacher": teacher, "labels": labels, "attack": RandomNoise(), "perturbed": True, "clean": True}
    whole = robust_errors(student, inputs, [0.1, 0.2], **options)
    monkeypatch.setattr(_asked, "NUMBERS", 4 * 3 * 3 * INPUTS)  # parts of 4 inputs, the last of one
    parts = robust_errors(student, inputs, [0.1, 0.2], **options)
    for name in whole.data_vars:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_several_attacks_and_one_that_aims_at_classes():
    student, teacher, inputs = nonlinear(4), nonlinear(4, seed=2), drawn(20, INPUTS)
    shares, options = ALL[:3], {"teacher": teacher, "margin": 0.1}
    aimed = TargetedAPGD(norm="l2", steps=3)
    assert list(robust_errors(student, inputs, 0.2, attack=aimed, **options).data_vars) == shares
    worst = robust_errors(student, inputs, 0.2, attack=Worst(attacks=[APGD(norm="l2", steps=5), aimed]), **options)
    assert list(worst.data_vars) == ALL
    first = robust_errors(student, inputs, 0.2, attack=APGD(norm="l2", steps=5), **options)
    np.testing.assert_allclose(worst.oracle_squared_error, first.oracle_squared_error, rtol=1e-12)
    assert (worst.fixed_label_error >= first.fixed_label_error).all()
    squares = robust_errors(student, inputs, 0.2, attack=PGD(loss="mse", steps=2), **options)
    assert list(squares.data_vars) == ALL[3:]


def test_the_attack_that_is_given_stays_as_it_is_and_modes_are_restored():
    student, teacher = nonlinear(3, normalisation="before"), nonlinear(3, seed=2)
    value = PGD(norm="l2", steps=2, loss="kl", oracle=True, margin=0.3)
    student.train()
    teacher.eval()
    robust_errors(student, drawn(10, INPUTS), 0.1, teacher=teacher, attack=value)
    assert value == PGD(norm="l2", steps=2, loss="kl", oracle=True, margin=0.3)
    assert student.training
    assert not teacher.training


def test_equal_seeds_give_equal_numbers():
    student, teacher, inputs = nonlinear(3), nonlinear(3, seed=2), drawn(100, INPUTS)
    noise = RandomNoise(norm="l2")
    first, again, other = (
        robust_errors(student, inputs, 0.4, teacher=teacher, attack=noise, seed=seed) for seed in (0, 0, 1)
    )
    assert first.identical(again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kinds": ["oracle_eror"]}, "Did you mean 'oracle_error'?"),
        ({"kinds": []}, "must be some of fixed_label_error, oracle_error"),
        ({"kinds": 3}, "must be some of fixed_label_error"),
        ({"epsilons": -0.1}, "must be finite numbers >= 0"),
        ({"epsilons": [[0.1, 0.2]], "clean": True}, "must be finite numbers >= 0"),
        ({"margin": -1.0}, "'margin' parameter of PGD must be >= 0"),
        ({"attack": "pgd"}, "must be a value such as PGD"),
        ({"side": "outside"}, "takes a 'subspace' together with a 'side'"),
        ({"subspace": np.eye(INPUTS)[:, :2]}, "takes a 'subspace' together with a 'side'"),
        ({"side": "outsid", "subspace": np.eye(INPUTS)[:, :2]}, "'side' parameter of PGD must be one of"),
        ({"teacher": None}, "needs a teacher, because there are no labels"),
        ({"teacher": None, "labels": [0] * 10, "kinds": ["oracle_error"]}, "oracle_error needs a teacher"),
        (
            {"teacher": None, "labels": [0] * 10, "kinds": ["fixed_squared_error"]},
            "fixed_squared_error needs a teacher",
        ),
        ({"labels": [3] * 10}, "must be from 0 to 2"),
        ({"attack": TargetedAPGD(), "kinds": ["oracle_squared_error"]}, "aims at classes"),
        ({"inputs": np.full((10, INPUTS), np.nan)}, "must be finite"),
        ({"student": nonlinear(1), "teacher": nonlinear(1), "kinds": ["oracle_error"]}, "needs at least 2 outputs"),
        ({"teacher": nonlinear(2)}, "must have the same outputs"),
    ],
)
def test_slips_are_one_sentence(changes, sentence):
    call = {"student": nonlinear(3), "inputs": drawn(10, INPUTS), "epsilons": 0.1, "teacher": nonlinear(3, seed=2)}
    call |= {"attack": QUICK, **changes}
    with pytest.raises(ParameterError) as slip:
        robust_errors(call.pop("student"), call.pop("inputs"), call.pop("epsilons"), **call)
    assert sentence in str(slip.value)
    assert "\n" not in str(slip.value)
