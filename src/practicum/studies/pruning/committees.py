"""(a), (b), (c), (e), (g): two-layer students, trained by the exact chain and pruned, beside the theory.

Given its order parameters and isotropic inputs, the weights of a student are uniform among all that have them. So the
chain trains a network of any size in a fraction of a second, and weights are drawn when they are to be pruned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig
from practicum.studies.pruning.settings import EDGES, SELECTORS, V_STAR


def committee(config: StudyConfig) -> xr.Dataset:
    """Parameters: those of :class:`practicum.studies.pruning.settings.Committee`.

    Returns over ``selector``, ``kept`` and ``seed``: ``measured``, the mean error over drawn masks of the weights,
    ``predicted``, the expected error by the order parameters of the same student, and, of nodes, both after the optimal
    refit of the fan-out (``refitted``, ``refitted_predicted``; few nodes only); over ``selector`` and ``kept``
    ``closed``, of perfect copies; over ``seed`` ``unpruned``; and ``overlap``, ``serves`` and ``chosen`` of the first
    seed: correlations of its nodes, the teacher node that each serves, and one mask of each node selector.
    """
    from practicum import Committee, LearningRule, simulate

    given: Any = config.parameters
    M, K, N = (int(given[name]) for name in ("teachers", "students", "dimension"))
    rate = float(given["learning_rate"])
    machine = Committee(students=K, teachers=M, noise=float(given["noise"]))
    rule = LearningRule(learning_rate=rate, fan_out_learning_rate=rate)
    until = float(given["until"])
    paths = simulate(
        machine, rule, _start(M, K, N, float(given["variance"])), N, until, seeds=int(given["seeds"]),
        save_at=[until], workers=1,
    )  # fmt: skip
    end = paths.isel(alpha=-1)
    alive = [k for k in range(end.sizes["seed"]) if bool(np.isfinite(end.Q.isel(seed=k)).all())]
    each = [_pruned(end.isel(seed=k), N, int(given["draws"]), k) for k in alive]
    found = xr.concat([one for one, _ in each], xr.Variable("seed", alive), combine_attrs="drop")
    found["closed"] = _closed(M, K)
    return found.merge(each[0][1]).assign_attrs(cite="acharyya2020understanding,saad1995online")


def _start(M: int, K: int, N: int, variance: float) -> Any:
    """Random weights of both layers, the students' fan-outs small and positive."""
    from practicum import OrderParameters

    rng = np.random.default_rng(0)
    teacher = np.linalg.qr(rng.standard_normal((N, M)))[0].T
    student = np.sqrt(variance / N) * rng.standard_normal((K, N))
    return OrderParameters.from_weights(
        student, teacher, v=0.1 * np.abs(rng.standard_normal(K)), v_star=np.full(M, V_STAR)
    )


def upright(state: xr.Dataset) -> Any:
    """The same student with fan-outs >= 0: turning a weight and its fan-out around changes nothing, erf being odd."""
    from practicum import OrderParameters

    sign = np.where(state.v.values < 0, -1.0, 1.0)
    Q, R = state.Q.values * sign[:, None] * sign, state.R.values * sign[:, None]
    return OrderParameters(Q, R, state.T.values, state.v.values * sign, state.v_star.values)


