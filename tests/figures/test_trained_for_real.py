"""The figures of specialization take what a training returns as it is, and a report on BatchNorm too."""

import numpy as np
import pytest
import xarray as xr

from figures.reading import lines, same, titles
from practicum import figures

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def trained():
    from practicum.networks.inputs import GaussianInputs
    from practicum.networks.students import Students
    from practicum.networks.teachers import SeparatedTeacher
    from practicum.networks.training import Training
    from practicum.specialization.learning import train

    return train(
        SeparatedTeacher(inputs=2, hidden=3, outputs=4),
        Students(multiple=2),
        GaussianInputs(dimension=2, scale=1.5),
        Training(learning_rate=0.02, batch_size=8, epochs=3, steps_per_epoch=20),
        seeds=2,
        samples=50,
        held_out=40,
        keep=("alignment", "fan_out", "activity", "winner_rank", "rho"),
    )


def test_a_training_is_drawn_as_it_is(trained, tmp_path):
    upper, _ = figures.training_curves(trained.isel(layer=0)).axes
    assert same(upper.lines[0], trained["epoch"].values, np.median(trained["loss"].values, axis=1))
    assert titles(figures.winner_ranks(trained)) == ["layer 1"]
    assert titles(figures.l_shape(trained.isel(layer=0, step=[0, -1]))) == ["start", "epoch 3"]
    assert titles(figures.l_shape(trained.isel(step=-1), against="contribution")) == ["layer 1"]
    one = trained.isel(layer=0, seed=0)
    assert titles(figures.correlation_map(one.isel(step=[0, 1, -1]))) == ["start", "epoch 1", "epoch 3"]
    assert figures.race(one, tmp_path / "a.gif").stat().st_size > 1000


def test_trainings_of_several_widths_are_lines_named_by_their_multiple(trained):
    names = ["loss", "coverage", "status"]
    both = xr.concat([trained[names]] * 2, dim=xr.Variable("multiple", [2, 5])).isel(layer=0)
    assert list(lines(figures.training_curves(both).axes[0])) == ["2×", "5×"]


def test_a_report_on_batchnorm_is_drawn_as_it_is():
    from practicum.specialization.batchnorm import by_position, report

    part = [torch.nn.Conv2d(8, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU()]
    found = report(
        torch.nn.Sequential(*part, torch.nn.Conv2d(8, 8, 3), torch.nn.BatchNorm2d(8)), keep=("beta", "gamma")
    )
    shares = figures.batchnorm_biases(found).axes[0]
    assert [label.get_text() for label in shares.get_yticklabels()] == ["1", "4"]
    assert [bar.get_width() for bar in shares.containers[1]] == [1.0, 1.0]  # untrained: every beta is zero
    (axes, _) = figures.batchnorm_biases(by_position(found)).axes
    assert "all" in [label.get_text() for label in axes.get_yticklabels()]
