"""The observer of a training against one-off measures of the same networks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks.cnn import CNN  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.specialization.comparison import compare  # noqa: E402
from practicum.specialization.coupling import fan_outs  # noqa: E402
from practicum.specialization.observers import KEEP, Specialization  # noqa: E402
from practicum.specialization.winners import UNRANKED, ranks  # noqa: E402
from specialization.made import inputs, network  # noqa: E402

TEACHER, STUDENTS = network([6, 4, 5, 3], 1, slope=0.0), network([6, 9, 7, 3], 2, seeds=3, slope=0.0)


def test_it_sees_what_compare_sees():
    x = inputs(300)
    found = Specialization(keep=KEEP, chunk=70)(TEACHER, STUDENTS, x[None])
    data = compare(TEACHER, STUDENTS, x)
    for name in ("best_correlation", "mean_best_correlation", "coverage", "alignment", "activity"):
        dims, values = found[name]
        assert dims == data[name].dims
        assert np.allclose(values, data[name].values, rtol=0, atol=1e-12, equal_nan=True), name
    assert found["rho"][1].dtype == np.float32
    assert np.allclose(found["rho"][1], data.rho.values, rtol=0, atol=1e-6, equal_nan=True)
    places = found["ranks"][1]
    assert places.dtype == np.uint16
    assert np.array_equal(places[:, 0, :4, :9], ranks(data.rho.values[:, 0, :4, :9]))
    assert (places[:, 0, 4:] == UNRANKED).all()
    assert (places[:, 1, :, 7:] == UNRANKED).all()
    outs = fan_outs(STUDENTS, x, TEACHER)
    for layer, width in ((0, 9), (1, 7)):
        assert found["fan_out"][1][:, layer, :width] == pytest.approx(outs.fan_out[layer])
        assert found["contribution"][1][:, layer, :width] == pytest.approx(outs.contribution[layer])
        assert found["alpha"][1][:, layer, : (4, 5)[layer], :width] == pytest.approx(outs.alpha[layer], rel=1e-5)


@pytest.mark.parametrize("normalisation", ["before", "after"])
def test_the_contribution_is_that_of_the_values_whose_fan_out_it_is(normalisation):
    """BatchNorm after the activation is folded into the fan-out; counted in the values too, it would count twice."""
    students = network([6, 9, 3], 2, seeds=2, slope=0.0, normalisation=normalisation).train()
    x = inputs(300)
    for _ in range(3):
        students(1 + 3 * x)
    students.eval()
    contribution = Specialization(keep=["fan_out"])(network([6, 4, 3], 1), students, x)["contribution"][1][:, 0]
    outputs = students(x)
    for k in range(9):  # what the outputs lose without the node, up to what is constant
        less = students.select(range(2))
        with torch.no_grad():
            less.weights[1][:, :, k] = 0
        lost = outputs - less(x)
        firing = students.layers(x).pre[0][..., k] > 0
        silent = torch.stack([lost[s, ~firing[s]][0] for s in range(2)])  # the constant, where the node is silent
        power = (lost - silent.unsqueeze(1)).square().sum(-1).mean(-1)
        assert contribution[:, k] == pytest.approx(power.sqrt().detach().numpy(), rel=1e-10)


def test_only_summaries_by_default():
    found = Specialization()(TEACHER, STUDENTS, inputs(50))
    assert {name: dims for name, (dims, _) in found.items()} == {
        "best_correlation": ("seed", "layer", "teacher"),
        "mean_best_correlation": ("seed", "layer"),
        "coverage": ("seed", "layer"),
    }


def test_several_thresholds_are_a_dimension():
    x = inputs(300)
    dims, values = Specialization((0.2, 0.5, 0.8))(TEACHER, STUDENTS, x)["coverage"]
    assert dims == ("seed", "layer", "threshold")
    assert values.shape == (3, 2, 3)
    for k, threshold in enumerate((0.2, 0.5, 0.8)):
        assert np.array_equal(values[..., k], Specialization(threshold)(TEACHER, STUDENTS, x)["coverage"][1])
    assert len(np.unique(values)) > 2


def test_inputs_of_their_own_and_a_shared_teacher():
    x = inputs(100, seeds=3)
    found = Specialization(chunk=33)(TEACHER, STUDENTS, x)["best_correlation"][1]
    for s in range(3):
        alone = Specialization()(TEACHER, STUDENTS.select([s]), x[s : s + 1])["best_correlation"][1]
        assert np.allclose(found[s], alone[0], rtol=0, atol=1e-12, equal_nan=True)


def test_a_diverged_seed_is_nan_and_leaves_the_others_alone():
    x = inputs(100)
    before = Specialization(keep=KEEP)(TEACHER, STUDENTS, x)
    broken = STUDENTS.select(range(3))
    with torch.no_grad():
        broken.weights[0][1] = float("nan")
    after = Specialization(keep=KEEP)(TEACHER, broken, x)
    for name, (_, values) in after.items():
        assert np.array_equal(values[[0, 2]], before[name][1][[0, 2]], equal_nan=values.dtype.kind == "f"), name
    for name in ("best_correlation", "mean_best_correlation", "coverage", "alignment"):
        assert np.isnan(after[name][1][1, ..., :3]).all(), name
    assert (after["ranks"][1][1] == UNRANKED).all()


def test_convolutions_and_users_modules():
    torch.manual_seed(0)
    teacher = Ensemble([CNN((1, 6, 6), (3,), 2)])
    students = Ensemble(
        [nn.Sequential(nn.Conv2d(1, 5, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(45, 2)) for _ in range(2)],
        shape=(1, 6, 6),
    )
    x = torch.randn(1, 40, 1, 6, 6)
    found = Specialization(layers=[("relu1", "1")], chunk=11)(teacher, students, x)
    for s in range(2):
        alone = compare(teacher.networks[0], students.networks[s], x[0], [("relu1", "1")])
        assert found["best_correlation"][1][s] == pytest.approx(alone.best_correlation.values, abs=1e-6)
    with pytest.raises(ParameterError, match="needs an MLP or an"):
        Specialization(keep=["fan_out"], layers=[("relu1", "1")])(teacher, students, x)


def test_what_cannot_be_observed():
    with pytest.raises(ParameterError, match="'keep' parameter of Specialization must be a list of some of 'activity'"):
        Specialization(keep=["rhos"])
    with pytest.raises(ParameterError, match="'keep' parameter of Specialization"):
        Specialization(keep="rho")
    with pytest.raises(ParameterError, match="The threshold of a coverage"):
        Specialization((0.9, 1.1))
    with pytest.raises(ParameterError, match=r"must be a tensor\. Got ndarray"):
        Specialization()(TEACHER, STUDENTS, inputs().numpy())
    with pytest.raises(ParameterError, match="as many layers as each other"):
        Specialization()(network([6, 4, 3]), STUDENTS, inputs())
