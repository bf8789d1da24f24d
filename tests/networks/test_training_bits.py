"""Bit for bit: a seed alone and among others, a training at one go and in parts."""

from dataclasses import fields, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.networks import training as module  # noqa: E402
from practicum.networks._autograd import Autograd  # noqa: E402
from practicum.networks._gradients import Backpropagation  # noqa: E402
from practicum.networks._seedwise import Seedwise  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402

# Odd sizes: the matrices of most seeds begin anywhere in memory, in the middle of a register's worth of numbers.
LAW = GaussianInputs(dimension=7, scale=1.5)
TEACHER = SeparatedTeacher(inputs=7, hidden=3, outputs=9)
RULES = {
    "sgd": {"schedule": ((1, 0.01),), "steps_per_epoch": 150},
    "momentum": {"momentum": 0.9, "weight_decay": 0.01, "loss": "cross-entropy"},
    "adam": {"optimizer": "adam", "loss": "kl", "temperature": 2.0},
    "anew": {"output_noise": 0.1, "regenerate": True, "steps_per_epoch": 5, "momentum": 0.5},
}


def outputs_of(teacher, students, inputs):
    found = students.layers(inputs)
    return {
        "mean": (("seed", "student"), found.post[0].mean(1).numpy()),
        "product": (("seed", "output"), (found.outputs.transpose(1, 2) @ found.post[0]).sum(2).numpy()),
    }


def begun(seeds, dtype="float64", shared=False, **changes):
    teacher = TEACHER.build([99] if shared else seeds, dtype=dtype)
    students = Students(multiple=3, **changes).build(teacher, seeds, dtype=dtype)
    return teacher, students, make_data(LAW, teacher, seeds, 50, 333, dtype=dtype)


def ended(seeds, rule, *, made=None, **changes):
    """The dataset and the final weights."""
    options = {name: changes.pop(name) for name in ("save", "resume") if name in changes}
    made = made or begun(seeds, **changes)
    training = Training(learning_rate=0.02, batch_size=8, epochs=3, **RULES[rule])
    data = fit(*made, training, seeds=seeds, observers=[outputs_of], **options)
    return data, [v.clone() for v in made[1].state_dict().values()]


def same(one, two):
    return one[0].identical(two[0]) and all(torch.equal(p, q) for p, q in zip(one[1], two[1], strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalisation", [None, "before", "after"])
@pytest.mark.parametrize("rule", RULES)
def test_a_seed_has_the_same_bits_alone_as_among_others(dtype, normalisation, rule):
    for activation in ("relu", "erf"):
        changes = {"dtype": dtype, "normalisation": normalisation, "activation": activation}
        data, weights = ended(range(11), rule, **changes)
        for some in ([5], [3, 10]):
            assert same((data.sel(seed=some), [w[some] for w in weights]), ended(some, rule, **changes))


def test_also_with_one_teacher_for_all():
    data, weights = ended(range(4), "sgd", shared=True)
    assert same((data.sel(seed=[2]), [w[[2]] for w in weights]), ended([2], "sgd", shared=True))


def test_seeds_differ():
    data, weights = ended(range(4), "sgd")
    assert len(set(data.loss.values.ravel().tolist())) == data.loss.size
    assert all(not torch.equal(w[0], w[1]) for w in weights)


def modules(seeds):
    torch.manual_seed(0)
    parts = [nn.Sequential(nn.Linear(7, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 9)).double() for _ in seeds]
    return Ensemble(parts, shape=(7,))


def test_weights_of_an_ensemble_have_the_same_bits_alone_as_among_others():
    seeds, training = range(5), Training(optimizer="adam", epochs=2, batch_size=8)
    teacher, _, data = begun(seeds)
    together = modules(seeds)
    fit(teacher, together, data, training, seeds=seeds)
    alone = Ensemble([modules(seeds).networks[3]], shape=(7,))
    fit(teacher.select([3]), alone, make_data(LAW, teacher.select([3]), [3], 50, 333), training, seeds=[3])
    for p, q in zip(together.networks[3].state_dict().values(), alone.networks[0].state_dict().values()):
        assert torch.equal(p, q)


WAYS = [(Seedwise, None), (Seedwise, "before"), (Backpropagation, None), (Autograd, None), (Autograd, "before")]


@pytest.mark.parametrize("engine, normalisation", WAYS)
@pytest.mark.parametrize("rule", RULES)
def test_a_training_goes_on_where_it_stood(engine, normalisation, rule, monkeypatch):
    monkeypatch.setattr(module, "_descent", engine)
    seeds, states = (1, 4, 6), []
    whole = ended(seeds, rule, normalisation=normalisation, save=states.append)
    assert [state.epoch for state in states] == [1, 2, 3]
    for state in states:
        assert same(whole, ended(seeds, rule, normalisation=normalisation, resume=state))
    if rule != "sgd":  # power: what the optimizer remembers matters
        nothing = {name: np.zeros_like(value) for name, value in states[0].optimizer.items()}
        forgetful = replace(states[0], optimizer=nothing)
        assert not same(whole, ended(seeds, rule, normalisation=normalisation, resume=forgetful))


def test_an_ensemble_goes_on_where_it_stood():
    seeds, states, training = range(2), [], Training(optimizer="adam", epochs=3, batch_size=8)
    teacher, _, data = begun(seeds)
    networks = modules(seeds), modules(seeds)
    whole = fit(teacher, networks[0], data, training, seeds=seeds, save=states.append)
    part = fit(teacher, networks[1], data, training, seeds=seeds, resume=states[1])
    assert whole.identical(part)
    for p, q in zip(networks[0].state_dict().values(), networks[1].state_dict().values()):
        assert torch.equal(p, q)


def test_a_state_is_plain_and_its_own():
    """Arrays of NumPy that the training does not touch any more, numbers, and names."""
    states, copies = [], []

    def save(state):
        states.append(state)
        copies.append({name: value.copy() for name, value in state.weights.items()})

    ended((0, 1), "momentum", save=save)
    for state, copy in zip(states, copies):
        assert all(np.array_equal(state.weights[name], copy[name]) for name in copy)
        for field in fields(state):
            value = getattr(state, field.name)
            values = value.values() if isinstance(value, dict) else [value]
            assert all(type(v) in (int, np.ndarray, tuple) for v in values), field.name
    with pytest.raises(AttributeError):
        states[0].epoch = 7


def test_a_longer_training_goes_on_from_a_shorter_one():
    seeds, states = (1, 4), []
    training = Training(learning_rate=0.02, batch_size=8, epochs=2, momentum=0.5)
    made, other = begun(seeds), begun(seeds)
    fit(*made, training, seeds=seeds, save=states.append)
    longer = fit(*made, training.replace(epochs=4), seeds=seeds, resume=states[-1])
    assert longer.identical(fit(*other, training.replace(epochs=4), seeds=seeds))
