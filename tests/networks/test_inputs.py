"""Input laws: moments, subspaces, distances from hyperplanes, neighbours, images."""

import numpy as np
import pytest
from scipy import stats

from practicum.canonical import canonical_json
from practicum.errors import ParameterError
from practicum.networks import (
    GaussianInputs,
    ImageInputs,
    LowRankInputs,
    PatchInputs,
    TeacherAgnosticInputs,
    TeacherAwareInputs,
    UniformInputs,
)
from practicum.networks._described import Described
from practicum.networks.inputs import Law, draw


def rng(seed=0):
    return np.random.default_rng(seed)


def covariance_z(x, expected):
    """Largest z-score of the entries of E x x^T, each with its own standard error."""
    products = x[:, :, None] * x[:, None, :]
    return (np.abs(products.mean(axis=0) - expected) / (products.std(axis=0) / np.sqrt(len(x)))).max()


# ---- laws without a teacher


def test_gaussian_and_uniform_inputs_have_their_laws():
    gaussian = GaussianInputs(dimension=7, scale=1.5).sample(rng(), 3000)
    assert (gaussian.shape, gaussian.dtype) == ((3000, 7), np.float64)
    assert stats.kstest(gaussian.ravel() / 1.5, "norm").pvalue > 1e-3
    assert stats.kstest(gaussian.ravel() / 1.4, "norm").pvalue < 1e-3  # power
    assert covariance_z(gaussian, 2.25 * np.eye(7)) < 4
    uniform = UniformInputs(dimension=7, half_width=2.0).sample(rng(), 3000)
    assert stats.kstest(uniform.ravel(), "uniform", (-2, 4)).pvalue > 1e-3
    assert stats.kstest(uniform.ravel(), "uniform", (-2.05, 4.1)).pvalue < 1e-3  # power
    assert covariance_z(uniform, 4 / 3 * np.eye(7)) < 4


def test_low_rank_inputs_stay_on_one_subspace():
    law = LowRankInputs(dimension=12, rank=3, scale=2.0)
    U = law.subspace()
    assert U.shape == (12, 3)
    assert np.abs(U.T @ U - np.eye(3)).max() < 1e-14
    x = law.sample(rng(), 50)
    assert np.linalg.matrix_rank(x) == 3
    assert np.abs(x - x @ U @ U.T).max() < 1e-13
    assert np.linalg.matrix_rank(np.vstack([x, law.sample(rng(1), 50)])) == 3  # epochs share the subspace
    assert np.linalg.matrix_rank(np.vstack([x, law.replace(subspace_seed=1).sample(rng(), 50)])) == 6
    assert (law.replace(subspace_seed=4).subspace() == law.subspace(4)).all()


def test_low_rank_inputs_have_their_covariance():
    law = LowRankInputs(dimension=6, rank=2, scale=2.0, noise=0.3)
    U = law.subspace()
    x = law.sample(rng(), 20_000)
    assert np.linalg.matrix_rank(x) == 6
    assert covariance_z(x, 4 * (U @ U.T + 0.09 * np.eye(6))) < 4
    assert covariance_z(x, 4 * (U @ U.T + 0.3 * np.eye(6))) > 10  # power: noise that is a variance


def test_the_subspace_is_uniform_among_all():
    """In 3 dimensions a coordinate of a uniform unit vector is uniform on (-1, 1); QR alone has one-sided signs."""
    law = LowRankInputs(dimension=3, rank=3)
    columns = np.stack([law.subspace(seed) for seed in range(400)])
    for row in range(3):
        for column in range(3):
            assert stats.kstest(columns[:, row, column], "uniform", (-1, 2)).pvalue > 1e-3
    plain = np.stack([np.linalg.qr(rng(seed).standard_normal((3, 3)))[0] for seed in range(400)])
    assert stats.kstest(plain[:, 0, 0], "uniform", (-1, 2)).pvalue < 1e-6  # power


@pytest.mark.parametrize("sides", [1, 2])
def test_teacher_agnostic_inputs_are_points_and_their_neighbours(sides):
    law = TeacherAgnosticInputs(dimension=5, scale=2.0, step=0.25, sides=sides)
    size = 5 * sides + 1
    groups = law.sample(rng(), 40 * size).reshape(40, size, 5)
    steps = groups[:, 1:] - groups[:, :1]
    assert np.abs(np.linalg.norm(steps, axis=2) - 0.25).max() < 1e-14
    assert np.abs(steps - steps[0]).max() < 1e-13  # all directions, one basis
    basis = steps[0][::sides] / 0.25
    assert np.abs(basis @ basis.T - np.eye(5)).max() < 1e-13
    if sides == 2:
        assert np.abs(steps[:, ::2] + steps[:, 1::2]).max() < 1e-14
    assert stats.kstest(groups[:, 0].ravel() / 2, "norm").pvalue > 1e-3
    assert (law.sample(rng(), 3) == law.sample(rng(), size)[:3]).all()  # an incomplete group
    assert np.abs(basis - np.eye(5)).max() > 0.1
    standard = law.replace(basis="standard").sample(rng(), size)
    assert np.abs((standard[1:] - standard[0])[::sides] - 0.25 * np.eye(5)).max() < 1e-14


