"""What can go wrong in fit: a seed diverges alone, and what does not fit is told in one sentence."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.networks._batches import order  # noqa: E402
from practicum.networks.data import Data  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.specialization.observers import Specialization  # noqa: E402

SEEDS = (0, 4, 6)
LAW = GaussianInputs(dimension=6, scale=1.5)
TEACHER = SeparatedTeacher(inputs=6, hidden=3, outputs=5, decay=0.0)
TRAINING = Training(learning_rate=0.05, batch_size=8, epochs=3, steps_per_epoch=40)


def parts(**changes):
    teacher = TEACHER.build(SEEDS)
    return teacher, Students(multiple=2, **changes).build(teacher, SEEDS), make_data(LAW, teacher, SEEDS, 50, 64)


def exploding(**changes):
    """As `parts`, and the students of seed 4 have weights that no step of this size survives."""
    made = parts(**changes)
    with torch.no_grad():
        made[1].weights[0][1] *= 1e3
    return made


OBSERVERS = [Specialization(keep=("alignment", "fan_out", "winner_rank", "activity", "rho"))]


@pytest.mark.parametrize("rule", [{}, {"momentum": 0.9}, {"loss": "cross-entropy", "learning_rate": 1e14}])
@pytest.mark.parametrize("normalisation", [None, "before"])
def test_a_seed_diverges_alone(rule, normalisation):
    calm = fit(*(made := parts(normalisation=normalisation)), TRAINING, seeds=SEEDS, observers=OBSERVERS)
    assert calm.status.values.tolist() == ["ok"] * 3
    training = TRAINING.replace(**rule)
    wild = exploding(normalisation=normalisation)
    if normalisation:  # which heals large weights below, so
        with torch.no_grad():
            wild[1].weights[1][1] *= 1e12
    found = fit(*wild, training, seeds=SEEDS, observers=OBSERVERS)
    if rule.get("loss"):
        assert (found.status == "diverged").all()  # the rate is absurd for all
        return
    assert found.status.values.tolist() == ["ok", "diverged", "ok"]
    assert 1 <= found.diverged_at.values[1] <= 40
    assert found.diverged_at.values[[0, 2]].tolist() == [-1, -1]
    for name, values in found.data_vars.items():
        if "step" in values.dims and values.dtype.kind == "f":
            assert np.isnan(values.sel(seed=4).values[1:]).all(), name
            assert np.isfinite(values.sel(seed=0).values[1:]).all(), name
    assert np.isfinite(found.loss.sel(seed=4).values[0])
    assert all(torch.isnan(p[1]).all() for p in wild[1].parameters())
    if not rule:
        assert found.sel(seed=[0, 6]).identical(calm.sel(seed=[0, 6]))
        for p, q in zip(wild[1].parameters(), made[1].parameters()):
            assert torch.equal(p[[0, 2]], q[[0, 2]])


def test_the_update_at_which_it_was_noticed():
    """The batch whose loss is the first beyond 1e15, found anew by autograd and torch.optim."""
    teacher, students, data = parts(activation="linear")
    wild = Training(learning_rate=20.0, batch_size=50, epochs=1, steps_per_epoch=100)
    found = fit(teacher, students, data, wild, seeds=SEEDS)
    for seed in range(3):
        network = Students(multiple=2, activation="linear").build(teacher, SEEDS).select([seed])
        t, x = teacher(data.inputs)[seed], data.inputs[seed]
        rows = torch.from_numpy(order(SEEDS[seed], 0, 50, wild)).reshape(100, 50)
        optimizer = torch.optim.SGD(network.parameters(), lr=20.0)
        for step in range(100):
            loss = (network(x[rows[step]])[0] - t[rows[step]]).square().sum(1).mean()
            if not loss / 5 < 1e15:
                break
            optimizer.zero_grad()
            (loss / 2).backward()
            optimizer.step()
        assert found.diverged_at.values[seed] == step + 1


def test_all_seeds_may_diverge_and_a_state_remembers_it():
    states = []
    training = TRAINING.replace(learning_rate=1e6)
    found = fit(*parts(), training, seeds=SEEDS, save=states.append)
    assert (found.status == "diverged").all()
    assert np.isnan(found.loss.values[1:]).all()
    for state in states:
        assert fit(*parts(), training, seeds=SEEDS, resume=state).identical(found)


def test_a_module_of_an_ensemble_diverges_alone():
    torch.manual_seed(0)
    students = Ensemble([nn.Sequential(nn.Linear(6, 5)).double() for _ in SEEDS], shape=(6,))
    with torch.no_grad():
        students.networks[1][0].weight *= 1e16
    teacher, _, data = parts()
    found = fit(teacher, students, data, TRAINING, seeds=SEEDS)
    assert found.status.values.tolist() == ["ok", "diverged", "ok"]
    assert found.diverged_at.values[1] == 1
    assert torch.isnan(students.networks[1][0].weight).all()
    assert torch.isfinite(students.networks[2][0].weight).all()


# ---- one sentence


def refused(match, *, made=None, training=TRAINING, seeds=SEEDS, **options):
    with pytest.raises(ParameterError, match=match) as raised:
        fit(*(made or parts()), training, seeds=seeds, **options)
    text = str(raised.value)
    assert text.endswith(".")
    assert "\n" not in text


def test_weights_that_are_no_numbers():
    made = parts()
    with torch.no_grad():
        made[1].weights[0][2, 0, 0] = torch.nan
    refused("students must be finite", made=made)
    made = parts()
    with torch.no_grad():
        made[0].weights[0][0, 0, 0] = torch.inf
    refused("teacher must be finite", made=made)


def test_parts_that_do_not_fit():
    teacher, students, data = parts()
    refused("Students of 2 seeds|of 2 seeds", seeds=(0, 4))
    refused("one precision on one device", made=(teacher, students, Data(data.inputs.float(), data.held_out.float())))
    refused("'inputs' of the data", made=(teacher, students, Data(data.inputs[:2], data.held_out)))
    refused("'held_out' of the data", made=(teacher, students, Data(data.inputs, data.held_out[:2])))
    other = SeparatedTeacher(inputs=6, hidden=3, outputs=4).build(SEEDS)
    refused("the same outputs", made=(other, students, data))
    refused("must have 6 columns", made=(teacher, students, Data(data.inputs[..., :5], data.held_out[..., :5])))
    refused("cannot answer", made=(TEACHER.build((1, 2)), students, data))
    refused(
        "must have outputs", made=(teacher, nn.Linear(6, 5).double(), Data(data.inputs[0][None], data.held_out[:1]))
    )
    refused("no weights that can be trained", made=(teacher, parts()[1].requires_grad_(False), data))
    refused("none twice", seeds=(0, 0, 6))
    single = SeparatedTeacher(inputs=6, hidden=3, outputs=1).build(SEEDS)
    made = (single, Students(multiple=2).build(single, SEEDS), data)
    refused("needs at least 2 outputs", made=made, training=TRAINING.replace(loss="cross-entropy"))


def test_points_that_are_no_epochs():
    for points in ([], [0, 4], [-1], [1.5], "all", 0, True):
        refused("'observe_at'", observe_at=points)


def test_drawing_anew_without_a_law():
    teacher, students, data = parts()
    made = (teacher, students, Data(data.inputs, data.held_out))
    refused("'regenerate'", made=made, training=TRAINING.replace(regenerate=True))


def test_states_of_others():
    states = []
    fit(*parts(), TRAINING, seeds=SEEDS, save=states.append)
    state = states[-1]
    refused("of seeds \\[1, 4, 6\\]", resume=replace(state, seeds=np.array([1, 4, 6])))
    refused("other students: 'weights.0'", resume=replace(state, weights={**state.weights, "weights.0": np.zeros(3)}))
    refused("'epochs' parameter", resume=state, training=TRAINING.replace(epochs=2))
    refused(
        "another optimizer: SGD without momentum there and SGD with momentum here",
        resume=states[0],
        training=TRAINING.replace(momentum=0.9),
    )
    refused("observers that the training began with", resume=states[0], observers=OBSERVERS)


@pytest.mark.parametrize(
    "bad, match",
    [
        (torch.zeros(0), "\\(seeds, samples, inputs\\)"),
        (np.zeros((1, 2, 3)), "\\(seeds, samples, inputs\\)"),
        (torch.zeros(1, 2, 3, dtype=torch.int64), "of floats"),
        (torch.zeros(1, 0, 3), "at least one example"),
        (torch.full((1, 2, 3), torch.nan), "must be finite"),
        (torch.zeros(1, 2, 4), "of one shape"),
    ],
)
def test_data_that_are_none(bad, match):
    with pytest.raises(ParameterError, match=match):
        Data(bad, torch.zeros(1, 2, 3))
