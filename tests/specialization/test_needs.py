"""What a training says that it needs is what it takes, and what is named as the largest size is the largest."""

import pytest

from measuring import agrees, largest_named, peak, pretend

pytest.importorskip("torch")

from practicum import ParameterError, memory, train
from practicum.networks import BalancedTeacher, GaussianInputs, SeparatedTeacher, Students, Training
from practicum.networks.image_teachers import ImageTeacher
from practicum.networks.inputs import ImageInputs
from practicum.specialization import _needs

COMMON = """
from practicum import train
from practicum.networks import BalancedTeacher, GaussianInputs, SeparatedTeacher, Students, Training
from practicum.networks.image_teachers import ImageTeacher
from practicum.networks.inputs import ImageInputs
def f(teacher=None, students=None, training=None, inputs=None, **more):
    teacher = teacher or SeparatedTeacher(inputs=100, hidden=10, outputs=10)
    inputs = inputs or GaussianInputs(dimension=teacher.inputs)
    more = {"seeds": 2, "samples": 100, "held_out": 100, **more}
    return train(teacher, students or Students(), inputs, training or Training(epochs=1), **more)
def images(*more, **other):
    seen = ImageInputs(name="digits", flat=False)
    teacher = ImageTeacher(inputs=seen, widths=(8, 8), images=200, epochs=1, batch_size=32)
    return f(teacher, *more, inputs=seen, **other)
small = lambda: f()
"""
TEACHER = SeparatedTeacher(inputs=100, hidden=10, outputs=10)
ONCE = Training(epochs=1)
WIDE = Students(multiple=10_000)
WORK = {
    "samples": ("large = lambda: f(samples=200_000)", {"samples": 200_000}),
    "held out": ("large = lambda: f(seeds=10, held_out=40_000)", {"seeds": 10, "held_out": 40_000}),
    "double": ("large = lambda: f(samples=200_000, dtype='float64')", {"samples": 200_000, "dtype": "float64"}),
    "anew": (
        "large = lambda: f(samples=200_000, training=Training(epochs=2, regenerate=True))",
        {"samples": 200_000, "training": Training(epochs=2, regenerate=True)},
    ),
    "noise": (
        "large = lambda: f(SeparatedTeacher(inputs=10, hidden=10, outputs=100), samples=200_000, "
        "training=Training(epochs=1, output_noise=0.1))",
        {
            "teacher": SeparatedTeacher(inputs=10, hidden=10, outputs=100),
            "samples": 200_000,
            "training": Training(epochs=1, output_noise=0.1),
        },
    ),
    "wide": (
        "large = lambda: f(students=Students(multiple=10_000), training=Training(epochs=1, optimizer='adam'))",
        {"students": WIDE, "training": Training(epochs=1, optimizer="adam")},
    ),
    "many students": (
        "large = lambda: f(students=Students(widths=(5000,)), seeds=40, samples=16)",
        {"students": Students(widths=(5000,)), "seeds": 40, "samples": 16},
    ),
    "rho": (
        "large = lambda: f(students=Students(multiple=30), seeds=20, samples=16, keep=['rho'], "
        "training=Training(epochs=300, steps_per_epoch=1))",
        {
            "students": Students(multiple=30),
            "seeds": 20,
            "samples": 16,
            "keep": ["rho"],
            "training": Training(epochs=300, steps_per_epoch=1),
        },
    ),
    "batch": (
        "large = lambda: f(students=Students(multiple=100), samples=16, "
        "training=Training(epochs=1, batch_size=30_000, steps_per_epoch=1))",
        {
            "students": Students(multiple=100),
            "samples": 16,
            "training": Training(epochs=1, batch_size=30_000, steps_per_epoch=1),
        },
    ),
    "tuned": (
        "large = lambda: f(BalancedTeacher(inputs=20, hidden=(100, 100), outputs=10, samples=300_000))",
        {"teacher": BalancedTeacher(inputs=20, hidden=(100, 100), outputs=10, samples=300_000)},
    ),
    "convolutions": (
        "small = images\nlarge = lambda: images(Students(multiple=150), Training(epochs=1, batch_size=32))",
        {
            "teacher": ImageTeacher(inputs=ImageInputs(name="digits", flat=False), widths=(8, 8)),
            "students": Students(multiple=150),
            "training": Training(epochs=1, batch_size=32),
        },
    ),
}


def estimate(monkeypatch, **asked) -> int:
    """What a training says that it needs."""
    found = []
    monkeypatch.setattr(_needs, "require", lambda _, count, **sizes: found.append(count(**sizes)))
    check(**asked)
    return found[0]


def check(**asked) -> None:
    usual = {
        "teacher": TEACHER, "students": Students(), "inputs": None, "training": ONCE, "seeds": 2, "samples": 100,
        "held_out": 100, "teacher_seed": None, "keep": (), "observe_at": None, "dtype": "float32", "regime": None,
        "saved": False,
    }  # fmt: skip
    given = {**usual, **asked}
    given["inputs"] = getattr(given["teacher"], "inputs", None)
    _needs.check_training(**{**given, "inputs": given["inputs"] or GaussianInputs(dimension=100)})


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_the_estimate_is_what_is_taken(name, monkeypatch):
    work, asked = WORK[name]
    measured = peak(COMMON + work)
    assert agrees(estimate(monkeypatch, **asked), measured)
    assert not agrees(estimate(monkeypatch), measured)  # of a usual training


@pytest.mark.parametrize(
    "size, asked_of",
    [
        ("samples", lambda n: {"samples": n}),
        ("held_out", lambda n: {"held_out": n}),
        ("seeds", lambda n: {"seeds": n}),
        ("multiple", lambda n: {"students": Students(multiple=n), "samples": 5, "held_out": 5}),
        ("widths", lambda n: {"students": Students(widths=(n,)), "samples": 5, "held_out": 5}),
        ("epochs", lambda n: {"training": Training(epochs=n), "keep": ["rho"], "samples": 5, "held_out": 5}),
        ("batch_size", lambda n: {"training": Training(epochs=1, batch_size=n, steps_per_epoch=1)}),
        ("outputs", lambda n: {"teacher": SeparatedTeacher(inputs=100, hidden=10, outputs=n), "samples": 50_000}),
    ],
    ids=["samples", "held_out", "seeds", "multiple", "widths", "epochs", "batch_size", "outputs"],
)
def test_the_largest_that_is_named_passes_and_the_next_does_not(size, asked_of, monkeypatch):
    pretend(monkeypatch, 2**30)
    big = 10**9 if size != "outputs" else 10**8
    with pytest.raises(ParameterError, match=f"the largest '{size}' that fits") as caught:
        check(**asked_of(big))
    found = largest_named(str(caught.value))
    check(**asked_of(found))
    with pytest.raises(ParameterError, match=r"This training .* needs"):
        check(**asked_of(found + 1))


def test_a_training_asks_before_anything_is_drawn(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    law = GaussianInputs(dimension=100)
    for asked in ({"samples": 10**12}, {"seeds": 90_000}, {"held_out": 10**30}, {"dtype": "float64", "samples": 10**9}):
        with pytest.raises(ParameterError, match=r"This training \(seeds = .* needs .* GiB of memory"):
            train(TEACHER, Students(), law, ONCE, **{"samples": 1000, "held_out": 1000, "seeds": 2, **asked})


def test_what_is_not_known_is_not_estimated():
    class Own:
        pass

    _needs.check_training(
        Own(), Own(), None, ONCE, seeds=10**9, samples=10**9, held_out=1, teacher_seed=None, keep=(), observe_at=None,
        dtype="float32", regime=None, saved=False,
    )  # fmt: skip