def test_some_directions_are_different_and_drawn_for_each_group():
    law = TeacherAgnosticInputs(dimension=5, directions=2, basis="standard", step=1.0)
    groups = law.sample(rng(), 500 * 5).reshape(500, 5, 5)
    steps = (groups[:, 1::2] - groups[:, :1]).round(12)
    assert (np.sort(np.abs(steps), axis=2)[..., -1] == 1).all()
    axes = steps.argmax(axis=2)
    assert (axes[:, 0] != axes[:, 1]).all()
    assert stats.chisquare(np.bincount(axes.ravel(), minlength=5)).pvalue > 1e-3


def test_what_was_learnt_from_chosen_examples_is_tested_on_plain_ones():
    assert GaussianInputs().held_out == GaussianInputs()
    assert TeacherAgnosticInputs(dimension=5, scale=2.0).held_out == GaussianInputs(dimension=5, scale=2.0)
    assert TeacherAwareInputs(dimension=5, scale=2.0).held_out == GaussianInputs(dimension=5, scale=2.0)
    assert ImageInputs(mean=0.3).held_out == ImageInputs(mean=0.3, split="test")
    assert ImageInputs(split="test").held_out == ImageInputs()
    assert PatchInputs(size=8).held_out == PatchInputs(size=8, split="test")
    assert PatchInputs(split="test").held_out == PatchInputs()


# ---- the teacher-aware law

DIMENSION, NODES = 9, 4


@pytest.fixture
def teacher():
    pytest.importorskip("torch")
    from practicum.networks import from_arrays

    draws = rng(3)
    return from_arrays(
        [draws.standard_normal((2, NODES, DIMENSION)) * 3, draws.standard_normal((2, 2, NODES))],
        [draws.standard_normal((2, NODES)), None],
    )


