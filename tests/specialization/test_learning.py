"""train: from values to a labelled array, the same after a stop, and students that do learn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum import ParameterError  # noqa: E402
from practicum.citations import cite  # noqa: E402
from practicum.networks.inputs import GaussianInputs  # noqa: E402
from practicum.networks.settings import Training  # noqa: E402
from practicum.networks.students import Students  # noqa: E402
from practicum.networks.teachers import SeparatedTeacher  # noqa: E402
from practicum.specialization.learning import train  # noqa: E402
from practicum.specialization.winners import ranks  # noqa: E402

TEACHER = SeparatedTeacher(inputs=10, hidden=4, outputs=6, decay=0.0)
STUDENTS = Students(multiple=3, initial="normal", scale=0.05)
INPUTS = GaussianInputs(dimension=10, scale=1.5)
TRAINING = Training(learning_rate=0.05, batch_size=16, epochs=4, steps_per_epoch=60)
SIZES = {"samples": 500, "held_out": 400, "dtype": "float64"}


def trained(**changes):
    return train(TEACHER, STUDENTS, INPUTS, **{"training": TRAINING, "seeds": 3, **SIZES, **changes})


def test_what_comes_back():
    data = trained(keep=("alignment", "fan_out", "activity", "winner_rank", "rho"))
    assert dict(data.sizes) == {"step": 5, "seed": 3, "layer": 1, "teacher": 4, "student": 12}
    assert data.epoch.values.tolist() == [0, 1, 2, 3, 4]
    assert data.layer.values.tolist() == [1]
    assert data.threshold.item() == 0.95
    assert "ranks" not in data
    assert np.allclose(data.best_correlation, data.rho.max("student"), atol=1e-7)
    assert np.allclose(data.alignment, data.rho.max("teacher"), atol=1e-7)
    places = ranks(data.rho.values)
    for s in range(3):
        for j in range(4):
            winner = data.rho.values[-1, s, 0, j].argmax()
            assert data.winner_rank.values[:, s, 0, j] == pytest.approx(100 * places[:, s, 0, j, winner] / 12)
    assert (data.winner_rank.values[-1] == 0).all()
    assert "Luck Matters" in cite(data)
    assert data.mean_best_correlation.attrs["long_name"] == "mean best correlation"


def test_students_learn_and_seeds_differ():
    data = trained()
    assert (data.loss.isel(step=-1) < 0.2 * data.loss.isel(step=0)).all()
    gain = data.mean_best_correlation.isel(step=-1) - data.mean_best_correlation.isel(step=0)
    assert (gain > 0.2).all()
    assert len(np.unique(data.loss.values[-1])) == 3
    alone = trained(seeds=[1])
    assert np.allclose(alone.best_correlation.values[:, 0], data.best_correlation.values[:, 1], atol=1e-9)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been():
    states = []
    whole = trained(keep=("winner_rank", "activity"), save=states.append)
    assert len(states) == 4
    again = trained(keep=("winner_rank", "activity"), resume=states[1])
    assert whole.identical(again)


def test_one_teacher_for_all_seeds():
    shared, own = trained(teacher_seed=7), trained()
    assert not np.allclose(shared.loss, own.loss)
    assert '"teacher_seed":7' in shared.attrs["config"]
    assert '"teacher_seed":null' in own.attrs["config"]


def test_a_precision_has_one_name():
    configs = {trained(dtype=dtype).attrs["config"] for dtype in ("float32", torch.float32, np.float32)}
    assert len(configs) == 1
    assert '"dtype":"float32"' in configs.pop()


def test_several_thresholds_and_points():
    data = trained(thresholds=(0.5, 0.95), observe_at=2)
    assert data.epoch.values.tolist() == [0, 2, 4]
    assert data.coverage.dims == ("step", "seed", "layer", "threshold")
    assert data.threshold.values.tolist() == [0.5, 0.95]
    assert (data.coverage.sel(threshold=0.5) >= data.coverage.sel(threshold=0.95)).all()


def test_deep_layers_are_filled_up():
    deep = Students(widths=(7, 5))
    teacher = _Two()
    data = train(teacher, deep, INPUTS, TRAINING, seeds=2, keep=("winner_rank", "fan_out", "alpha"), **SIZES)
    assert data.winner_rank.dims == ("step", "seed", "layer", "teacher")
    assert dict(data.sizes) == {"step": 5, "seed": 2, "layer": 2, "teacher": 4, "student": 7}
    assert np.isnan(data.winner_rank.sel(layer=1).values[..., 3:]).all()
    assert np.isfinite(data.winner_rank.sel(layer=1).values[..., :3]).all()
    assert data.winner_rank.sel(layer=2).max() <= 80  # the last of five is at 4 / 5
    assert np.isnan(data.fan_out.sel(layer=2).values[..., 5:]).all()


class _Two:
    """A teacher of two hidden layers that tunes nothing."""

    def build(self, seeds, *, law=None, dtype="float64", device="cpu"):
        return Students(widths=(3, 4)).build((10, 3, 4, 6), [100 + s for s in seeds], dtype=dtype, device=device)

    def model_dump(self):
        return {"kind": "two"}


def test_a_diverged_seed_has_no_winners():
    data = trained(training=TRAINING.replace(learning_rate=5.0), keep=("winner_rank",))
    gone = data.status.values == "diverged"
    assert gone.any()
    assert np.isnan(data.winner_rank.values[:, gone]).all()
    assert np.isnan(data.coverage.values[-1, gone]).all()


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"seeds": 0}, "'seeds' parameter must be a whole number >= 1"),
        ({"seeds": [1, 1]}, "none twice"),
        ({"keep": ["everything"]}, "'keep' parameter of Specialization"),
        ({"thresholds": 95}, "The threshold of a coverage"),
        ({"samples": 0}, "'samples' parameter"),
        ({"seeds": None}, "'seeds' parameter must be a list"),
        ({"keep": None}, "'keep' parameter of Specialization"),
        ({"thresholds": []}, "at least one. Got none"),
        ({"training": None}, "'training' parameter of train must be a Training.* Got NoneType"),
    ],
)
def test_what_cannot_be_trained(changes, text):
    with pytest.raises(ParameterError, match=text):
        trained(**changes)


@pytest.mark.parametrize("name", ["teacher", "students"])
def test_networks_are_no_values(name):
    given = {"teacher": TEACHER, "students": STUDENTS} | {name: TEACHER.build([0])}
    with pytest.raises(ParameterError, match=rf"'{name}' parameter of train must be a value .* Got MLP .*fit takes"):
        train(**given, inputs=INPUTS, training=TRAINING)


class Doubled:
    """A regime that is written down, as those of practicum.robustness are."""

    def __init__(self, factor):
        self.factor = factor

    def model_dump(self):
        return {"kind": "doubled", "factor": self.factor}

    def __call__(self, student, teacher, batch):
        return batch.inputs * self.factor, batch.targets


def test_a_regime_is_passed_on_and_written_down():
    without = trained()
    assert "regime" not in without.attrs["config"]
    same = trained(regime=Doubled(1.0))
    assert np.allclose(same.loss, without.loss, rtol=1e-9)
    assert '"regime":{"factor":1,"kind":"doubled"}' in same.attrs["config"]
    assert not np.allclose(trained(regime=Doubled(1.1)).loss[1:], without.loss[1:], rtol=1e-3)

    def named(student, teacher, batch):
        return batch.inputs, batch.targets

    assert 'named"' in trained(regime=named).attrs["config"]
