"""Students of an image teacher: built by width, fitted through the general engine, watched through the observer."""

import numpy as np
import pytest

from pages import ROOT, blocks
from practicum.networks import ImageTeacher
from practicum.networks.students import Students

torch = pytest.importorskip("torch")

from practicum.networks.cnn import CNN, cnn_students  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402
from practicum.networks.settings import Training  # noqa: E402
from practicum.networks.training import Data, fit  # noqa: E402
from practicum.specialization.observers import Specialization  # noqa: E402

SHAPE = (1, 8, 8)
TRAINING = Training(optimizer="adam", learning_rate=0.01, batch_size=32, epochs=4)


def some(count, seed):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((1, count, *SHAPE))).float()


DATA = Data(some(512, 0), some(200, 1))
TEACHER = Ensemble([CNN(SHAPE, (4, 6), 5).draw(generator(9, "teacher"), factor=2.0)]).eval().requires_grad_(False)


def fitted(students, seeds=(0, 1), data=DATA, **options):
    return fit(TEACHER, students, data, TRAINING, seeds=seeds, observers=[Specialization((0.5, 0.95))], **options)


def test_students_specialize_layer_by_layer():
    students = Students(multiple=2, normalisation="before").build(TEACHER, [0, 1], dtype="float32")
    result = fitted(students)
    assert (result.status == "ok").all()
    loss, best = result.loss, result.mean_best_correlation
    assert (loss[-1] < loss[0] / 4).all()
    assert (best[-1].mean("seed") > best[0].mean("seed")).all()
    assert best.shape == (5, 2, 2)
    # What the observer saw last is what correlation of the activations by hand gives.
    with torch.no_grad():
        theirs = TEACHER.layers(DATA.held_out).post[0][0].numpy().T
        ours = students.eval().layers(DATA.held_out).post[0][1].numpy().T
    rho = np.corrcoef(theirs, ours)[: len(theirs), len(theirs) :]
    np.testing.assert_allclose(result.best_correlation[-1, 1, 0, :4], rho.max(1), atol=1e-4)


def test_a_seed_learns_the_same_alone_as_among_others():
    students = Students()
    together = fitted(cnn_students(students, TEACHER, [3, 5]), (3, 5))
    alone = fitted(cnn_students(students, TEACHER, [5]), (5,))
    np.testing.assert_array_equal(together.loss[:, 1], alone.loss[:, 0])
    np.testing.assert_array_equal(together.best_correlation[:, 1], alone.best_correlation[:, 0])


def test_a_diverged_seed_leaves_the_others_untouched():
    students = cnn_students(Students(normalisation="before"), TEACHER, [0, 1])
    with torch.no_grad():
        students.networks[0].output.bias.fill_(1e20)
    spoilt, whole = fitted(students), fitted(cnn_students(Students(normalisation="before"), TEACHER, [0, 1]))
    assert spoilt.status.values.tolist() == ["diverged", "ok"]
    np.testing.assert_array_equal(spoilt.loss[:, 1], whole.loss[:, 1])
    assert spoilt.loss[0, 0] > 1e30
    assert spoilt.loss[1:, 0].isnull().all()


def test_a_training_goes_on_bitwise():
    """BatchNorm's moments and Adam's memory are part of the state."""
    value, states = Students(normalisation="after"), []
    first = cnn_students(value, TEACHER, [0, 1])
    whole = fitted(first, save=states.append)
    second = cnn_students(value, TEACHER, [0, 1])
    resumed = fitted(second, resume=states[1])
    assert whole.identical(resumed)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


def test_students_of_perceptrons_and_of_convolutions_are_built_alike():
    built = Students(multiple=3).build(TEACHER, [0])
    assert isinstance(built, Ensemble)
    assert (built.sizes, built.dtype) == ((1, 12, 18, 5), torch.float64)
    assert Students(multiple=3).build(TEACHER.networks[0], [0]).sizes == built.sizes


def test_what_the_page_shows_runs(capsys):
    """Its blocks that need PyTorch are not run with the other pages, which must pass without."""
    pytest.importorskip("sklearn")
    namespace: dict[str, object] = {}
    for block in blocks((ROOT / "docs/how-to/bring-your-own-images.md").read_text()):
        if block.language == "python":
            exec(block.code, namespace)
    *_, accuracy, best = capsys.readouterr().out.splitlines()
    assert accuracy.endswith("% of the test images right")
    assert float(accuracy.partition("%")[0]) > 95
    assert all(0.3 < float(value) < 1 for value in best.strip("[]").split())


def test_all_of_it_by_values_on_digits():
    pytest.importorskip("sklearn")
    from practicum.networks import ImageInputs
    from practicum.specialization.learning import train

    law = ImageInputs(name="digits", flat=False, mean=0.305, deviation=0.376)
    teacher = ImageTeacher(inputs=law, widths=(4, 4), epochs=2)
    result = train(teacher, Students(multiple=2), law, TRAINING, seeds=2, teacher_seed=0, samples=600, held_out=200)
    assert (result.loss[-1] < result.loss[0]).all()
    assert result.best_correlation.dims == ("step", "seed", "layer", "teacher")
    assert ImageTeacher(**teacher.model_dump()) == teacher
