"""Students: widths, and the law of what they start from."""

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch")

from practicum.canonical import canonical_json  # noqa: E402
from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import BalancedTeacher, SeparatedTeacher, Students  # noqa: E402
from practicum.networks.teachers import from_arrays  # noqa: E402

TEACHER = SeparatedTeacher(inputs=30, hidden=10, outputs=12)


def test_widths_are_multiples_of_the_teachers_or_given():
    teacher = TEACHER.build([0])
    assert Students().build(teacher, [0]).sizes == (30, 10, 12)
    assert Students(multiple=5).build(teacher, [0, 1]).sizes == (30, 50, 12)
    assert Students(widths=(3,)).build(teacher, [0]).sizes == (30, 3, 12)
    deep = BalancedTeacher().sizes
    assert Students(multiple=2).sizes(deep) == (20, 100, 150, 200, 250, 100)
    assert Students(multiple=2).build(deep, [4]).sizes == (20, 100, 150, 200, 250, 100)


def started(students, sizes=(30, 80, 60, 12), seeds=3):
    network = students.build(sizes, range(seeds))
    weights = [w.detach().numpy().ravel() for w in network.weights]
    biases = [b.detach().numpy().ravel() for b in network.biases if b is not None]
    return weights, biases


def test_pytorch_starts_as_torch_does():
    """Kolmogorov-Smirnov, two samples a layer: own weights and biases against those of torch.nn.Linear."""
    torch.manual_seed(0)
    weights, biases = started(Students(initial="pytorch"), seeds=20)
    for fan_in, fan_out, weight, bias in zip((30, 80, 60), (80, 60, 12), weights, biases):
        layers = [torch.nn.Linear(fan_in, fan_out, dtype=torch.float64) for _ in range(20)]
        for own, name in ((weight, "weight"), (bias, "bias")):
            torchs = np.concatenate([getattr(layer, name).detach().numpy().ravel() for layer in layers])
            assert stats.ks_2samp(own, torchs).pvalue > 1e-3
            assert np.abs(own).max() < fan_in**-0.5
        # Power: normal weights of the same variance, and the bounds of another fan-in.
        normal = np.random.default_rng(0).normal(0, (3 * fan_in) ** -0.5, weight.size)
        assert stats.ks_2samp(normal, weight).pvalue < 1e-6
        assert stats.ks_2samp(weight * np.sqrt(fan_in / (fan_in + fan_out)), weight).pvalue < 1e-6


def test_normal_starts_all_layers_alike_and_biases_at_zero():
    weights, biases = started(Students(initial="normal", scale=0.005))
    for weight in weights:
        assert stats.kstest(weight / 0.005, "norm").pvalue > 1e-3
        assert stats.kstest(weight / 0.0053, "norm").pvalue < stats.kstest(weight / 0.005, "norm").pvalue
    assert stats.kstest(np.concatenate(weights) / 0.0053, "norm").pvalue < 1e-3  # power
    assert all((bias == 0).all() for bias in biases)
    assert len(biases) == 3


@pytest.mark.parametrize("initial", ["pytorch", "normal"])
def test_an_overall_factor_changes_nothing_else(initial):
    weights, biases = started(Students(initial=initial))
    larger, shifted = started(Students(initial=initial, initial_scale=4.0))
    for one, four in zip(weights + biases, larger + shifted):
        assert (4 * one == four).all()


def test_a_seed_is_the_same_alone_whatever_the_teacher_and_the_precision():
    students = Students(multiple=2)
    many = students.build(TEACHER.build([0, 1, 2]), [7, 3, 9])
    alone = students.build(TEACHER.build([5]), [3], dtype=torch.float32)
    assert torch.equal(many.weights[0][1].float(), alone.weights[0][0])
    assert not torch.equal(many.weights[0][0], many.weights[0][1])
    assert alone.training
    assert all(p.requires_grad for p in alone.parameters())


def test_the_rest_is_the_teachers_unless_given():
    arrays = [np.ones((3, 4)), np.ones((2, 3))]
    leaky = from_arrays(arrays, activation="leaky-relu", slope=0.2)
    student = Students().build(leaky, [0])
    assert (student.activation, student.slope, student.biases[-1]) == ("leaky-relu", 0.2, None)
    assert student.biases[0] is not None
    assert Students(output_bias=True).build(leaky, [0]).biases[-1] is not None
    assert Students(output_bias=False).build((4, 3, 2), [0]).biases[-1] is None
    assert Students().build((4, 3, 2), [0]).biases[-1] is not None
    other = Students(activation="erf").build(leaky, [0])
    assert (other.activation, other.slope) == ("erf", 0.0)
    assert Students(activation="leaky-relu").build(leaky, [0]).slope == 0.2
    assert Students(slope=0.5).build(leaky, [0]).slope == 0.5
    assert Students(normalisation="before").build(leaky, [0]).normalisation == "before"
    assert len(Students(normalisation="after").build(leaky, [0]).norms) == 1


def test_students_have_a_canonical_json():
    text = canonical_json(Students(widths=[3, 4]).model_dump())
    assert '"kind":"students"' in text
    assert '"widths":[3,4]' in text


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Students(multiple=2, widths=(3,)), ["'multiple' or 'widths'", "multiple=2", "(3,)", "drop one"]),
        (lambda: Students(multiple=0), ["'multiple'", ">= 1", "narrower"]),
        (lambda: Students(widths=(0,)), ["'widths'", ">= 1"]),
        (lambda: Students(widths=(3, 4)).build(TEACHER.build([0]), [0]), ["'widths'", "1 number(s)", "(3, 4)"]),
        (lambda: Students(initial="zeros"), ["'initial'", "'pytorch' or 'normal'"]),
        (lambda: Students(scale=0), ["'scale'", "> 0", "stay equal"]),
        (lambda: Students(slope=0.1).build(TEACHER.build([0]), [0]), ["'slope'", "'relu'"]),
        (lambda: Students(slope=0.1, activation="erf"), ["'slope'", "'erf'"]),
        (lambda: Students().build(torch.nn.Linear(2, 3), [0]), ["an MLP", "Got Linear", "give the sizes"]),
        (lambda: Students().build(3, [0]), ["an MLP, or from sizes", "Got int"]),
        (lambda: Students().build((3, 4), [0]), ["at least one hidden layer", "(3, 4)"]),
        (lambda: Students().build((3, 0, 4), [0]), ["'sizes'", ">= 1", "Got 0"]),
        (lambda: Students().build((3, 2, 4), [0, 0]), ["'seeds'", "none twice"]),
    ],
)
def test_what_cannot_be_is_one_sentence(make, words):
    with pytest.raises(ParameterError) as caught:
        make()
    text = str(caught.value)
    for word in words:
        assert word in text
    assert "\n" not in text
