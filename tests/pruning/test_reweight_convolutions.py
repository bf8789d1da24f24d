"""Reweighting of convolutions: least squares on patches that loops cut out of padded pictures."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import CNN  # noqa: E402
from practicum.pruning import compact, reweight  # noqa: E402
from pruning.to_prune import drawn, edges, filled, nodes  # noqa: E402

X = drawn(60, 2, 7, 6, seed=1)


def patches(values, layer):
    """What a convolution multiplies its weights with, (B, positions, c ky kx), by loops."""
    kernel, stride, dilation = (np.array(n) for n in (layer.kernel_size, layer.stride, layer.dilation))
    reach = dilation * (kernel - 1)
    sides = [(r // 2, r - r // 2) for r in reach] if layer.padding == "same" else [(p, p) for p in layer.padding]
    mode = {"zeros": "constant", "circular": "wrap", "reflect": "reflect"}[layer.padding_mode]
    padded = np.pad(values.detach().numpy(), [(0, 0), (0, 0), *sides], mode=mode)
    counts = (np.array(padded.shape[2:]) - reach - 1) // stride + 1
    found = []
    for place in np.ndindex(*counts):
        cut = tuple(slice(s * p, s * p + r + 1, d) for s, p, r, d in zip(stride, place, reach, dilation))
        found.append(padded[(slice(None), slice(None), *cut)].reshape(len(padded), -1))
    return np.stack(found, 1)


def best_answers(seen, stays, wanted):
    """Least squares with a constant of answers (B, positions, n)."""
    flat = seen.reshape(-1, seen.shape[-1])[:, stays]
    rows = np.c_[flat, np.ones(len(flat))]
    aims = wanted.reshape(len(flat), -1)
    return (rows @ np.linalg.lstsq(rows, aims, rcond=1e-12)[0]).reshape(wanted.shape)


def answers(layer, values):
    return layer(values).detach().flatten(2).movedim(1, -1).numpy()


LAYERS = {
    "border": lambda: nn.Conv2d(4, 3, 3, padding=1),
    "none": lambda: nn.Conv2d(4, 3, (2, 3)),
    "strides": lambda: nn.Conv2d(4, 3, 3, stride=(2, 1), padding=(1, 2)),
    "holes": lambda: nn.Conv2d(4, 3, (3, 2), dilation=(1, 2), padding="same"),
    "circular": lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular"),
    "reflected": lambda: nn.Conv2d(4, 3, 3, padding=2, padding_mode="reflect"),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_channels(kind):
    network = filled(nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Sigmoid(), LAYERS[kind](), nn.ReLU()))
    kept = nodes("0", 0, 3, of=4)
    found = reweight(network, kept, X, ridge=0)
    seen = patches(network[:2](X), network[2])
    stays = np.repeat(kept.mask.numpy(), seen.shape[-1] // 4)
    wanted, got = (answers(n[2], n[:2](X)) for n in (network, found))
    best = best_answers(seen, stays, wanted)
    np.testing.assert_allclose(got, best, rtol=0, atol=1e-8)
    torch.testing.assert_close(compact(found, kept)(X), found(X), rtol=0, atol=1e-12)
    # Mixing channels position by position, as if there were no border, is no least squares: power of the above.
    if kind == "border":
        channels = network[:2](X).movedim(1, -1).reshape(-1, 4).detach().numpy()
        lost = best_answers(channels[None], kept.mask.numpy(), channels[None])
        mixed = torch.from_numpy(lost.reshape(60, 7, 6, 4)).movedim(-1, 1)
        assert abs(answers(network[2], mixed) - best).max() > 1e-3
        assert ((answers(network[2], mixed) - wanted) ** 2).mean() > 1.01 * ((got - wanted) ** 2).mean()


@pytest.mark.parametrize("kind", LAYERS)
def test_edges(kind):
    network = filled(nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Sigmoid(), LAYERS[kind](), nn.ReLU()))
    kept = edges("2", *network[2].weight.shape)
    found = reweight(network, kept, X, ridge=0)
    seen, wanted = patches(network[:2](X), network[2]), answers(network[2], network[:2](X))
    got = answers(found[2], found[:2](X))
    for unit, mask in enumerate(kept.mask.flatten(1).numpy()):
        best = best_answers(seen, mask, wanted[..., [unit]])
        np.testing.assert_allclose(got[..., [unit]], best, rtol=0, atol=1e-8)
    assert (found[2].weight[~kept.mask] == 0).all()


def test_signals():
    network = filled(
        nn.Sequential(nn.Conv1d(2, 4, 3), nn.Tanh(), nn.MaxPool1d(2), nn.Conv1d(4, 3, 3, stride=2, padding=1))
    )
    x, kept = drawn(50, 2, 21), nodes("0", 0, 1, 3, of=4)
    found = reweight(network, kept, x, ridge=0)
    seen, stays = patches(network[:3](x), network[3]), np.repeat(kept.mask.numpy(), 3)
    wanted, got = (answers(n[3], n[:3](x)) for n in (network, found))
    np.testing.assert_allclose(got, best_answers(seen, stays, wanted), rtol=0, atol=1e-8)


@pytest.mark.parametrize("normalisation", [None, "before", "after"])
def test_channels_below_a_flatten(normalisation):
    """Each position of a channel is a number of its own to the layer above."""
    network = filled(CNN((1, 8, 8), (3, 4), 5, normalisation=normalisation))
    x, kept = drawn(300, 1, 8, 8), nodes("conv2", 0, 2, of=4)
    found = reweight(network, kept, x, ridge=0)
    seen, wanted = network.layers(x).post[-1].view(300, 4, 4).transpose(1, 2).flatten(1).detach().numpy(), network(x)
    best = best_answers(seen[None], np.repeat(kept.mask.numpy(), 4), wanted.detach().numpy()[None])[0]
    np.testing.assert_allclose(found(x).detach().numpy(), best, rtol=0, atol=1e-8)


def test_many_pictures_go_through_in_parts(monkeypatch):
    from practicum.pruning import _folding

    network = filled(
        nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Sigmoid(), nn.Conv2d(4, 3, 3, stride=2, padding=1))
    )
    kept = nodes("0", 0, 3, of=4)
    whole = reweight(network, kept, X)
    monkeypatch.setattr(_folding, "_ENTRIES", 1)  # one picture at a time
    found = reweight(network, kept, X)
    torch.testing.assert_close(found(X), whole(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "layer, text", [(nn.Conv2d(4, 4, 3, groups=2), "of 2 groups"), (nn.Conv3d(4, 4, 1), "over three axes")]
)
def test_other_convolutions_are_told_apart(layer, text):
    network = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(4, 2, 1))
    with pytest.raises(ParameterError, match=f"Reweighting knows convolutions .* Got one {text}"):
        reweight(network, edges("0", *layer.weight.shape), drawn(3, 4, 5, 5))
