"""(a), (b), (c), (e), (g): two-layer students, against theory and against each other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from practicum.studies.claims import NEAR, Claim, Verdict, agreement, exceeds
from practicum.studies.pruning.judging import claim
from practicum.studies.pruning.measurements import Found
from practicum.studies.pruning.settings import PUBLISHED, SELECTORS, V_STAR, Committee
from practicum.studies.statistics import mean

CLOSE = 0.04
"""How near trained students should be to the closed forms of perfect copies."""

EXACT = 1e-10


def judge(found: Found) -> list[Claim]:
    """The claims about two layers."""
    return [*_diversity(found), *_edges(found), *_sparse(found), *_refit(found), *_theory(found)]


def _diversity(found: Found) -> list[Claim]:
    """(a)."""
    claims = []
    for other, words in (("random_node", "random nodes"), ("importance_node", "the most important nodes")):
        gains = _gain(found.committees[0], "dpp_node", other)
        value, error = mean(gains.mean("kept"))
        worst = gains.mean("seed")
        k = int(worst.kept.values[int(np.argmin(worst.values))])
        claims.append(
            claim(
                f"a.{other.partition('_')[0]}",
                f"Keeping a diverse set of nodes is better than keeping {words}.",
                "better",
                value,
                error,
                exceeds(value, error, 0.0),
                f"Mean over k of log₁₀ of the errors, {words} over DPP nodes; {_where(found.settings.committees[0])}. "
                f"The least over k is {float(worst.min()):.3f}, at k = {k}.",
            )
        )
    return claims


def _edges(found: Found) -> list[Claim]:
    """(b): the slogan, and the region where it holds."""
    claims = []
    for M, data in found.regions.items():
        for Z in sorted({3, 4} & set(data.copies.values.tolist())):
            row = data.edges_beat_nodes.sel(copies=Z).isel(kept=slice(0, M * Z - 1))
            beaten = row.kept.values[row.values.astype(bool)]
            share = beaten.size / row.size
            verdict: Verdict = "holds" if share == 1 else "holds in part" if share > 0 else "does not hold"
            where = f"k ≤ {beaten.max()}" if beaten.size and beaten.size == beaten.max() else f"k in {beaten.tolist()}"
            claims.append(
                claim(
                    f"b.M{M}.Z{Z}",
                    f"Random edges beat DPP nodes at equal parameters (M = {M}, Z = {Z} copies).",
                    "at every k",
                    share,
                    0.0,
                    verdict,
                    f"Share of k = 1 … {M * Z - 1}, closed forms of perfect copies; it holds for {where} of {M * Z}.",
                )
            )
    return claims


def _sparse(found: Found) -> list[Claim]:
    """(c)."""
    data = found.committees[0]
    gains = _gain(data, "dpp_edge", "dpp_node")
    value, error = mean(gains.min("kept"))
    M = found.settings.committees[0].teachers
    dense, dense_error = mean(found.dense.unpruned)
    sparse, sparse_error = mean(data.measured.sel(selector="dpp_edge", kept=M))
    gap, gap_error = (
        float(np.log10(dense / sparse)),
        float(np.hypot(dense_error / dense, sparse_error / sparse) / np.log(10)),
    )
    return [
        claim(
            "c.pruned",
            "At equal parameters a student with many nodes and few edges beats one with few whole nodes, both pruned.",
            "sparse beats dense",
            value,
            error,
            exceeds(value, error, 0.0),
            "The least over k of log₁₀ of the errors, DPP nodes over DPP edges.",
        ),
        claim(
            "c.trained",
            f"It also beats a dense student of {M} nodes that was trained as it is.",
            "sparse beats dense",
            gap,
            gap_error,
            exceeds(gap, gap_error, 0.0),
            f"log₁₀ of the errors, a dense student with K = M = {M} ({dense:.3g}) over DPP edges with as many "
            f"parameters ({sparse:.3g}), without retraining.",
        ),
    ]


def _refit(found: Found) -> list[Claim]:
    """(e)."""
    from practicum.theory import pruned

    setting, data = found.settings.committees[0], found.committees[0]
    M, K = setting.teachers, setting.students
    perfect = pruned.selector_errors(
        pruned.copies(M, K // M, V_STAR), range(1, K), ["dpp_node", "random_edge"], "optimal"
    ).generalization_error.isel(refit=0)
    nodes = float(perfect.sel(selector="dpp_node").sel(kept=slice(M, None)).max())
    edges = float(perfect.sel(selector="random_edge").min())
    exact: Verdict = "holds" if nodes <= EXACT < edges else "does not hold"
    later = data.sel(kept=slice(M, None))
    gain = np.log10(later.refitted_predicted.sel(selector="random_edge")) - np.log10(
        later.refitted.sel(selector="dpp_node")
    )
    value, error = mean(gain.min("kept"))
    plain, plain_error = mean(_gain(data, "random_edge", "dpp_node").sel(kept=M))
    return [
        claim(
            "e.copies",
            "After the optimal refit of the fan-out DPP nodes have no error at all from k = M on, and edges have.",
            0.0,
            nodes,
            0.0,
            exact,
            f"The largest error of DPP nodes, perfect copies, k ≥ {M}, in units of v*² = {V_STAR**2:g}; the least of "
            f"random edges is {edges:.3g}.",
        ),
        claim(
            "e.trained",
            "So the order of nodes and edges reverses for trained students.",
            "nodes beat edges",
            value,
            error,
            exceeds(value, error, 0.0),
            f"The least over k ≥ {M} of log₁₀ of the errors after the refit, random edges over DPP nodes. Without a "
            f"refit the same at k = {M} is {-plain:.2f} ± {plain_error:.2f}.",
        ),
    ]


def _theory(found: Found) -> list[Claim]:
    """(g)."""
    claims = []
    for number, (setting, data) in enumerate(zip(found.settings.committees, found.committees)):
        ratio = (data.measured / data.predicted).mean("kept")
        worst = 0.0
        told = []
        for selector in SELECTORS:
            value, _ = mean(ratio.sel(selector=selector))
            told.append(f"{selector.replace('_', ' ')} {value:.3f}")
            worst = max(worst, abs(value - 1))
        value, error = mean(ratio.mean("selector"))
        verdict = agreement(value, error, 1.0)
        claims.append(
            claim(
                f"g.{setting.teachers}.{setting.students}" + (".noise" if setting.noise else ""),
                f"Theory from the order parameters predicts the error of pruned students ({_where(setting)}).",
                1.0,
                value,
                error,
                "holds in part" if verdict == "holds" and worst > NEAR else verdict,
                "Error of pruned weights over prediction, mean over k and selectors; by selector "
                + ", ".join(told)
                + ". In part if a selector is off by more than 10 %.",
            )
        )
        if number == 0:
            claims.append(_copies(setting, data))
            claims += _published(data) if (setting.teachers, setting.students) == (2, 6) else []
    return claims


def _copies(setting: Committee, data: xr.Dataset) -> Claim:
    """Against the closed forms: of the floor that training leaves, k of K nodes bring k / K along."""
    floor = data.unpruned * data.kept / setting.students
    ratio = (
        (data.measured / (data.closed + floor)).sel(selector=["random_node", "dpp_node", "random_edge"]).mean("seed")
    )
    far = float(np.abs(ratio - 1).max())
    verdict: Verdict = "holds" if far <= CLOSE else "holds in part" if far <= 0.1 else "does not hold"
    return claim(
        "g.copies",
        f"Trained students behave like perfect copies, within {100 * CLOSE:g} %.",
        f"within {100 * CLOSE:g} %",
        far,
        0.0,
        verdict,
        "The largest relative difference from the closed forms over k, of random nodes, DPP nodes and random edges, to "
        "which k / K of the unpruned error is added.",
    )


def _published(data: xr.Dataset) -> list[Claim]:
    claims = []
    for selector, numbers in PUBLISHED.items():
        ours = data.measured.sel(selector=selector)
        ratio = ours / xr.DataArray(list(numbers), dims="kept", coords={"kept": data.kept})
        value, error = mean(ratio.isel(kept=slice(0, 4)).mean("kept"))
        each = ", ".join(f"{float(x):.3g} ({y})" for x, y in zip(ours.mean("seed"), numbers))
        claims.append(
            claim(
                f"g.published.{selector.replace('_', '-')}",
                f"The authors' stored simulations of {selector.replace('_', ' ')}s are met.",
                1.0,
                value,
                error,
                agreement(value, error, 1.0),
                f"Mean ratio over k = 1 … 4; ours (theirs): {each}.",
            )
        )
    return claims


def _gain(data: xr.Dataset, better: str, worse: str) -> xr.DataArray:
    """log10 of the measured errors, worse over better, (seed, kept)."""
    return np.log10(data.measured.sel(selector=worse, drop=True)) - np.log10(
        data.measured.sel(selector=better, drop=True)
    )


def _where(setting: Committee) -> str:
    return f"N = {setting.dimension}, M = {setting.teachers}, K = {setting.students}" + (
        f", σ = {setting.noise:g}" if setting.noise else ""
    )
