"""From what was measured to claims with verdicts. Published numbers stand here, and nowhere in the measurements."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from scipy import stats

from practicum.studies.claims import NEAR, SIGMAS, Claim, Verdict, agreement, exceeds
from practicum.studies.west_saad.measurements import Found
from practicum.studies.west_saad.settings import ADAPTIVE, FIGURE_1, NAME, PAIR_RATE, START_OVERLAP, TARGET

# Gain of the escape rate at small learning rates, beta = 4K against 1, from the paper's formula.
PUBLISHED_GAIN = {2: 2.152, 3: 2.910, 5: 4.441, 10: 8.283}
# alpha before which the pair of the simulations is surely on the plateau.
BEFORE_ESCAPE = 50.0


def _claim(
    name: str,
    statement: str,
    published: float | str,
    measured: float,
    uncertainty: float,
    verdict: Verdict,
    remark: str = "",
) -> Claim:
    return Claim(NAME, name, statement, published, float(measured), float(uncertainty), verdict, remark)


def judge(found: Found) -> list[Claim]:
    """Every claim of the study, in the order of the paper."""
    return [
        *_figure_1(found),
        *_escape(found),
        *_gain(found),
        *_convergence(found),
        *_total(found),
        *_simulation(found),
    ]


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


def _figure_1(found: Found) -> list[Claim]:
    times = found.escapes.escape_alpha
    ratios = (times.sel(inverse_temperature=1.0) / times.sel(inverse_temperature=ADAPTIVE)).values
    ratio, error = _mean(ratios)
    rates = found.escapes.escape_rate.values
    K, eta = FIGURE_1["students"], FIGURE_1["learning_rate"]
    where = f"K = M = {K}, η = {eta:g}, {ratios.size} random starts with overlaps below {FIGURE_1['overlap']:g}"
    return [
        _claim(
            "a",
            f"Adaptive back-propagation (β = {ADAPTIVE:g}) leaves the symmetric phase sooner than gradient descent.",
            "sooner: ratio of escape times > 1",
            ratio,
            error,
            exceeds(ratio, error, 1.0),
            f"Figure 1 of the paper: {where}. The time of escape is the α at which the error has fallen to half "
            f"of the plateau's. The exact escape rates at this η have the ratio {rates[1] / rates[0]:.4g}, the formula "
            f"for small η says {PUBLISHED_GAIN[K]:.4g}; the time to reach the plateau, and what of the split "
            "survives it, are part of the measured ratio too.",
        ),
    ]


def _escape(found: Found) -> list[Claim]:
    claims = []
    for K in found.rates.students.values:
        at = found.rates.sel(students=K)
        scaled, error = float(at.best_beta) / K, float(at.best_beta_uncertainty) / K
        claims.append(
            _claim(
                f"b.beta.K{K}",
                f"At small learning rates the best inverse temperature on the plateau is 4K (K = {K}).",
                4.0,
                scaled,
                error,
                agreement(scaled, error, 4.0),
                "β / K that maximises the growth rate seen in trajectories of the flow, extrapolated to η = 0.",
            )
        )
        gain, error = float(at.gain), float(at.gain_uncertainty)
        claims.append(
            _claim(
                f"b.gain.K{K}",
                f"The escape at β = 4K is faster than gradient descent by the factor of the formula (K = {K}).",
                PUBLISHED_GAIN[int(K)],
                gain,
                error,
                agreement(gain, error, PUBLISHED_GAIN[int(K)]),
                "Ratio of growth rates seen in trajectories of the flow, extrapolated to η = 0.",
            )
        )
    off = np.abs(found.rates.measured / found.rates.formula - 1)
    deviation, error = float(off.max()), float((found.rates.measured_uncertainty / found.rates.formula).max())
    claims.append(
        _claim(
            "b.formula",
            "The escape rate is (2 η / π) K β (2K − 1)^(−1/2) (2K + β)^(−3/2) at small learning rates.",
            0.0,
            deviation,
            error,
            agreement(1 + deviation, error, 1.0),
            "Largest relative deviation of the rates seen in the flow, β from 1 to 128, judged as a ratio to 1.",
        )
    )
    return claims


def _gain(found: Found) -> list[Claim]:
    claims = []
    for K in found.gains.students.values:
        at = found.gains.sel(students=K)
        gain, error, fixed = float(at.gain), float(at.gain_uncertainty), float(at.gain_fixed)
        if exceeds(gain, error, 1.0) != "holds":
            verdict: Verdict = "undecided" if exceeds(gain, error, 1.0) == "undecided" else "does not hold"
        else:
            verdict = "holds" if agreement(gain, error, fixed) == "holds" else "holds in part"
        claims.append(
            _claim(
                f"c.K{K}",
                f"The gain on the plateau survives when the learning rate is optimised for each rule (K = {K}).",
                f"{fixed:.4g} at a fixed small learning rate",
                gain,
                error,
                verdict,
                f"Best escape rates {float(at.rate):.6g} (β = {float(at.beta):.4g}, η = "
                f"{float(at.learning_rate):.4g}) against {float(at.gd_rate):.6g} (β = 1, η = "
                f"{float(at.gd_learning_rate):.4g}). It holds in part if there is a gain, but not the full one of a "
                "fixed small learning rate.",
            )
        )
    return claims


def _convergence(found: Found) -> list[Claim]:
    at = found.convergence.sel(students=3)
    beta, error = float(at.beta), float(at.beta_uncertainty)
    claims = [
        _claim(
            "d.beta.K3",
            "The best inverse temperature of the convergence phase is 1.8314 (K = 3).",
            1.8314,
            beta,
            error,
            agreement(beta, error, 1.8314),
            f"The spectrum gives {beta:.6f}, {abs(beta - 1.8314):.1e} from the published digits.",
        )
    ]
    deviation = float(np.abs(found.convergence.flow_ratio - 1).max())
    error = float(found.convergence.flow_ratio_uncertainty.max())
    claims.append(
        _claim(
            "d.flow",
            "Trajectories of the flow converge at the rate of the spectrum (K = 3).",
            0.0,
            deviation,
            error,
            agreement(1 + deviation, error, 1.0),
            "Largest relative deviation of the decay rate of the error, judged as a ratio to 1, both rules at 1.15 "
            "times their best learning rate: at the optimum itself two modes are in resonance, and the decay is no "
            "pure exponential.",
        )
    )
    limits = (
        ("d.beta", "beta", "The best inverse temperature tends to 2.03 for large K.", "2.03"),
        ("d.tau.adaptive", "tau", "The time constant at the best adaptive rule tends to 2.90 K.", "2.90"),
        ("d.tau.gd", "gd_tau", "The time constant at the best gradient descent tends to 3.48 K.", "3.48"),
        ("d.eta", "learning_rate", "The best adaptive learning rate tends to 4.78 / K.", "4.78"),
        ("d.time", "time_saved", "Adaptive back-propagation converges in 17 % less time.", "0.17"),
    )
    sizes = found.limits.students.values
    for name, variable, statement, printed in limits:
        value, error = float(found.limits[variable + "_limit"]), float(found.limits[variable + "_uncertainty"])
        published, digits = float(printed), len(printed.split(".")[1])
        verdict = agreement(value, error, published)
        # A number printed with two or three digits is met by whatever rounds to it.
        if verdict != "undecided" and f"{value:.{digits}f}" == printed:
            verdict = "holds"
        claims.append(
            _claim(
                name,
                statement,
                published,
                value,
                error,
                verdict,
                f"Extrapolated from K = {sizes[0]} to {sizes[-1]}; rounds to {value:.{digits}f}.",
            )
        )
    return claims


def _total(found: Found) -> list[Claim]:
    totals = found.totals
    K = totals.students.values
    starts = totals.start.size
    where = (
        f"Starts with overlaps below {START_OVERLAP:g}, error below {TARGET:g}, {starts} starts each, K = "
        + ", ".join(map(str, K))
    )
    # Slope of log beta over log K, start by start: 1 if beta_opt is proportional to K, 0 if it does not depend on K.
    slopes = np.polyfit(np.log(K), np.log(totals.beta.transpose("students", "start").values), 1)[0]
    slope, error = _mean(slopes)
    saved = 1 - (totals.alpha / totals.gd_alpha)
    least = saved.mean("start").min("students")
    spread = float((saved.std("start", ddof=1) / math.sqrt(starts)).max())
    average = ", ".join(f"{float(b):.3g}" for b in totals.beta.mean("start").values)
    alone = ", ".join(f"{float(beta):.3g}" for beta in found.gains.beta.values)
    plateau_sizes = ", ".join(map(str, found.gains.students.values))
    return [
        _claim(
            "e",
            "The best inverse temperature of the total training time grows in proportion to K.",
            1.0,
            slope,
            error,
            agreement(slope, error, 1.0),
            f"Exponent p of β_opt ~ Kᵖ when learning rate and temperature are optimised together. {where}; the "
            f"best β are {average} on average. On the plateau alone it is {alone} at K = {plateau_sizes}.",
        ),
        _claim(
            "e.gain",
            "Adaptive back-propagation shortens the total training, both rules at their best.",
            "shorter: fraction of the time saved > 0",
            float(least),
            spread,
            exceeds(float(least), spread, 0.0),
            f"The least saving over K. {where}.",
        ),
    ]


def _weights_against_chain(found: Found) -> tuple[xr.DataArray, xr.DataArray]:
    """By α, at N = 1000: difference of the mean errors over its standard error, and that over the mean error."""
    chain, weights = (
        found.paths[f"{method}, N = 1000"].generalization_error.isel(alpha=slice(1, None))
        for method in ("chain", "weights")
    )
    error = np.sqrt(sum(e.var("seed", ddof=1) / e.sizes["seed"] for e in (chain, weights)))
    return (weights.mean("seed") - chain.mean("seed")) / error, error / chain.mean("seed")


def _simulation(found: Found) -> list[Claim]:
    z, relative = _weights_against_chain(found)
    bound = float(stats.norm.isf(0.005 / z.size))
    worst, visible = float(np.abs(z).max()), bound * float(relative.min())
    verdict: Verdict = "does not hold" if worst > bound else "holds" if visible < NEAR else "undecided"
    claims = [
        _claim(
            "f.law",
            "The exact chain and the weights of a network have the same mean error (N = 1000).",
            f"largest |z| < {bound:.2f}",
            worst,
            1.0,
            verdict,
            f"Largest |z| of the mean errors at {z.size} values of α; the bound is Bonferroni's at 1 %. A common "
            f"deviation of {visible:.2%} would have been seen. K = M = 2, η = {PAIR_RATE:g}.",
        )
    ]
    sizes = sorted(found.drift)
    flow = found.flow.generalization_error.interp(alpha=found.settings.drift_at, method="cubic")
    shift = {}
    for N in sizes:
        error = found.drift[N].generalization_error.isel(alpha=-1).values
        shift[N] = (float(error.mean() - flow) * N, float(error.std(ddof=1)) / math.sqrt(error.size) * N)
    (low, low_error), (high, high_error) = shift[sizes[0]], shift[sizes[-1]]
    claims.append(
        _claim(
            "f.limit",
            "The mean error of finite networks approaches the flow as 1 / N.",
            f"N x deviation is {low:.3g} at N = {sizes[0]}",
            high,
            high_error,
            _same(low, low_error, high, high_error),
            f"N times the deviation from the flow at α = {found.settings.drift_at:g}, measured at N = {sizes[-1]} "
            f"and, for comparison, {low:.3g} ± {low_error:.2g} at N = {sizes[0]}. Undecided unless both "
            "differ from 0.",
        )
    )
    claims.append(_large(found))
    return claims


def _large(found: Found) -> Claim:
    """The largest chain against the flow, before fluctuations of the escape time dominate."""
    N = max(found.settings.chain_seeds)
    early = slice(1e-9, BEFORE_ESCAPE)
    paths = found.paths[f"chain, N = {N}"].generalization_error.sel(alpha=early)
    flow = found.flow.generalization_error.sel(alpha=early)
    seeds = paths.sizes["seed"]
    error = paths.std("seed", ddof=1) / math.sqrt(seeds)
    worst = float(np.abs((paths.mean("seed") - flow) / error).max())
    bound = float(stats.t.isf(0.005 / flow.size, seeds - 1))
    visible = float((bound * error / flow).max())
    verdict: Verdict = "does not hold" if worst > bound else "holds" if visible < NEAR else "undecided"
    return _claim(
        "f.large",
        f"At N = {N} the simulation follows the flow (α up to {BEFORE_ESCAPE:g}, before the escape).",
        f"largest |t| < {bound:.3g}",
        worst,
        1.0,
        verdict,
        f"Largest |t| of the mean over {seeds} paths at {flow.size} values of α; the bound is Bonferroni's at 1 %. A "
        f"deviation of {visible:.2%} anywhere would have been seen.",
    )


def _same(low: float, low_error: float, high: float, high_error: float) -> Verdict:
    """Whether two scaled deviations agree, if both are seen at all."""
    if abs(low) < SIGMAS * low_error or abs(high) < SIGMAS * high_error:
        return "undecided"
    return "holds" if abs(low - high) <= SIGMAS * math.hypot(low_error, high_error) else "does not hold"


def notes(found: Found) -> list[str]:
    """What a reader should know beside the table."""
    mean = found.totals.mean("start")
    K = mean.students.values
    betas, rates = mean.beta.values, mean.learning_rate.values
    smallest = min(found.settings.chain_seeds)
    late = min(100.0, found.settings.simulate_until)
    flow = float(found.flow.generalization_error.sel(alpha=late, method="nearest"))
    paths = found.paths[f"chain, N = {smallest}"].generalization_error.mean("seed")
    return [
        "The inverse temperature multiplies the exponent of the back-propagated derivative, exp(−β x² / 2), and "
        "leaves its prefactor alone: only this reading gives β = 4K and 1.831.",
        "The optimum of the total training time over learning rate and inverse temperature together has not been "
        f"published. Here, from K = {K[0]} to {K[-1]}, the best β goes from {betas[0]:.3g} to {betas[-1]:.3g} and the "
        f"best learning rate from {rates[0]:.3g} to {rates[-1]:.3g}.",
        f"Fluctuations of a finite network seed the escape: at α = {late:g} the mean error is "
        f"{float(paths.sel(alpha=late, method='nearest')):.2g} at N = {smallest}, where the flow says {flow:.2g}. "
        "Compare a simulation with the chain, which has its law; the flow is the limit.",
    ]