def distances(x, teacher, seed):
    """Signed distances (N, m) from the hyperplanes, in NumPy."""
    w, b = teacher.weights[0][seed].numpy(), teacher.biases[0][seed].numpy()
    return (x @ w.T + b) / np.linalg.norm(w, axis=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_teacher_aware_triples_lie_on_and_beside_their_hyperplane(teacher, seed):
    law = TeacherAwareInputs(dimension=DIMENSION, shift=0.5, spread=2.0)
    x = law.sample(rng(), 3 * 2000, teacher, seed)
    nodes = np.arange(2000) % NODES
    own = distances(x, teacher, seed).reshape(2000, 3, NODES)[np.arange(2000), :, nodes]
    assert np.abs(own[:, 0]).max() < 1e-12
    assert np.abs(own[:, 1] + own[:, 2]).max() < 1e-12
    assert stats.kstest(own[:, 1], "uniform", (0.5, 2.0)).pvalue > 1e-3
    assert stats.kstest(own[:, 1], "uniform", (0.4, 2.1)).pvalue < 1e-3  # power
    # Shifted along w alone.
    steps = x.reshape(2000, 3, DIMENSION)[:, 1] - x.reshape(2000, 3, DIMENSION)[:, 0]
    assert np.abs(np.linalg.norm(steps, axis=1) - own[:, 1]).max() < 1e-12
    # Power: equal norms of all rows, as in the public code, and the teacher of the other seed.
    scaled = x * (1.5 * DIMENSION**0.5 / np.linalg.norm(x, axis=1, keepdims=True))
    for wrong in (distances(scaled, teacher, seed), distances(x, teacher, 1 - seed)):
        assert np.abs(wrong.reshape(2000, 3, NODES)[np.arange(2000), 0, nodes]).max() > 0.1


def test_points_on_the_plane_are_gaussian_in_it(teacher):
    """Projected at a right angle: in the plane N(0, scale^2), of which b w / |w|^2 is the point nearest to zero."""
    law = TeacherAwareInputs(dimension=DIMENSION, scale=1.5)
    first = law.sample(rng(), 3 * NODES * 3000, teacher)[:: 3 * NODES]  # on the plane of node 0
    w, b = teacher.weights[0][0, 0].numpy(), teacher.biases[0][0, 0].item()
    centred = first + b * w / (w @ w)
    assert covariance_z(centred @ plane(w), 2.25 * np.eye(DIMENSION - 1)) < 4
    assert np.abs(centred @ w).max() < 1e-11
    assert covariance_z(centred @ plane(w), 2.25 * 1.2 * np.eye(DIMENSION - 1)) > 5  # power


def plane(w):
    """An orthonormal basis (d, d - 1) of what is orthogonal to w."""
    return np.linalg.svd(w[None])[2][1:].T


@pytest.mark.parametrize("count", [1, 5, 12, 30, 31])
def test_examples_are_shared_out_over_the_nodes(teacher, count):
    law = TeacherAwareInputs(dimension=DIMENSION)
    x = law.sample(rng(), count, teacher)
    assert x.shape == (count, DIMENSION)
    node = np.arange(count) // 3 % NODES
    own = distances(x, teacher, 0)[np.arange(count), node]
    assert np.abs(own[::3]).max() < 1e-12
    assert (np.abs(np.delete(own, np.arange(0, count, 3))) > 2).all()
    shares = np.bincount(node, minlength=NODES)
    assert shares.max() - shares.min() <= 3


def test_a_teacher_in_single_precision_has_its_own_planes(teacher):
    law = TeacherAwareInputs(dimension=DIMENSION)
    rounded = teacher.select([0]).float()
    x = law.sample(rng(), 30, rounded, seed_index=5)  # one teacher for all seeds
    w, b = rounded.weights[0][0].detach().double().numpy(), rounded.biases[0][0].detach().double().numpy()
    on = ((x[::3] @ w.T + b) / np.linalg.norm(w, axis=1))[np.arange(10), np.arange(10) % NODES]
    assert np.abs(on).max() < 1e-12


# ---- images, arrays, functions


class _Images:
    def __init__(self, name, split):
        self.labels = np.arange(20) if split == "train" else np.arange(6)
        self.inputs = np.repeat(self.labels, 64).reshape(-1, 1, 8, 8).astype(np.float32) / 20
        if name == "cifar-10":
            each = np.arange(3 * 1024, dtype=np.float32).reshape(3, 32, 32) / 3072
            self.inputs = each * (self.labels + 1).astype(np.float32)[:, None, None, None] / 20


@pytest.fixture
def digits(monkeypatch):
    import practicum.data
    from practicum.networks import _images

    _images._loaded.cache_clear()
    monkeypatch.setattr(practicum.data, "images", _Images)
    yield ImageInputs(name="digits")
    _images._loaded.cache_clear()


def test_images_are_drawn_without_repetition_and_with_their_labels(digits):
    pixels, labels = digits.labelled(rng(), 20)
    assert (pixels.shape, pixels.dtype) == ((20, 64), np.float32)
    assert sorted(labels) == list(range(20))
    assert list(labels) != list(range(20))
    assert (pixels == labels[:, None].astype(np.float32) / 20).all()
    assert (digits.sample(rng(), 20) == pixels).all()
    assert digits.held_out.sample(rng(), 6).max() == np.float32(0.25)
    assert digits.replace(flat=False).sample(rng(), 3).shape == (3, 1, 8, 8)
    assert (digits.shape, digits.dimension, digits.replace(flat=False).shape) == ((64,), 64, (1, 8, 8))
    normalised = digits.replace(mean=0.5, deviation=0.25).sample(rng(), 20)
    assert normalised.dtype == np.float32
    assert np.abs(normalised - (pixels - 0.5) / 0.25).max() < 1e-6
    with pytest.raises(ParameterError, match=r"'count' parameter must be <= 20, the images of digits.*Got 21"):
        digits.sample(rng(), 21)


def test_colour_images_are_normalised_by_channel(digits):
    law = ImageInputs(name="cifar-10", mean=(0.5, 0.25, 0.125), deviation=(0.25, 0.5, 2.0))
    assert (law.shape, law.dimension, law.replace(flat=False).shape) == ((3072,), 3072, (3, 32, 32))
    pixels = ImageInputs(name="cifar-10", flat=False).sample(rng(), 5).astype(float)
    expected = np.stack([(pixels[:, 0] - 0.5) / 0.25, (pixels[:, 1] - 0.25) / 0.5, (pixels[:, 2] - 0.125) / 2], axis=1)
    for flat, shape in ((False, (5, 3, 32, 32)), (True, (5, 3072))):
        found = law.replace(flat=flat).sample(rng(), 5)
        assert (found.shape, found.dtype) == (shape, np.float32)
        np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-6)
    # One number is for all channels, said once or three times.
    one = ImageInputs(name="cifar-10", mean=0.5, deviation=0.25)
    assert one == ImageInputs(name="cifar-10", mean=[0.5] * 3, deviation=[0.25] * 3)
    np.testing.assert_allclose(one.sample(rng(), 5), (pixels.reshape(5, -1) - 0.5) / 0.25, atol=1e-6)


