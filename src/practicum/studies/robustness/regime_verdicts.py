"""(e), (f): what makes students robust."""

from __future__ import annotations

from practicum.studies.claims import Claim, exceeds
from practicum.studies.robustness.judging import claim, log_error
from practicum.studies.robustness.measurements import Found
from practicum.studies.robustness.relation_verdicts import headline
from practicum.studies.statistics import mean


def augmentation(found: Found) -> list[Claim]:
    """(e): let the oracle label what is perturbed."""
    told = {"noise": "noisy", "adversarial": "adversarial"}
    claims = []
    for problem_name, data in _problems(found):
        for name, words in told.items():
            oracle, fixed = f"{name}, oracle", f"{name}, fixed"
            if {oracle, fixed} <= set(data.regime.values):
                claims.append(
                    _compared(
                        found, problem_name, f"e.{problem_name}.{name}", oracle, fixed,
                        f"Of students trained on {words} inputs those are more robust whose teacher labels the "
                        f"perturbed input, not the clean one ({problem_name}).",
                    )
                )  # fmt: skip
    return claims


def small_starts(found: Found) -> list[Claim]:
    """(f): Melamed et al. 2023."""
    told = {"small start": "A smaller start", "weight decay": "Weight decay"}
    return [
        _compared(
            found, problem_name, f"f.{problem_name}.{name.replace(' ', '-')}", name, "standard",
            f"{words} makes students more robust ({problem_name}).",
        )
        for problem_name, data in _problems(found)
        for name, words in told.items()
        if name in data.regime.values
    ]  # fmt: skip


def _problems(found: Found) -> list:
    return [("regression", found.regression), ("classification", found.classification), *found.images.items()]


def _compared(found: Found, problem_name: str, name: str, better: str, worse: str, statement: str) -> Claim:
    data = dict(_problems(found))[problem_name]
    problem = found.problems[problem_name]
    errors = headline(data, problem)
    gain, error = mean(log_error(errors.sel(regime=worse), problem) - log_error(errors.sel(regime=better), problem))
    first, second = (float(errors.sel(regime=regime).median("seed")) for regime in (better, worse))
    return claim(
        name,
        statement,
        "more robust",
        gain,
        error,
        exceeds(gain, error, 0.0),
        f"log₁₀ of the robust errors of “{worse}” over “{better}”, seed by seed; medians {second:.3g} and {first:.3g}. "
        "Equal budgets: the same number of examples, each perturbed anew whenever it is used.",
    )
