"""From what was measured to claims: statements that could be false, verdicts by rule, and what a reader should know."""

from __future__ import annotations

from practicum.studies.claims import Claim
from practicum.studies.robustness import regime_verdicts, relation_verdicts, subspace_verdicts
from practicum.studies.robustness.measurements import Found


def judge(found: Found) -> list[Claim]:
    """Every claim of the study, in the order of its letters."""
    return [
        *subspace_verdicts.inside_and_outside(found),
        *subspace_verdicts.mechanism(found),
        *relation_verdicts.relations(found),
        *regime_verdicts.augmentation(found),
        *regime_verdicts.small_starts(found),
        *relation_verdicts.on_images(found),
    ]


def notes(found: Found) -> list[str]:
    """What a reader should know beside the table."""
    told = [
        "Uncertainties are standard errors over seeds; those of correlations come from bootstrap intervals in which "
        "a seed is drawn with its students of all trainings. Intervals of few seeds are too narrow.",
        "Robust errors are what attacks found (PGD, Euclidean), so lower bounds. In classification a disagreement "
        "counts only where the teacher is sure: the plain oracle error is degenerate.",
        "Low-rank inputs are x = Uz; but for (a) and (b) the teacher lies in the subspace, since no student could "
        "learn from the data what a teacher does outside them.",
    ]
    diverged = {
        name: int(data.diverged.sum())
        for name, data in (("regression", found.regression), ("classification", found.classification),
                           *found.images.items())
    }  # fmt: skip
    told += [f"{count} students diverged ({name}) and are in no mean." for name, count in diverged.items() if count]
    told += [f"{name} is not there: {why}" for name, why in found.missing.items()]
    for name, data in found.images.items():
        if "disagreement" in data and data.disagreement.notnull().any():
            shares = data.disagreement.mean("seed").dropna("regime")
            words = ", ".join(
                f"{100 * float(share):.2g} % ({regime})" for regime, share in zip(shares.regime.values, shares)
            )
            told.append(f"Of the images made by inverting features the oracle gives another label to {words}: {name}.")
    return told
