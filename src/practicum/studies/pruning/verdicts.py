"""From what was measured to claims: statements that could be false, verdicts by rule, and what a reader should know."""

from __future__ import annotations

from practicum.studies.claims import Claim
from practicum.studies.pruning import network_verdicts, theory_verdicts
from practicum.studies.pruning.measurements import Found


def judge(found: Found) -> list[Claim]:
    """Every claim of the study, in the order of its letters."""
    claims = [
        *theory_verdicts.judge(found),
        *network_verdicts.on_images(found),
        *network_verdicts.specialists(found),
    ]
    return sorted(claims, key=lambda each: each.claim[0])


def notes(found: Found) -> list[str]:
    """What a reader should know beside the table."""
    return [
        "Uncertainties are standard errors over seeds: of two-layer students each seed is another training, of images "
        "another draw of masks of one network.",
        "k nodes have k (N + 1) parameters, e edges a node K e + K: edges are pruned to as many parameters as the "
        "nodes. DPP nodes use a kernel of activations, ⟨g(h_i) g(h_j)⟩, or a Gaussian of their distance (images).",
        *network_verdicts.noted(found),
    ]
