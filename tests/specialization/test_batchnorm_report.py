"""The report and its totals: against counts by hand, published numbers, and the untrained network."""

import math

import numpy as np
import pytest
from scipy import stats

import practicum
from practicum.data import checkpoints
from practicum.errors import ParameterError, StorageError
from practicum.specialization import batchnorm
from specialization.batchnorm_states import VGG19, mobilenet, norm, resnet, shaped, signs, vgg

WIDTHS = [n for n in VGG19 if n != "M"]

# Published for torchvision's vgg19_bn: share of beta <= 0 by layer in per cent, and weighted by channels 92.9.
PUBLISHED = [
    81.25,
    54.69,
    71.88,
    64.84,
    75.39,
    76.17,
    77.34,
    89.45,
    98.05,
    97.07,
    96.48,
    99.22,
    99.22,
    99.41,
    99.22,
    100,
]


def published():
    return [signs(n, round(n * share / 100)) for n, share in zip(WIDTHS, PUBLISHED)]


def test_the_published_shares_of_vgg19():
    layers = batchnorm.report(vgg(published()))
    assert layers.sizes == {"layer": 16}
    assert np.abs(100 * layers.negative.values - PUBLISHED).max() < 0.005
    assert layers.channels.values.tolist() == WIDTHS
    assert set(layers.position.values) == {"before-relu"}
    totals = batchnorm.by_position(layers)
    assert totals.negative.sel(position="all").item() == pytest.approx(0.929, abs=0.0005)
    assert totals.negative.sel(position="before-relu").equals(
        totals.negative.sel(position="all").assign_coords(position="before-relu")
    )
    assert np.isnan(totals.negative.sel(position="before-sum"))
    assert totals.channels.values.tolist() == [5504, 0, 0, 0, 0, 0, 5504]
    assert totals.layers.values.tolist() == [16, 0, 0, 0, 0, 0, 16]
    # All layers lean to one side: the smallest p-value that 16 layers can give.
    assert totals.p_value_layers.sel(position="all") == 2.0**-15
    assert totals.p_value.sel(position="all") == 0  # 10^-1100 underflows


def test_an_untrained_network_has_zeros_and_no_negative_betas():
    """Counted as not positive, as elsewhere, it would score 100 %."""
    layers = batchnorm.report(vgg([np.zeros(n) for n in WIDTHS]))
    for totals in (layers, batchnorm.by_position(layers).sel(position="all")):
        assert (totals.zero == 1).all()
        assert (totals.negative == 0).all()
        assert (totals.positive == 0).all()
        assert (totals.negligible == 1).all()
        assert (totals.null_high == 0).all()
        assert (totals.p_value == 1).all()
        assert (totals.firing_rate == 0.5).all()


def test_every_number_of_a_layer_by_hand():
    gamma = np.array([1.0, -2.0, 0.5, 1.0, 1.0, 0.0, 0.0, 1.0])
    beta = np.array([-1.0, 1.0, 0.25, 0.0, -1e-9, -3.0, 2.0, 1e-3])
    state = {"conv.weight": shaped(8, 3, 3, 3)} | norm("bn", 8, beta, gamma)
    layer = batchnorm.report(state, keep=["beta", "gamma"]).isel(layer=0)
    assert (layer.positive, layer.zero, layer.negative) == (4 / 8, 1 / 8, 3 / 8)
    assert layer.negligible == 2 / 8  # 0 and -1e-9, at a median |gamma| of 1
    rates = [stats.norm.cdf(x) for x in (-1, 0.5, 0.5, 0, -1e-9, -math.inf, math.inf, 1e-3)]
    assert layer.firing_rate.item() == pytest.approx(np.mean(rates), rel=1e-12)
    assert layer.p_value.item() == pytest.approx(stats.binomtest(3, 7).pvalue)
    assert (layer.null_low, layer.null_high) == (1 / 8, 6 / 8)
    assert np.array_equal(layer.beta, beta)
    assert np.array_equal(layer.gamma, gamma)
    tolerant = batchnorm.report(state, tolerance=0.01).isel(layer=0)
    assert (tolerant.positive, tolerant.zero, tolerant.negative) == (3 / 8, 3 / 8, 2 / 8)
    assert tolerant.firing_rate == layer.firing_rate


def test_firing_rates_only_where_a_relu_may_follow():
    layers = batchnorm.report(mobilenet())
    directly = layers.position == "before-relu"
    assert set(layers.position.values) == {"before-relu", "before-sum", "linear"}
    assert (np.isfinite(layers.firing_rate) == directly).all()
    totals = batchnorm.by_position(layers)
    assert totals.firing_rate.sel(position="all") == totals.firing_rate.sel(position="before-relu")
    unknown = batchnorm.report(norm("x", 4))
    assert np.isfinite(unknown.firing_rate).all()


def test_totals_weigh_every_channel_once():
    layers = batchnorm.report(resnet())
    rng = np.random.default_rng(0)
    betas = {name: rng.choice([-1.0, 0.0, 1.0], n) for name, n in zip(layers.layer.values, layers.channels.values)}
    state = resnet() | {f"{name}.bias": beta for name, beta in betas.items()}
    layers = batchnorm.report(state)
    totals = batchnorm.by_position(layers)
    for position in ("before-relu", "before-sum", "all"):
        chosen = [n for n in betas if position in ("all", layers.position.sel(layer=n))]
        together = np.concatenate([betas[name] for name in chosen])
        here = totals.sel(position=position)
        assert here.channels == len(together)
        assert here.layers == len(chosen)
        for name, expected in (("positive", together > 0), ("zero", together == 0), ("negative", together < 0)):
            assert here[name].item() == pytest.approx(expected.mean(), abs=1e-15)
        expected = stats.binomtest(int((together < 0).sum()), int((together != 0).sum())).pvalue
        assert here.p_value.item() == pytest.approx(expected)
        assert here.null_low_layers <= here.negative <= here.null_high_layers


