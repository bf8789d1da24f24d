"""Positions by name against the architectures as they are known, and against tracing of modules of the same names."""

import numpy as np
import pytest

from practicum.specialization.batchnorm.naming import by_name
from practicum.specialization.batchnorm.norms import norms
from practicum.specialization.batchnorm.reading import state_of
from specialization.batchnorm_states import MOBILENET, mobilenet, norm, resnet, shaped, vgg


def positions(state, ordered=True):
    one = state_of(state, "the state dict")._replace(ordered=ordered)
    return {name: position for name, (position, _) in by_name(one, norms(one)).items()}


def sorted_by_name(state):
    """As safetensors keeps them."""
    return {name: state[name] for name in sorted(state)}


def test_vgg_is_before_relu_throughout():
    found = positions(vgg())
    assert list(found) == [f"features.{i}" for i in (1, 4, 8, 11, 15, 18, 21, 24, 28, 31, 34, 37, 41, 44, 47, 50)]
    assert set(found.values()) == {"before-relu"}


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("shortcut", ["downsample", "shortcut"])
def test_the_last_norm_of_a_residual_block_and_its_shortcut_stand_before_the_sum(bottleneck, shortcut, ordered):
    state = resnet((3, 4, 6, 3), bottleneck, shortcut=shortcut)
    found = positions(state if ordered else sorted_by_name(state), ordered)
    last = "bn3" if bottleneck else "bn2"
    for name, position in found.items():
        expected = "before-sum" if shortcut in name or (name.endswith(last)) else "before-relu"
        assert position == expected, name
    assert sum(position == "before-sum" for position in found.values()) == 16 + (4 if bottleneck else 3)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_norms_that_precede_their_convolutions_stand_before_relu(bottleneck, ordered):
    state = resnet(bottleneck=bottleneck, first=True)
    found = positions(state if ordered else sorted_by_name(state), ordered)
    assert set(found.values()) == {"before-relu"}


def test_the_linear_ends_of_inverted_residuals():
    found = positions(mobilenet())
    assert len(found) == 52
    index = 1
    for _, _, repeats in MOBILENET:
        for repeat in range(repeats):
            last = [name for name in found if name.startswith(f"features.{index}.conv.")][-1]
            # The first of a stage changes the width, so that nothing can be added to it.
            assert found.pop(last) == ("linear" if repeat == 0 else "before-sum"), last
            index += 1
    assert set(found.values()) == {"before-relu"}


def test_a_mobilenet_of_the_first_kind_has_no_linear_ends():
    """Depthwise, norm, ReLU, 1 x 1 to as many channels or more, norm, ReLU."""
    state = {"0.weight": shaped(32, 3, 3, 3)} | norm("1", 32)
    for index, (below, n) in enumerate([(32, 64), (64, 64), (64, 128)]):
        state |= {f"blocks.{index}.0.weight": shaped(below, 1, 3, 3)} | norm(f"blocks.{index}.1", below)
        state |= {f"blocks.{index}.3.weight": shaped(n, below, 1, 1)} | norm(f"blocks.{index}.4", n)
    assert set(positions(state).values()) == {"before-relu"}


def test_a_grey_image_s_first_convolution_is_not_depthwise():
    state = {"0.weight": shaped(64, 1, 3, 3)} | norm("1", 64)
    state |= {"3.weight": shaped(32, 64, 1, 1)} | norm("4", 32)
    assert positions(state) == {"1": "before-relu", "4": "before-relu"}


def test_a_convolution_right_behind_is_linear():
    """As the depthwise convolutions of ShuffleNet."""
    state = {"branch.0.weight": shaped(24, 1, 3, 3)} | norm("branch.1", 24)
    state |= {"branch.2.weight": shaped(24, 24, 1, 1)} | norm("branch.3", 24)
    assert positions(state) == {"branch.1": "linear", "branch.3": "before-relu"}


@pytest.mark.parametrize("n", [16, 64])
def test_a_running_mean_that_is_never_negative_has_seen_a_relu(n):
    rng = np.random.default_rng(n)
    state = {}
    for index, after in enumerate([True, False, True], start=1):
        mean = rng.random(n) if after else rng.standard_normal(n)
        state |= {f"conv{index}.weight": shaped(n, n, 5), f"conv{index}.bias": shaped(n)}
        state |= norm(f"conv{index}_BN", n, mean=mean)
    assert list(positions(state).values()) == ["after-relu", "before-relu", "after-relu"]


@pytest.mark.parametrize("mean", [np.zeros(64), np.ones(8)])
def test_an_untrained_or_narrow_norm_is_no_evidence(mean):
    n = len(mean)
    assert positions({"conv1.weight": shaped(n, 3, 3, 3)} | norm("bn1", n, mean=mean)) == {"bn1": "before-relu"}


def test_what_nobody_can_tell_is_unknown():
    assert positions(norm("bn", 8)) == {"bn": "unknown"}
    assert positions({"convs.0.weight": shaped(8, 8, 3, 3)} | norm("bns.0", 8) | norm("bns.1", 8)) == {
        "bns.0": "unknown",
        "bns.1": "unknown",
    }
    assert positions({"convolution.weight": shaped(9, 8, 3, 3)} | norm("bn", 8)) == {"bn": "before-relu"}  # what enters
    assert positions({"convolution.weight": shaped(9, 7, 3, 3)} | norm("bn", 8)) == {"bn": "unknown"}


def test_the_evidence_is_named():
    state = vgg() | norm("conv_BN", 64, mean=np.ones(64)) | norm("elsewhere.bn", 7)
    one = state_of(state, "the state dict")
    found = by_name(one, norms(one))
    assert found["features.1"] == ("before-relu", "names")
    assert found["conv_BN"] == ("after-relu", "running mean")
    assert found["elsewhere.bn"] == ("unknown", "")
    state = {"conv1.weight": shaped(8, 3, 3, 3)} | norm("bn1", 8)
    one = state_of(state, "the state dict")
    assert by_name(one, norms(one)) == {"bn1": ("before-relu", "custom")}


def test_widths_alone_do_not_make_a_vgg():
    """The power of the VGG test: with the norms behind the ReLUs, names say that something else is there."""
    state = {}
    for name, value in vgg().items():
        parts = name.split(".")
        if parts[0] == "features" and f"features.{parts[1]}.running_mean" in vgg():
            parts[1] = str(int(parts[1]) + 1)
        state[".".join(parts)] = value
    assert set(positions(state).values()) == {"unknown"}
