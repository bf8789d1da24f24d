"""The rule by which verdicts follow: every verdict can be reached, and none is reached by default."""

import math

import pytest

from practicum.studies.claims import AGREES, NEAR, Claim, agreement, exceeds


@pytest.mark.parametrize(
    ("measured", "uncertainty", "published", "verdict"),
    [
        (4.0, 0.0, 4.0, "holds"),
        (4.0 * (1 + 0.9 * AGREES), 0.0, 4.0, "holds"),
        (4.0 * (1 + 1.1 * AGREES), 0.0, 4.0, "holds in part"),
        (4.0 * (1 + 1.1 * AGREES), 0.1, 4.0, "holds"),  # within three uncertainties
        (4.0 * (1 - 1.1 * NEAR), 0.0, 4.0, "does not hold"),
        (-4.0, 0.0, 4.0, "does not hold"),
        (4.0, 0.5, 4.0, "undecided"),  # an uncertainty of 12 % shows nothing
        (math.nan, 0.0, 4.0, "undecided"),
        (4.0, math.nan, 4.0, "undecided"),
        (4.0, math.inf, 4.0, "undecided"),
    ],
)
def test_a_published_number(measured, uncertainty, published, verdict):
    assert agreement(measured, uncertainty, published) == verdict


@pytest.mark.parametrize(
    ("measured", "uncertainty", "verdict"),
    [
        (1.5, 0.1, "holds"),
        (1.2, 0.1, "undecided"),
        (0.8, 0.1, "undecided"),
        (0.5, 0.1, "does not hold"),
        (1.0, 0.0, "does not hold"),
        (math.nan, 0.1, "undecided"),
    ],
)
def test_an_inequality(measured, uncertainty, verdict):
    assert exceeds(measured, uncertainty, 1.0) == verdict


def test_a_claim_becomes_json_without_nan():
    claim = Claim("study", "a", "It is four.", 4.0, 4.1, math.nan, "undecided")
    values = claim.to_dict()
    assert values["uncertainty"] is None
    assert values["measured"] == 4.1
    assert {"study", "claim", "statement", "published", "measured", "uncertainty", "verdict"} <= set(values)
