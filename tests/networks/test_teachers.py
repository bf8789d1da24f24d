"""Teachers: what is drawn, what is tuned, what a user brings, each checked without the code that made it."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch")

from practicum.canonical import canonical_json  # noqa: E402
from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import BalancedTeacher, GaussianInputs, SeparatedTeacher, TeacherAwareInputs  # noqa: E402
from practicum.networks._described import Described  # noqa: E402
from practicum.networks._grid import room, separated  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402
from practicum.networks.teachers import TeacherValue, from_arrays, from_module  # noqa: E402


def on_the_grid(row):
    """Whether a positive multiple of `row` has entries -4 ... 4, whole numbers all."""
    multiples = [row / np.abs(row).max() * q for q in (1, 2, 3, 4)]
    return any(np.abs(m - m.round()).max() < 1e-12 for m in multiples)


def forward(teacher, seed, x, slope=0.0):
    """Pre-activations of all layers, outputs last, in NumPy."""
    found = []
    for weight, bias in zip(teacher.weights, teacher.biases):
        pre = x @ weight[seed].numpy().T + (0 if bias is None else bias[seed].numpy())
        found.append(pre)
        x = np.where(pre > 0, pre, slope * pre)
    return found


# ---- SeparatedTeacher


def test_nodes_have_unit_norm_and_grid_directions_that_all_differ():
    teacher = SeparatedTeacher().build(range(3))
    assert teacher.sizes == (100, 20, 50)
    for weight in teacher.weights[0].numpy():
        assert np.abs(np.linalg.norm(weight, axis=1) - 1).max() < 1e-14
        assert all(on_the_grid(row) for row in weight)
        cosines = weight @ weight.T - 2 * np.eye(20)
        assert cosines.max() < 1 - 1e-9
    assert not on_the_grid(np.random.default_rng(0).standard_normal(100))  # power
    assert all((bias == -0.1).all() for bias in teacher.biases)
    assert not any(p.requires_grad for p in teacher.parameters())


def test_outputs_may_have_another_bias_or_none():
    plain = SeparatedTeacher().build([0])
    for value in (None, 0.3):
        teacher = SeparatedTeacher(output_bias=value).build([0])
        assert torch.equal(teacher.weights[1], plain.weights[1])
        assert teacher.biases[1] is None if value is None else (teacher.biases[1] == 0.3).all()


def test_fan_outs_are_grid_values_over_a_power_of_the_node():
    teacher = SeparatedTeacher(decay=1.5).build([4])
    whole = teacher.weights[1][0].numpy() * np.arange(1, 21) ** 1.5 * 4
    assert np.abs(whole - whole.round()).max() < 1e-12
    assert np.abs(whole).max() == pytest.approx(4)
    assert len({tuple(row) for row in whole.round()}) == 50


def test_strengths_decay_as_the_power_says():
    """E |v_j|^2 = C E k^2 / 16 j^-2p with k uniform on -4 ... 4, so E k^2 / 16 = 5 / 12."""
    seeds, decay = 200, 1.0
    fan_out = SeparatedTeacher(decay=decay).build(range(seeds)).weights[1].numpy()
    strength = (fan_out**2).sum(axis=1)  # (seed, node)
    entry = np.arange(-4, 5) ** 2 / 16

    def z_scores(power):
        expected = 50 * entry.mean() * np.arange(1.0, 21) ** (-2 * power)
        error = expected * entry.std() / entry.mean() / np.sqrt(50 * seeds)
        return np.abs(strength.mean(axis=0) - expected) / error

    assert z_scores(decay).max() < 4
    assert z_scores(1.05)[1:].min() > 4  # power: 5 percent more decay is seen at every node but the first


def test_entries_are_uniform_on_nine_values():
    fan_out = SeparatedTeacher(decay=0.0).build(range(20)).weights[1].numpy()
    values, counts = np.unique(fan_out, return_counts=True)
    assert (values == np.arange(-4, 5) / 4).all()
    assert stats.chisquare(counts).pvalue > 1e-3
    rounded = np.clip(np.random.default_rng(0).normal(0, 0.645, fan_out.size) * 4, -4.4, 4.4).round()
    assert stats.chisquare(np.unique(rounded, return_counts=True)[1]).pvalue < 1e-6  # power: normal, same variance


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_the_number_of_rows_and_directions_is_counted_right(columns):
    rows = [np.array(r) for r in product(range(-4, 5), repeat=columns) if any(r)]
    assert room(columns) == len(rows)
    directions = {tuple(np.round(r / np.linalg.norm(r), 12) + 0.0) for r in rows}
    assert room(columns, directions=True) == len(directions)


def test_the_smallest_spaces_are_filled_to_the_last_direction():
    everything = separated(np.random.default_rng(0), 48, 2, directions=True)
    angles = np.sort(np.arctan2(*everything.T))
    assert np.diff(angles).min() > 0.05
    with pytest.raises(ParameterError, match=r"at most 48 hidden nodes.*Got 49"):
        SeparatedTeacher(inputs=2, hidden=49)
    with pytest.raises(ParameterError, match=r"at most 8 outputs.*Got 9"):
        SeparatedTeacher(hidden=1, outputs=9)
    assert SeparatedTeacher(inputs=1, hidden=2, outputs=80).build([0]).weights[0].flatten().abs().tolist() == [1, 1]


def test_every_node_reaches_an_output_even_if_there_is_one():
    fan_out = SeparatedTeacher(outputs=1).build(range(30)).weights[1]
    assert (fan_out != 0).all()
    drawn = np.stack([separated(np.random.default_rng(k), 1, 20) for k in range(30)])
    assert (drawn == 0).any()  # power: without the second draw some would not


def test_a_seed_is_the_same_alone_and_in_both_precisions():
    many, alone = SeparatedTeacher().build([3, 8, 5]), SeparatedTeacher().build([8], dtype="float32")
    assert torch.equal(many.weights[0][1].float(), alone.weights[0][0])
    assert torch.equal(many.weights[1][1].float(), alone.weights[1][0])
    assert not torch.equal(many.weights[0][0], many.weights[0][1])


# ---- BalancedTeacher

LAW = GaussianInputs(dimension=20, scale=10.0)
SMALL = BalancedTeacher(hidden=(10, 15, 20, 25), outputs=30)


def test_nodes_have_unit_norm_and_fire_on_exactly_half_of_the_tuning_samples():
    """Ties at the median are the exception: samples on which every node below is silent give one and the same value."""
    teacher = SMALL.build([2, 7], law=LAW)
    exact = []
    for index, seed in enumerate([2, 7]):
        *hidden, outputs = forward(teacher, index, LAW.sample(generator(seed, "tuning"), 10_000))
        for weight, pre in zip(teacher.weights, hidden):
            assert np.abs(np.linalg.norm(weight[index], axis=1) - 1).max() < 1e-14
            assert ((pre > 1e-12).sum(axis=0) <= 5000).all()
            assert ((pre > -1e-12).sum(axis=0) >= 5000).all()
            exact += ((pre > 0).sum(axis=0) == 5000).tolist()
        assert np.abs(outputs.mean(axis=0)).max() < 1e-12
        assert np.abs(outputs.var(axis=0) - 1).max() < 1e-12
    assert sum(exact) >= 138  # of 140


def test_nodes_fire_on_half_of_fresh_samples():
    """The share on N' fresh samples, after tuning on N, is 1/2 with variance (1/N + 1/N') / 4."""
    fresh, count = generator(0, "held-out"), 40_000
    x = LAW.sample(fresh, count)

    def z_scores(law):
        *hidden, outputs = forward(SMALL.build([0], law=law), 0, x)
        shares = np.concatenate([(pre > 0).mean(axis=0) for pre in hidden])
        error = np.sqrt(1 / 10_000 + 1 / count)
        return np.abs(shares - 0.5) / (error / 2), np.abs(outputs.mean(axis=0)) / error

    shares, means = z_scores(LAW)
    assert max(shares.max(), means.max()) < 4.5  # 70 nodes and 30 outputs
    shares, means = z_scores(lambda rng, shape: 10 * rng.standard_normal(shape) + 3)  # power: a shifted law
    assert shares.max() > 20
    assert means.max() > 4.5


@pytest.mark.parametrize("activation, slope", [("leaky-relu", 0.2), ("erf", 0.0), ("linear", 0.0)])
def test_other_activations_are_tuned_too(activation, slope):
    value = BalancedTeacher(hidden=(6, 7), outputs=3, samples=1000, activation=activation, slope=slope)
    teacher = value.build([1], law=LAW)
    layers = teacher.layers(torch.from_numpy(LAW.sample(generator(1, "tuning"), 1000)))
    assert all(((pre > 0).sum(dim=1) == 500).all() for pre in layers.pre)
    assert (layers.outputs.mean(dim=1).abs() < 1e-12).all()
    assert (layers.outputs.var(dim=1, correction=0) - 1).abs().max() < 1e-12


def test_tuning_samples_come_from_a_generator_of_their_own():
    seen = []

    def law(rng, shape):
        seen.append(rng.standard_normal(shape))
        return seen[-1]

    SMALL.build([5], law=law)
    (samples,) = seen
    assert (samples == generator(5, "tuning").standard_normal((10_000, 20))).all()
    for purpose in ("inputs", "held-out"):
        assert not (samples == generator(5, purpose).standard_normal((10_000, 20))).any()


def test_the_law_may_be_an_array_and_a_teacher_aware_law_gives_its_held_out_one():
    array = LAW.sample(np.random.default_rng(0), 12_000)
    teacher = SMALL.build([0], law=array)
    shares = (forward(teacher, 0, array)[0] > 0).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 0.01
    aware = TeacherAwareInputs(dimension=20, scale=10.0)
    for one, other in zip(SMALL.build([3], law=aware).parameters(), SMALL.build([3], law=LAW).parameters()):
        assert torch.equal(one, other)


def test_decay_weakens_the_later_nodes_of_hidden_layers():
    teacher = BalancedTeacher(decay=2.0).build([0], law=LAW)
    for weight in teacher.weights[1:-1]:
        assert np.abs(np.linalg.norm(weight[0], axis=1) - 1).max() < 1e-14
        strength = np.linalg.norm(weight[0], axis=0)
        slope = stats.linregress(np.log(np.arange(1, len(strength) + 1)), np.log(strength)).slope
        assert slope == pytest.approx(-2, abs=0.15)
    assert np.linalg.norm(teacher.weights[0][0], axis=0).std() < 0.2 * 50**0.5 / 20**0.5


def test_teachers_have_a_canonical_json_and_come_back():
    class Problem(Described):
        teacher: TeacherValue

    for teacher in (SeparatedTeacher(hidden=5), SMALL):
        assert Problem(teacher=teacher.model_dump()).teacher == teacher
        assert f'"kind":"{teacher.kind}"' in canonical_json(Problem(teacher=teacher).model_dump())
    with pytest.raises(ParameterError, match=r"at most 2 hidden nodes"):
        Problem(teacher={"kind": "separated", "inputs": 1})
    with pytest.raises(ParameterError, match=r"A teacher must have a 'kind'"):
        Problem(teacher={})


# ---- what a user brings


def test_arrays_become_a_teacher():
    rng = np.random.default_rng(0)
    first, second, bias = rng.standard_normal((3, 4)), torch.randn(2, 3), rng.standard_normal(3)
    teacher = from_arrays([first, second], [bias, None], activation="leaky-relu", slope=0.1)
    x = rng.standard_normal((5, 4))
    pre = x @ first.T + bias
    expected = np.where(pre > 0, pre, 0.1 * pre) @ second.double().numpy().T
    assert np.abs(teacher(torch.from_numpy(x))[0].numpy() - expected).max() < 1e-13
    many = from_arrays([np.ones((7, 3, 4)), np.ones((7, 2, 3))])
    assert (many.seeds, many.biases[0]) == (7, None)


@pytest.mark.parametrize("activation", [torch.nn.ReLU(), torch.nn.LeakyReLU(0.3)])
def test_a_sequential_becomes_a_teacher_with_the_same_outputs(activation):
    nn = torch.nn
    module = nn.Sequential(
        nn.Flatten(),
        nn.Linear(12, 6),
        activation,
        nn.Dropout(0.5),
        nn.Linear(6, 5, bias=False),
        activation,
        nn.Identity(),
        nn.Linear(5, 2),
    )
    module = module.double().eval()
    teacher = from_module(module)
    x = torch.randn(9, 3, 4, dtype=torch.float64)
    assert (teacher(x.flatten(1))[0] - module(x)).abs().max() < 1e-14
    assert teacher.biases[1] is None
    with torch.no_grad():
        module[1].weight.zero_()
    assert teacher.weights[0].abs().min() > 0  # a copy


def sequential(*steps):
    return torch.nn.Sequential(*steps)


L = torch.nn.Linear


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: from_module(L(2, 3)), ["nn.Sequential", "Got Linear", "from_arrays"]),
        (lambda: from_module(sequential(L(2, 3))), ["at least two Linear", "Got Linear"]),
        (lambda: from_module(sequential()), ["Got nothing"]),
        (lambda: from_module(sequential(L(2, 3), L(3, 2))), ["in turns"]),
        (lambda: from_module(sequential(L(2, 3), torch.nn.ReLU())), ["the last one"]),
        (lambda: from_module(sequential(L(2, 3), torch.nn.Tanh(), L(3, 2))), ["all be nn.ReLU", "Tanh()", "fit"]),
        (
            lambda: from_module(sequential(L(2, 3), torch.nn.ReLU(), L(3, 3), torch.nn.LeakyReLU(), L(3, 2))),
            ["one slope", "ReLU(), LeakyReLU(negative_slope=0.01)"],
        ),
        (lambda: from_arrays([np.full((2, 3), np.nan), np.ones((1, 2))]), ["weights of layer 1", "not finite"]),
        (lambda: from_arrays([np.full((2, 3), 1e300)], dtype="float32"), ["not finite in float32"]),
        (lambda: from_arrays([np.ones((2, 3)), np.ones((1, 4))]), ["weights of layer 2", "2 inputs", "(1, 1, 4)"]),
        (lambda: from_arrays([np.ones(3)]), ["weights of layer 1 must have 2 dimensions", "(3,)"]),
        (lambda: from_arrays(["abc"]), ["array of real numbers"]),
        (lambda: from_arrays([1j * np.ones((2, 3))]), ["array of real numbers", "weights of layer 1"]),
        (lambda: from_arrays(5), ["'weights'", "list with one array a layer", "Got 5"]),
        (lambda: from_arrays([np.ones((2, 3))], 5), ["'biases'", "list with one array a layer"]),
        (lambda: from_arrays([np.ones((2, 3))], slope=0.1), ["'slope'", "leaky-relu"]),
        (lambda: from_arrays([np.ones((2, 3))], dtype="float16"), ["'dtype'", "float32 or float64", "float16"]),
        (lambda: SeparatedTeacher(slope=0.1), ["'slope' parameter of SeparatedTeacher", "activation='leaky-relu'"]),
        (lambda: SeparatedTeacher(decay=-1), ["'decay'", ">= 0", "equally strong"]),
        (lambda: SeparatedTeacher().build([]), ["'seeds'", "at least one"]),
        (lambda: SeparatedTeacher().build([1, 1]), ["none twice"]),
        (lambda: SeparatedTeacher().build(5), ["list of whole numbers"]),
        (lambda: SeparatedTeacher().build([-1]), ["'seeds'", ">= 0", "Got -1"]),
        (lambda: BalancedTeacher(samples=11), ["'samples'", "Got 11", "Half of an even number"]),
        (lambda: BalancedTeacher(hidden=()), ["'hidden'", "one width a hidden layer"]),
        (lambda: BalancedTeacher(hidden=(1, 3)), ["at most 2 nodes of hidden layer 2", "Got 3"]),
        (lambda: BalancedTeacher().build([0]), ["needs the law", "law=GaussianInputs(dimension=20"]),
        (lambda: BalancedTeacher().build([0], law=GaussianInputs()), ["(10000, 20)", "Got shape (10000, 100)"]),
        (lambda: BalancedTeacher().build([0], law=np.ones((10_000, 20))), ["constant", "inputs vary"]),
    ],
)
def test_what_cannot_be_is_one_sentence(make, words):
    with pytest.raises(ParameterError) as caught:
        make()
    text = str(caught.value)
    for word in words:
        assert word in text
    assert "\n" not in text