def _pruned(state: xr.Dataset, N: int, draws: int, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Everything over selector and kept of one seed, and what is drawn of the first."""
    from practicum import pruned
    from practicum.simulation.starts import weights_from_overlaps

    student = upright(state)
    K = student.students
    kept = np.arange(1, K)
    fractions = [pruned.matching_fraction(K, int(k), N) for k in kept]
    J, B = weights_from_overlaps(student, N, np.random.default_rng([seed, 1]))
    few = K <= _FEW
    theory = pruned.selector_errors(
        student, kept.tolist(), SELECTORS, ("none", "optimal") if few else "none", dimension=N, kernel="outputs"
    ).generalization_error
    measured = np.empty((len(SELECTORS), len(kept)))
    refitted = np.full_like(measured, np.nan)
    masks: dict[str, np.ndarray] = {}
    for row, selector in enumerate(SELECTORS):
        for column, (k, p) in enumerate(zip(kept, fractions)):
            if selector in EDGES:
                measured[row, column] = _edges_error(student, J, B, selector, p, draws, (seed, row, column))
                continue
            chosen = _nodes(student, selector, int(k), draws, (seed, row, column))
            measured[row, column] = np.mean(pruned.subset_error(student, chosen))
            refitted[row, column] = np.mean(pruned.subset_error(student, chosen, refit="optimal"))
            if 2 * k == K:
                masks[selector] = chosen[0]
    dims = ("selector", "kept")
    found = xr.Dataset(
        {
            "measured": (dims, measured),
            "refitted": (dims, refitted),
            "predicted": (dims, theory.sel(refit="none").transpose(*dims).values),
            "refitted_predicted": (
                dims,
                theory.sel(refit="optimal").transpose(*dims).values if few else np.full_like(measured, np.nan),
            ),
            "unpruned": float(pruned.subset_error(student, np.ones(K, bool))),
        },
        {"selector": list(SELECTORS), "kept": kept, "fraction": ("kept", fractions)},
    )
    return found, _shown(student, masks)


_FEW = 8
"""Nodes up to which a refit is expected over all subsets."""


def _nodes(student: Any, selector: str, k: int, draws: int, seed: tuple[int, ...]) -> np.ndarray:
    """Masks (draws, K) of the nodes that stay."""
    from practicum import pruned
    from practicum.pruning.dpp.kernel import Kernel
    from practicum.pruning.dpp.sampling import as_masks, sample_kdpp

    K = student.students
    if selector == "dpp_node":
        kernel = Kernel(pruned.node_kernel(student, "outputs"))
        if k <= kernel.rank:
            return as_masks(sample_kdpp(kernel, k, draws, seed), K)
        return as_masks(sample_kdpp(Kernel(kernel.matrix, jitter=1e-9), k, draws, seed), K)
    rng = np.random.default_rng([*seed, 2])
    scores = rng.random((draws, K))
    if selector == "importance_node":
        scores = np.broadcast_to(np.abs(student.v), (draws, K)) + 1e-9 * scores
    order = np.argsort(-scores, axis=1)[:, :k]
    return as_masks(np.sort(order, axis=1), K)


def _edges_error(
    student: Any, J: np.ndarray, B: np.ndarray, selector: str, p: float, draws: int, seed: tuple[int, ...]
) -> float:
    """The mean error of the weights with a share p of each node's, by exact counts."""
    from practicum import OrderParameters, pruned
    from practicum.pruning.dpp.kernel import Kernel
    from practicum.pruning.dpp.sampling import as_masks, sample_kdpp

    K, N = J.shape
    count = max(1, round(p * N))
    tries = 1 if selector == "magnitude_edge" else max(1, draws // 10)
    rng, errors = np.random.default_rng([*seed, 3]), []
    drawn = np.empty((tries, K, N), bool)
    for node in range(K):
        if selector == "dpp_edge":
            kernel = Kernel.from_diagonal(np.square(J[node]))
            drawn[:, node] = as_masks(sample_kdpp(kernel, count, tries, (*seed, node)), N)
            continue
        scores = rng.random((tries, N)) if selector == "random_edge" else np.abs(J[node])[None]
        drawn[:, node] = as_masks(np.sort(np.argsort(-scores, axis=1)[:, :count], axis=1), N)
    everybody = np.ones(K, bool)
    for mask in drawn:
        left = OrderParameters.from_weights(J * mask, B, student.v, student.v_star)
        errors.append(pruned.subset_error(left, everybody))
    return float(np.mean(errors))


def _closed(M: int, K: int) -> xr.DataArray:
    """The errors of perfect copies at equal parameters, N -> infinity."""
    from practicum import pruned

    perfect = pruned.copies(M, K // M, V_STAR)
    theory = pruned.selector_errors(perfect, range(1, K), SELECTORS, "none").generalization_error
    return theory.isel(refit=0, drop=True).transpose("selector", "kept").reset_coords(drop=True).drop_attrs()


def _shown(student: Any, masks: dict[str, np.ndarray]) -> xr.Dataset:
    """Correlations of the nodes, whom they serve, and which of them stay."""
    size = np.sqrt(np.diag(student.Q))
    rho = student.R / size[:, None]
    return xr.Dataset(
        {
            "overlap": (("node", "node_"), student.Q / np.outer(size, size)),
            "serves": ("node", np.abs(rho).argmax(axis=1)),
            "alignment": ("node", np.abs(rho).max(axis=1)),
            "chosen": (("nodes", "node"), np.stack(list(masks.values()))),
        },
        {"nodes": list(masks)},
    )