def test_positions_that_the_user_knows():
    state = resnet()
    layers = batchnorm.report(state, positions={"layer4.1.bn2": "linear", "*.bn2": "unknown", "bn?": "before-other"})
    found = dict(zip(layers.layer.values, layers.position.values))
    assert found["layer4.1.bn2"] == "linear"
    assert found["layer1.0.bn2"] == "unknown"
    assert found["bn1"] == "before-other"
    assert found["layer1.0.bn1"] == "before-relu"
    assert layers.evidence.sel(layer=["bn1", "layer1.0.bn1"]).values.tolist() == ["given", "names"]
    with pytest.raises(
        ParameterError, match=r"'bn9' of the 'positions' fits no BatchNorm; they are called bn1, layer1"
    ):
        batchnorm.report(state, positions={"bn9": "linear"})
    with pytest.raises(ParameterError, match=r"Got 'before_relu' for 'bn1' instead\. Did you mean 'before-relu'\?"):
        batchnorm.report(state, positions={"bn1": "before_relu"})


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"keep": ["mean"]}, "'keep' parameter of report must be a list of some of 'beta', 'gamma'. Got 'mean'"),
        ({"tolerance": -1}, "'tolerance' parameter of report must be a number >= 0. Got -1 instead"),
        ({"tolerance": np.nan}, "'tolerance' parameter of report must be a number >= 0. Got nan instead"),
        ({"source": 3}, "must be a file, the name of a checkpoint, a module or a state dict. Got int instead"),
        ({"source": "resnet_18"}, "neither a file nor a known checkpoint 'resnet_18'; .* Did you mean 'resnet18'"),
        ({"positions": ["bn"]}, r"'positions' parameter of report must be a dict .* Got \['bn'\]"),
        ({"source": {1: np.ones(3)}}, "There is no BatchNorm with a beta in the state dict"),
        ({"source": norm("bn", 4, np.array([object()] * 4))}, "There is no BatchNorm with a beta in the state dict"),
        ({"source": {}}, "There is no BatchNorm with a beta in the state dict: no prefix"),
    ],
)
def test_bad_parameters(parameters, says):
    with pytest.raises(ParameterError, match=says):
        batchnorm.report(**{"source": norm("bn", 4)} | parameters)


def test_tensors_that_hold_no_plain_numbers():
    torch = pytest.importorskip("torch")
    state = {name: torch.as_tensor(np.array(value)) for name, value in norm("bn", 4).items()}
    for change in (lambda v: v.to(torch.complex64), lambda v: v.to_sparse(), lambda v: v.to("meta")):
        with pytest.raises(ParameterError, match="dense tensors of real numbers"):
            batchnorm.report({name: change(value) for name, value in state.items()})
    with pytest.raises(ParameterError, match="There is no BatchNorm"):
        batchnorm.report(torch.nn.LazyBatchNorm1d())


def test_only_a_report_can_be_added_up():
    layers = batchnorm.report(norm("bn", 4))
    with pytest.raises(ParameterError, match=r"lacks negative, position\.$"):
        batchnorm.by_position(layers.drop_vars(["negative", "position"]))


def test_a_report_can_be_cited():
    layers = batchnorm.report(resnet())
    for dataset in (layers, batchnorm.by_position(layers)):
        assert "Luck Matters" in practicum.cite(dataset)


def test_a_report_can_be_stored(tmp_path):
    import xarray as xr

    layers = batchnorm.report(resnet(), keep=["beta"])
    for dataset in (layers, batchnorm.by_position(layers)):
        dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as stored:
            xr.testing.assert_identical(stored.load(), dataset)


def test_names_are_fetched(monkeypatch, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "fetched"
    safetensors.save_file({k: np.ascontiguousarray(v) for k, v in norm("bn", 4, signs(4, 3)).items()}, path)
    monkeypatch.setattr(checkpoints, "fetch", lambda name: {"khmer-ocr": path}[name])
    layers = batchnorm.report("khmer-ocr")
    assert layers.negative.item() == 3 / 4
    assert layers.attrs["source"] == "khmer-ocr"


MEASURED = {
    # name: channels and negative betas in all, and those directly before a ReLU
    "cifar-resnet18": (4800, 4124, 1984, 1906),
    "khmer-ocr": (2240, 2211, 2240, 2211),
    "mobilenet-v2": (17056, 8133, 15552, 7389),
    "crepe-full": (2176, 763, 0, 0),
    "crepe-tiny": (272, 129, 0, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_the_real_checkpoints(name):
    """Downloaded, where that is possible."""
    pytest.importorskip("torch")
    pytest.importorskip("pooch")
    try:
        layers = batchnorm.report(name)
    except StorageError as error:
        pytest.skip(str(error))
    totals = batchnorm.by_position(layers)
    channels, negative, directly, negative_directly = MEASURED[name]
    everything, before = totals.sel(position="all"), totals.sel(position="before-relu")
    assert (everything.channels, before.channels) == (channels, directly)
    assert everything.negative.item() == negative / channels
    assert everything.zero == 0
    if directly:
        assert before.negative.item() == negative_directly / directly
    else:
        assert totals.channels.sel(position="after-relu") == channels