def test_what_was_stored_keeps_its_name():
    """The canonical JSON of a law of grey images is what it was before there were others."""
    text = '{"deviation":0.353,"flat":false,"kind":"images","mean":0.286,"name":"fashion-mnist","split":"train"}'
    assert canonical_json(ImageInputs(flat=False, mean=0.2860, deviation=0.3530).model_dump()) == text
    assert canonical_json(ImageInputs(flat=False, mean=(0.2860,), deviation=[0.3530]).model_dump()) == text


def test_patches_are_a_law():
    pytest.importorskip("sklearn")
    from practicum.data import patches

    law = PatchInputs(size=8, photographs=("flower", "china"))
    assert (law.shape, law.dimension, law.photographs) == ((192,), 192, ("china", "flower"))
    x = law.sample(rng(5), 40)
    assert (x.shape, x.dtype) == ((40, 192), np.float32)
    expected = patches(40, 5, 8, photographs=("china", "flower")).inputs
    assert np.array_equal(x, expected.reshape(40, -1))
    assert np.array_equal(law.replace(flat=False).sample(rng(5), 40), expected)
    assert np.array_equal(
        law.held_out.sample(rng(5), 40),
        patches(40, 5, 8, split="test", photographs=law.photographs).inputs.reshape(40, -1),
    )
    grey = law.replace(colour=False, flat=False, mean=0.5, deviation=0.25)
    assert (grey.shape, grey.dimension) == ((1, 8, 8), 64)
    unlike = patches(40, 5, 8, colour=False, photographs=law.photographs).inputs
    np.testing.assert_allclose(grey.sample(rng(5), 40), (unlike - 0.5) / 0.25, atol=1e-6)
    by_channel = law.replace(mean=(0.1, 0.2, 0.3), deviation=(1.0, 2.0, 4.0), flat=False).sample(rng(5), 40)
    expected = (expected - np.array([0.1, 0.2, 0.3])[:, None, None]) / np.array([1.0, 2.0, 4.0])[:, None, None]
    np.testing.assert_allclose(by_channel, expected, atol=1e-6)


def test_the_digits_of_scikit_learn_are_a_law():
    pytest.importorskip("sklearn")
    x = ImageInputs(name="digits").sample(rng(), 100)
    assert x.shape == (100, 64)
    assert (x.min(), x.max()) == (0, 1)


def test_arrays_and_functions_are_laws_too():
    array = np.arange(40.0).reshape(10, 4)
    x = draw(array, rng(), 10, 4)
    assert sorted(x[:, 0]) == list(array[:, 0])
    assert list(x[:, 0]) != list(array[:, 0])
    assert draw(array.reshape(10, 1, 2, 2).astype(np.float32), rng(), 3, (1, 2, 2)).dtype == np.float32
    assert (draw(lambda r, shape: r.random(shape), rng(), 3, 4) == rng().random((3, 4))).all()
    assert (draw(GaussianInputs(dimension=4), rng(), 3, 4) == rng().standard_normal((3, 4))).all()


def test_laws_have_a_canonical_json_and_come_back():
    class Problem(Described):
        law: Law

    for law in (
        LowRankInputs(rank=5),
        TeacherAwareInputs(),
        TeacherAgnosticInputs(sides=1),
        ImageInputs(),
        ImageInputs(name="cifar-10", mean=(0.1, 0.2, 0.3)),
        PatchInputs(photographs=["china"], deviation=(0.1, 0.2, 0.3)),
    ):
        assert f'"kind":"{law.kind}"' in canonical_json(law.model_dump())
        assert Problem(law=law).law is law
        again = Problem(law=law.model_dump())
        assert again.law == law
        assert again == Problem(**again.model_dump())
    for given, words in [
        ({"kind": "low-rank", "rank": 101}, "'rank' parameter of LowRankInputs must be <= 100"),
        ({"kind": "low-rnk"}, "An input law must have a 'kind', one of 'gaussian'.*Did you mean 'low-rank'"),
        ({"kind": "uniform", "scale": 1.0}, "UniformInputs has no parameter 'scale'"),
        ({}, "Got None"),
        (3, "one of GaussianInputs, .* or a table .* Got 3"),
    ]:
        with pytest.raises(ParameterError, match=words):
            Problem(law=given)


