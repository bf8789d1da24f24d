"""What drawing diverse subsets costs, against DPPy, and what reweighting: ``python benchmarks/pruning.py``.

784 items of a smooth kernel with jitter 0.01, one thread. Draws are those after the eigendecomposition, which is shared
by all draws and all k; DPPy too gets its own, and its table of polynomials, before the clock starts. The bar is 3 times
DPPy's speed at k = 100. Reweighting takes all units from one Gram matrix, against least squares for each by itself.
"""

from __future__ import annotations

import warnings

import numpy as np

from _timing import seconds
from practicum.pruning import DPP, Kernel, greedy_map, inclusion, pair_inclusion, sample_kdpp

ITEMS, DRAWS = 784, 20


def smooth(items: int) -> np.ndarray:
    a = np.random.default_rng(0).standard_normal((items, 3))
    return np.exp(-((a[:, None] - a) ** 2).sum(-1) / 2)


def dppy_seconds(L: np.ndarray, k: int) -> float | str:
    """Median seconds a draw of DPPy, or why there is none."""
    try:
        from dppy.finite_dpps import FiniteDPP
    except ImportError:
        return "not installed"
    process, rng = FiniteDPP("likelihood", L=L), np.random.RandomState(0)
    try:
        return seconds(lambda: process.sample_exact_k_dpp(k, random_state=rng), DRAWS)[0]
    except ValueError as error:
        return f"fails: {error}"


def draws(kernel: Kernel) -> None:
    print(f"{'k of 784':<12}{'ms a draw':>11}{'alone':>9}{'DPPy':>9}   DPPy / this")
    for k in (10, 100, 200, 350, 470, 706):
        batch = seconds(lambda k=k: sample_kdpp(kernel, k, draws=DRAWS, seed=1), 7)[0] / DRAWS
        alone = seconds(lambda k=k: sample_kdpp(kernel, k, seed=1), 7)[0]  # with the table that draws share
        theirs = dppy_seconds(kernel.matrix, k)
        compared = theirs if isinstance(theirs, str) else f"{theirs * 1e3:9.2f}   {theirs / batch:.1f}"
        print(f"{k:<12}{batch * 1e3:>11.2f}{alone * 1e3:>9.2f}{' ' * isinstance(theirs, str)}{compared}")


def once(kernel: Kernel) -> None:
    """What is done once for many draws, or instead of them."""
    small, odds = Kernel(smooth(100), jitter=0.01), Kernel.from_diagonal(np.geomspace(1e-3, 1e3, ITEMS))
    L = kernel.matrix
    for name, call in [
        ("eigendecomposition", lambda: Kernel(L).eigenvalues),
        ("greedy MAP, k = 100", lambda: greedy_map(kernel, 100)),
        ("greedy MAP, k = 784", lambda: greedy_map(kernel, ITEMS)),
        ("inclusion, k = 100", lambda: inclusion(kernel, 100)),
        ("inclusion, k = 392", lambda: inclusion(kernel, 392)),
        ("pairs of 100 items, k = 50", lambda: pair_inclusion(small, 50)),
        ("pairs, diagonal, k = 100", lambda: pair_inclusion(odds, 100)),
        ("100 draws, diagonal, k = 392", lambda: sample_kdpp(odds, 392, draws=100)),
    ]:
        print(f"{name:<32}{seconds(call, 5)[0] * 1e3:9.2f} ms")


def reweighting() -> None:
    """784 pixels, 500 units, 6000 samples: seconds for each unit, of which 5 are asked one by one."""
    import torch
    from torch import nn

    from practicum.pruning import reweight
    from practicum.pruning.kept import Kept

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((6000, 40)) @ rng.standard_normal((40, ITEMS)) / 6, 0)
    x += 0.1 * rng.standard_normal(x.shape)
    network = nn.Sequential(nn.Linear(ITEMS, 500), nn.Sigmoid(), nn.Linear(500, 10)).double()
    weight, inputs = network[0].weight.detach().numpy(), torch.from_numpy(x)
    print(f"{'edges kept':<12}{'ms a unit':>11}{'one by one':>12}   ratio")
    for share in (0.2, 0.5, 0.9):
        kept = Kept("0", "edges", torch.from_numpy(rng.random(weight.shape) < share))
        mine = seconds(lambda kept=kept: reweight(network, kept, inputs), 3)[0] / 500
        masks = kept.mask.numpy()[:5]

        def one_by_one(masks=masks) -> None:
            for mask, row in zip(masks, weight):
                rows = np.column_stack([x[:, mask], np.ones(len(x))])
                np.linalg.lstsq(rows, x[:, ~mask] @ row[~mask], rcond=None)

        theirs = seconds(one_by_one, 3)[0] / 5
        print(f"{share:<12.0%}{mine * 1e3:>11.2f}{theirs * 1e3:>12.1f}   {theirs / mine:.0f}")


def edges() -> None:
    """A layer of 500 units on 784 inputs as of MNIST, 6000 of them: kernels, then nine fractions and ten draws."""
    try:
        import torch
        from torch import nn

        from practicum.pruning.select.edges import seen_edges
    except ImportError:
        print("edges: PyTorch is not installed")
        return
    torch.set_num_threads(1)
    torch.manual_seed(0)
    units, unit_by_unit, chosen = 500, 5, 4
    pictures = torch.nn.functional.avg_pool2d(torch.randn(6000, 1, 32, 32), 5, 1).flatten(1).clamp(min=0)
    network = nn.Sequential(nn.Linear(ITEMS, units), nn.Sigmoid(), nn.Linear(units, 10))
    selector, X, weights = DPP(), pictures.double().numpy(), network[0].weight.detach().double().numpy()

    def direct(unit: int) -> np.ndarray:
        signals = X * weights[unit]
        squares = (signals**2).sum(0)
        return np.exp(-10 / len(X) * (squares[:, None] + squares - 2 * signals.T @ signals))

    def together(how_many: int) -> None:
        seen = seen_edges(network, "0", selector, pictures)
        for unit in range(how_many):
            selector.kernel(seen(unit))

    apart = seconds(lambda: [direct(unit) for unit in range(unit_by_unit)], 3)[0] / unit_by_unit * units
    ours = seconds(lambda: together(units), 3)[0]
    print(f"edge kernels of {units} units: {apart:.1f} s unit by unit, {ours:.1f} s together; {apart / ours:.1f} times")
    seen, fractions = seen_edges(network, "0", selector, pictures), np.linspace(0.1, 0.9, 9)
    sizes = [round(float(fraction) * ITEMS) for fraction in fractions]
    kernel = seconds(lambda: selector.kernel(seen(0)).rank, 5)[0]
    everything = seconds(lambda: [selector.choose(seen(unit), sizes, 10, (0, unit)) for unit in range(chosen)], 1)[0]
    each = everything / chosen
    print(
        f"a unit: {kernel:.2f} s for kernel and eigendecomposition, {each - kernel:.2f} s for 9 fractions x 10 draws; "
        f"{units} units: {each * units / 60:.0f} minutes on one core"
    )


def main() -> None:
    warnings.simplefilter("ignore")  # DPPy's overflows
    kernel = Kernel(smooth(ITEMS), jitter=0.01)
    draws(kernel)
    print()
    once(kernel)
    print()
    edges()
    print()
    reweighting()


if __name__ == "__main__":
    main()
