"""Convolutional networks and ensembles: what they compute, where they start, and that seeds share nothing."""

import copy

import numpy as np
import pytest
from scipy.signal import correlate2d

from practicum.errors import ParameterError
from practicum.networks.students import Students

torch = pytest.importorskip("torch")

from practicum.networks.cnn import CNN, cnn_students  # noqa: E402
from practicum.networks.ensemble import Ensemble, as_batched  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402


def drawn(seed=0, shape=(2, 7, 6), channels=(3, 4, 5), outputs=2, **options):
    network = CNN(shape, channels, outputs, **options).draw(generator(seed, "teacher")).double()
    rng = np.random.default_rng(seed)
    for name, values in network.state_dict().items():  # moments and factors that do something
        if "norm" in name and values.ndim:
            values.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, values.shape)))
    return network.eval()


def batch(count=4, shape=(2, 7, 6), seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, *shape)))


def by_hand(network: CNN, image: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """What SciPy's correlation makes of one image: the values of each layer (n, h, w), and the outputs."""
    state = {name: values.numpy() for name, values in network.state_dict().items()}
    layers = []
    for number, stride in enumerate(network.strides, 1):
        weight, bias = state[f"conv{number}.weight"], state[f"conv{number}.bias"]
        padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
        value = np.stack([sum(correlate2d(c, w, "valid") for c, w in zip(padded, kernel)) for kernel in weight])
        value = (value + bias[:, None, None])[:, ::stride, ::stride]

        def norm(value, number=number):
            part = {key: state[f"norm{number}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
            factor = part["weight"] / np.sqrt(part["running_var"] + 1e-5)
            return (value - part["running_mean"][:, None, None]) * factor[:, None, None] + part["bias"][:, None, None]

        if network.normalisation == "before":
            value = norm(value)
        value = np.maximum(value, 0)
        if network.normalisation == "after":
            value = norm(value)
        layers.append(value)
        image = value
    return layers, state["output.weight"] @ image.ravel() + state["output.bias"]


@pytest.mark.parametrize("normalisation", [None, "before", "after"])
def test_outputs_and_layers_are_those_of_convolutions_by_hand(normalisation):
    network, inputs = drawn(normalisation=normalisation), batch()
    with torch.no_grad():
        outputs, (_, post, again) = network(inputs), network.layers(inputs)
    for index, image in enumerate(inputs.numpy()):
        layers, expected = by_hand(network, image)
        np.testing.assert_allclose(outputs[index], expected, atol=1e-12)
        for value, hand in zip(post, layers):
            nodes, positions = len(hand), hand[0].size
            mine = value[0, index * positions : (index + 1) * positions]
            np.testing.assert_allclose(mine, hand.reshape(nodes, positions).T, atol=1e-12)
    assert torch.equal(again[0], outputs)


def test_what_the_relu_sees():
    for normalisation in (None, "before"):
        pre, post, _ = drawn(normalisation=normalisation).layers(batch())
        assert all(torch.equal(torch.relu(a), b) for a, b in zip(pre, post))
    pre, post, _ = drawn(normalisation="after").layers(batch())
    assert not any(torch.equal(torch.relu(a), b) for a, b in zip(pre, post))


def test_layers_are_what_hooks_on_the_named_modules_see():
    network = drawn(normalisation="before")
    seen = {}
    for number in (1, 2, 3):
        part = network.get_submodule(f"relu{number}")
        part.register_forward_hook(lambda _m, _i, output, n=number: seen.update({n: output}))
    network(batch())
    for number, value in enumerate(network.layers(batch()).post, 1):
        assert torch.equal(seen[number].permute(0, 2, 3, 1).flatten(0, 2), value[0])
    names = [name for name, _ in network.named_children()]
    assert names == [f"{kind}{n}" for n in (1, 2, 3) for kind in ("conv", "norm", "relu")] + ["flatten", "output"]


def test_weights_can_be_saved_as_they_are():
    """safetensors takes tensors that are contiguous."""
    network = drawn(normalisation="before")
    stored = pytest.importorskip("safetensors.torch").save(network.state_dict())
    other = CNN((2, 7, 6), (3, 4, 5), 2, normalisation="before").double().eval()
    other.load_state_dict(pytest.importorskip("safetensors.torch").load(stored))
    assert torch.equal(other(batch()), network(batch()))


def test_sizes_and_strides():
    network = CNN((1, 28, 28), (8, 16, 16, 4), 10)
    assert (network.sizes, network.depth, network.strides) == ((1, 8, 16, 16, 4, 10), 4, (2, 2, 2, 2))
    assert network.output.in_features == 4 * 2 * 2
    assert CNN((1, 8, 8), (4, 4, 4, 4), 10).strides == (2, 2, 1, 1)
    assert CNN((1, 8, 8), (4, 4), 10, strides=(1, 3)).output.in_features == 4 * 3 * 3


def test_initial_weights_follow_the_law_of_pytorch_and_the_seed_alone():
    one, same, other = (CNN((3, 8, 8), (64, 64), 10).draw(generator(s, "student")) for s in (0, 0, 1))
    for name, values in one.state_dict().items():
        assert torch.equal(values, same.state_dict()[name])
        assert not torch.equal(values, other.state_dict()[name])
    for name, fan_in in (("conv1", 27), ("conv2", 576), ("output", 64 * 2 * 2)):
        values = one.get_submodule(name).weight.detach().double().numpy().ravel() * np.sqrt(fan_in)
        assert abs(values).max() <= 1 + 1e-6
        # Uniform on (-1, 1): mean 0, variance 1/3, fourth moment 1/5.
        n = values.size
        assert abs(values.mean()) < 4 * np.sqrt(1 / 3 / n)
        assert abs((values**2).mean() - 1 / 3) < 4 * np.sqrt((1 / 5 - 1 / 9) / n)
    normal = CNN((3, 8, 8), (64, 64), 10).draw(generator(0, "student"), scale=0.01, factor=2.0)
    values = normal.conv2.weight.detach().numpy()
    assert abs(values.std() / 0.02 - 1) < 4 / np.sqrt(2 * values.size)
    assert not normal.conv2.bias.any()


def test_float32_is_float64_rounded():
    teacher = CNN((1, 8, 8), (4, 4), 3)
    double, single = (cnn_students(Students(multiple=2), teacher, [5], dtype=t) for t in ("float64", "float32"))
    for a, b in zip(double.parameters(), single.parameters()):
        assert torch.equal(a.float(), b)
    assert not torch.equal(double.networks[0].conv1.weight, single.networks[0].conv1.weight.double())
    assert (double.dtype, single.dtype) == (torch.float64, torch.float32)


def test_an_ensemble_is_its_modules_side_by_side():
    modules = [drawn(seed) for seed in range(3)]
    ensemble = Ensemble(modules)
    own, shared = torch.stack([batch(seed=s) for s in range(3)]), batch()
    expected = torch.stack([m(x) for m, x in zip(modules, own)])
    assert torch.equal(ensemble(own), expected)
    assert torch.equal(ensemble(shared), torch.stack([m(shared) for m in modules]))
    assert torch.equal(ensemble(shared.unsqueeze(0)), ensemble(shared))
    layers = ensemble.layers(own)
    assert [tuple(v.shape) for v in layers.post] == [(3, 4 * 12, 3), (3, 4 * 4, 4), (3, 4 * 4, 5)]
    assert torch.equal(layers.post[1][2], modules[2].layers(own[2]).post[1][0])
    assert torch.equal(layers.outputs, expected)
    assert (ensemble.seeds, ensemble.sizes, ensemble.depth, ensemble.shape) == (3, (2, 3, 4, 5, 2), 3, (2, 7, 6))


def test_seeds_learn_independently():
    """The gradient of a seed in a sum of losses is its own, even beside a seed that has become NaN."""
    ensemble = Ensemble([drawn(seed) for seed in range(2)])
    ensemble.train()
    alone = copy.deepcopy(ensemble.networks[1])
    with torch.no_grad():
        next(ensemble.networks[0].parameters()).fill_(torch.nan)
    (ensemble(batch()) ** 2).mean((1, 2)).sum().backward()
    (alone(batch()) ** 2).mean().backward()
    for a, b in zip(ensemble.networks[1].parameters(), alone.parameters()):
        assert torch.equal(a.grad, b.grad)
    assert next(ensemble.networks[0].parameters()).grad.isnan().any()


def test_selected_modules_are_copies():
    ensemble = Ensemble([drawn(seed) for seed in range(3)]).eval()
    chosen = ensemble.select([2, 0, 2])
    expected = ensemble(batch())[[2, 0, 2]]
    with torch.no_grad():
        for values in ensemble.parameters():
            values.zero_()
    assert torch.equal(chosen(batch()), expected)
    assert (chosen.seeds, chosen.shape, chosen.training) == (3, (2, 7, 6), False)


def test_many_inputs_go_through_in_parts_when_nothing_is_learnt():
    ensemble, inputs = Ensemble([drawn(normalisation="before")]), batch(2500)
    sizes = []
    ensemble.networks[0].register_forward_hook(lambda _m, i, _o: sizes.append(len(i[0])))
    with torch.no_grad():
        outputs = ensemble(inputs)
    assert sizes == [1000, 1000, 500]
    torch.testing.assert_close(outputs, ensemble(inputs), rtol=1e-12, atol=1e-12)  # in one go, with gradients
    ensemble.train()
    with torch.no_grad():
        ensemble(inputs)  # BatchNorm wants the whole batch
    assert sizes[3:] == [2500, 2500]


def test_any_module_can_be_a_teacher():
    module = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Tanh())
    x = torch.ones(4, 5)
    assert torch.equal(as_batched(module)(x.unsqueeze(0)), module(x).unsqueeze(0))
    assert torch.equal(as_batched(module, (5,))(x), module(x).unsqueeze(0))
    mlp = MLP([torch.ones(2, 3, 5), torch.ones(2, 1, 3)], [None, None])
    assert as_batched(mlp) is mlp
    with pytest.raises(
        ParameterError, match=r"Sequential does not say what its hidden layers are: it has no 'layers'\."
    ):
        as_batched(module).layers(x.unsqueeze(0))


def test_students_are_wider_in_every_layer():
    teacher = Ensemble([drawn()])
    ensemble = cnn_students(Students(multiple=2, normalisation="after"), teacher, [3, 0])
    assert (ensemble.sizes, ensemble.seeds, ensemble.training) == ((2, 6, 8, 10, 2), 2, True)
    assert ensemble.networks[0].strides == teacher.networks[0].strides
    assert ensemble.networks[0].normalisation == "after"
    alone = cnn_students(Students(multiple=2, normalisation="after"), teacher.networks[0], [0])
    assert all(torch.equal(a, b) for a, b in zip(ensemble.networks[1].parameters(), alone.networks[0].parameters()))
    assert cnn_students(Students(widths=(1, 9, 4)), teacher, [0]).sizes == (2, 1, 9, 4, 2)


def test_a_student_does_not_begin_where_the_teacher_of_its_seed_began():
    teacher = CNN((1, 8, 8), (4, 4), 3).draw(generator(0, "teacher"))
    student = cnn_students(Students(multiple=1), teacher, [0]).networks[0]
    assert not any(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters()))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: CNN((28, 28), (4,)), r"must be \(c, h, w\) of one image\. Got \(28, 28\)"),
        (lambda: CNN((1, 8, 8), ()), "'channels' parameter of CNN must have at least one number"),
        (lambda: CNN((1, 8, 8), 4), "'channels' parameter of CNN must be a list of whole numbers"),
        (lambda: CNN((1, 8, 8), (4, 0)), "'channels' parameter must be a whole number >= 1. Got 0"),
        (lambda: CNN((1, 8, 8), (4, 4), strides=(2,)), r"one number a layer, 2 in all\. Got \(2,\)"),
        (lambda: CNN((1, 8, 8), (4,), normalisation="layer"), "None, 'before' or 'after'. Got 'layer'"),
        (lambda: Ensemble([]), "at least one module"),
        (lambda: Ensemble([torch.nn.Linear(2, 2)] * 2), "must not share weights"),
        (lambda: Ensemble([drawn()])(torch.ones(4, 1, 7, 6)), r"shape \(1, B, 2, 7, 6\) .* Got \(4, 1, 7, 6\)"),
        (lambda: Ensemble([drawn()])(torch.ones(2, 4, 2, 7, 6)), r"with S = 1 modules\. Got \(2, 4, 2, 7, 6\)"),
        (lambda: Ensemble([torch.nn.Linear(2, 2)])(torch.ones(1, 2)), r"shape \(1, B, \.\.\.\) .* Got \(1, 2\)"),
        (lambda: cnn_students(Students(), Ensemble([torch.nn.Linear(2, 2)]), [0]), "a CNN. Got Linear"),
        (lambda: cnn_students(Students(activation="erf"), drawn(), [0]), "Got activation='erf'"),
        (lambda: cnn_students(Students(widths=(3,)), drawn(), [0]), "must have 3 number"),
    ],
)
def test_what_does_not_fit_is_one_sentence(call, says):
    with pytest.raises(ParameterError, match=says):
        call()