def bad(value):
    return lambda: draw(value, rng(), 3, 4)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: GaussianInputs(dimension=0), ["'dimension'", ">= 1", "number of inputs"]),
        (lambda: GaussianInputs(scale=0), ["'scale'", "> 0", "standard deviation"]),
        (lambda: GaussianInputs().sample(rng(), 0), ["'count'", ">= 1", "Got 0"]),
        (lambda: UniformInputs(half_width=-1), ["'half_width'", "> 0"]),
        (lambda: LowRankInputs(dimension=3, rank=4), ["'rank' parameter of LowRankInputs must be <= 3", "Got 4"]),
        (lambda: TeacherAgnosticInputs(dimension=3, directions=4), ["'directions'", "<= 3", "Got 4"]),
        (lambda: TeacherAwareInputs().sample(rng(), 3), ["got none", "sample(rng, count, teacher)"]),
        (lambda: TeacherAwareInputs().sample(rng(), 3, object()), ["an MLP", "Got object"]),
        (lambda: ImageInputs(name="cifar"), ["'name'", "'digits'"]),
        (
            lambda: ImageInputs(mean=(0.1, 0.2)),
            ["'mean' parameter", "the 1 channel(s)", "Got 2 numbers"],
        ),
        (lambda: ImageInputs(name="cifar-10", deviation=(1, 2)), ["'deviation'", "the 3 channel(s)", "Got 2 numbers"]),
        (lambda: ImageInputs(deviation=0), ["must be > 0. Got 0 instead", "1.0 leaves"]),
        (lambda: ImageInputs(name="cifar-10", deviation=(1, 0, 2)), ["must be > 0", "1.0 leaves"]),
        (lambda: ImageInputs(mean="0"), ["'mean'", "must be a number", "Got '0'"]),
        (lambda: ImageInputs(mean=True), ["'mean'", "must be a number", "Got True"]),
        (lambda: ImageInputs(mean=[0.1, None]), ["'mean'", "must be a number"]),
        (lambda: ImageInputs(mean=[]), ["'mean'", "must be a number", "Got []"]),
        (lambda: ImageInputs(mean=[float("nan")]), ["'mean'", "finite"]),
        (lambda: PatchInputs(size=0), ["'size' parameter of PatchInputs must be >= 1"]),
        (lambda: PatchInputs(photographs=("dog",)), ["some of astronaut, cat", "Got 'dog'"]),
        (lambda: PatchInputs(photographs=()), ["at least one of astronaut", "Got none"]),
        (lambda: PatchInputs(photographs=3), ["'photographs'", "must be a list"]),
        (lambda: PatchInputs(colour=False, mean=(0.1, 0.2, 0.3)), ["the 1 channel(s)", "Got 3 numbers"]),
        (bad(np.ones((2, 4))), ["at least 3 rows", "Got 2"]),
        (bad(np.ones((3, 5))), ["(3, 4)", "Got shape (3, 5)"]),
        (bad([["a"] * 4] * 3), ["GaussianInputs(dimension=100)"]),
        (bad(None), ["a law such as"]),
        (bad(lambda r, shape: "abc"), ["array of real numbers"]),
        (bad(lambda r, shape: 1j * np.ones(shape)), ["array of real numbers"]),
        (bad(lambda r, shape: np.full(shape, np.inf)), ["finite", "Got inf in example 0"]),
        (bad(GaussianInputs(dimension=5)), ["GaussianInputs must give", "Got shape (3, 5)"]),
    ],
)
def test_what_cannot_be_is_one_sentence(make, words):
    with pytest.raises(ParameterError) as caught:
        make()
    text = str(caught.value)
    for word in words:
        assert word in text
    assert "\n" not in text


def test_a_teacher_that_does_not_fit_is_one_sentence(teacher):
    law = TeacherAwareInputs(dimension=DIMENSION)
    with pytest.raises(ParameterError, match=r"'dimension' parameter of TeacherAwareInputs must be 9.*Got 100"):
        TeacherAwareInputs().sample(rng(), 3, teacher)
    with pytest.raises(ParameterError, match=r"'seed_index' parameter must be < 2.*Got 2"):
        law.sample(rng(), 3, teacher, 2)
    teacher.weights[0][0, 1] = 0
    with pytest.raises(ParameterError, match=r"Node 1 .* all zero"):
        law.sample(rng(), 3, teacher)
