"""West & Saad as a study: small versions of its measurements, verdicts that can fall either way, and stored runs."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from practicum import LearningRule, ParameterError, phases, reproduce
from practicum.runs.store import Store
from practicum.studies.west_saad import convergence, escape, measurements, pictures, verdicts
from practicum.studies.west_saad.settings import PAIR, SCALES, SMALL_RATES, committee

TINY = replace(
    SCALES["quick"],
    curve_seeds=(0, 1),
    escape_students=(2,),
    gain_students=(2,),
    large_students=(64, 128, 256),
    total_students=(2, 3),
    total_seeds=(0, 1),
    map_students=(),
    chain_seeds={100: 64, 1000: 32, 10_000: 2},
    weight_seeds=32,
    drift_seeds={100: 2000, 400: 200},
    simulate_until=40.0,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("runs"))
    steps = []
    result = measurements.measure(TINY, store, lambda step, fraction: steps.append((step, fraction)))
    fractions = [fraction for _, fraction in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    again = measurements.measure(TINY, store, lambda *_: None)
    assert again.runs == result.runs
    assert set(store.ids()) == set(result.runs)
    return result


def test_growth_rates_read_off_the_flow_are_those_of_the_spectrum():
    rule = LearningRule(learning_rate=0.5, inverse_temperature=5.0)
    expected = phases.plateau(committee(3), rule).escape_rate
    assert escape.flow_escape_rate(3, rule) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("learning_rate", [1.45, 1.55])  # above the best one, where one mode is slowest by far
def test_decay_rates_read_off_the_flow_are_those_of_the_spectrum(learning_rate):
    rule = LearningRule(learning_rate=learning_rate)
    expected = phases.convergence(committee(3), rule).rate
    seen, uncertainty = convergence.flow_convergence_rate(3, rule)
    assert seen == pytest.approx(expected, rel=2e-3)
    assert abs(seen - expected) < 3 * uncertainty < 0.02 * expected


def test_the_extrapolation_to_small_learning_rates_is_of_third_order():
    rates = SMALL_RATES
    value, error = escape._to_zero([np.array(2 + 3 * r - 5 * r**2) for r in rates])
    assert value == pytest.approx(2, abs=1e-14)
    assert 0 < error < 1e-3


def test_extrapolated_escape_rates_know_their_error():
    """Where corrections are largest, at many students and high inverse temperatures; not so at larger rates (power)."""

    def limit(beta, rates):
        rules = [LearningRule(learning_rate=eta, inverse_temperature=beta) for eta in rates]
        values = [np.array(escape.flow_escape_rate(10, rule) / rule.learning_rate) for rule in rules]
        value, error = escape._to_zero(values)
        formula = phases.plateau_limit(10, beta).escape_rate
        return abs(value - formula) / error, error / formula

    for beta in (1.0, 40.0, 128.0):
        sigmas, error = limit(beta, SMALL_RATES)
        assert sigmas < 3
        assert error < 2e-3
    assert limit(128.0, [50 * eta for eta in SMALL_RATES])[0] > 3


def test_every_claim_is_judged_from_what_was_measured(found):
    claims = {claim.claim: claim for claim in verdicts.judge(found)}
    assert {"a", "b.beta.K2", "b.gain.K2", "c.K2", "d.beta.K3", "d.time", "e", "f.law"} <= set(claims)
    assert claims["a"].measured > 2
    assert claims["b.beta.K2"].measured == pytest.approx(4, rel=1e-4)
    assert claims["c.K2"].measured == pytest.approx(1.4465, abs=2e-4)
    assert claims["d.beta.K3"].measured == pytest.approx(1.83125, abs=1e-5)
    assert {claim.verdict for claim in claims.values()} <= {"holds", "holds in part", "does not hold", "undecided"}
    assert claims["b.gain.K2"].verdict == "holds"
    assert claims["e"].verdict == "does not hold"


def test_verdicts_turn_when_the_measurement_does(found):
    """Power: each kind of claim is refused where the numbers are wrong."""

    def verdict(name, **changes):
        return {c.claim: c.verdict for c in verdicts.judge(replace(found, **changes))}[name]

    escapes = found.escapes.copy(deep=True)
    escapes["escape_alpha"][:, 1] = 1.5 * escapes.escape_alpha[:, 0]
    assert verdict("a", escapes=escapes) == "does not hold"
    rates = found.rates.assign(best_beta=found.rates.best_beta / 2, measured=found.rates.measured * 1.05)
    assert verdict("b.beta.K2", rates=rates) == "does not hold"
    assert verdict("b.formula", rates=rates) == "holds in part"
    assert verdict("b.formula", rates=rates.assign(measured=rates.measured * 1.2)) == "does not hold"
    vague = rates.assign(measured_uncertainty=0.2 * rates.formula)
    assert verdict("b.formula", rates=vague) == "undecided"
    assert verdict("c.K2", gains=found.gains.assign(gain=found.gains.gain_fixed)) == "holds"
    assert verdict("c.K2", gains=found.gains.assign(gain=found.gains.gain * 0.5)) == "does not hold"
    assert verdict("d.tau.gd", limits=found.limits.assign(gd_tau_limit=4.0)) == "does not hold"
    slow = found.convergence.assign(flow_ratio=found.convergence.flow_ratio * 0.8)
    assert verdict("d.flow", convergence=slow) == "does not hold"
    for value, error, expected in ((2.86, 0.0, "holds in part"), (2.904, 0.0, "holds"), (2.90, 0.5, "undecided")):
        limits = found.limits.assign(tau_limit=value, tau_uncertainty=error)
        assert verdict("d.tau.adaptive", limits=limits) == expected
    linear = found.totals.assign(beta=found.totals.students * xr.ones_like(found.totals.beta) * [1.0, 1.01])
    assert verdict("e", totals=linear) == "holds"
    slower = found.totals.assign(alpha=found.totals.gd_alpha * [1.2, 1.21])
    assert verdict("e.gain", totals=slower) == "does not hold"
    shifted = {**found.paths, "weights, N = 1000": found.paths["weights, N = 1000"] * 1.2}
    assert verdict("f.law", paths=shifted) == "does not hold"
    few = {**found.paths, "weights, N = 1000": found.paths["weights, N = 1000"].isel(seed=[0, 1])}
    wild = few["weights, N = 1000"] * xr.DataArray([0.5, 1.5], dims="seed")
    assert verdict("f.law", paths={**few, "weights, N = 1000": wild}) == "undecided"


def test_a_best_temperature_beyond_those_measured_is_a_finding(monkeypatch):
    """Rates that fall with the temperature throughout have no maximum within: the claim fails, not the study."""

    def falling(students, rule):
        return rule.learning_rate / rule.inverse_temperature

    monkeypatch.setattr(escape, "flow_escape_rate", falling)
    rates = escape.escape_rates(2, list(SMALL_RATES))
    assert float(rates.best_beta.item()) == pytest.approx(1.5 * 2)


def test_pictures_are_drawn_from_labelled_arrays(found):
    drawn = pictures.draw(found)
    known = {claim.claim for claim in verdicts.judge(found)}
    for picture in drawn:
        assert picture.draw(picture.data).axes
        assert set(picture.claims) <= known
    assert len({picture.name for picture in drawn}) == len(drawn)


def test_the_drift_uses_seeds_of_its_own(found):
    drift = set(found.drift[100].seed.values.tolist())
    assert not drift & set(found.paths["chain, N = 100"].seed.values.tolist())


def test_the_pair_is_a_valid_start():
    assert np.allclose(np.array(PAIR["Q"]), np.array(PAIR["Q"]).T)


@pytest.mark.parametrize(
    ("study", "scale", "word"), [("west-sad", "quick", "west-saad"), ("west-saad", "papr", "paper")]
)
def test_an_unknown_study_or_scale_is_one_sentence(study, scale, word, tmp_path):
    with pytest.raises(ParameterError, match=f"Did you mean '{word}'"):
        reproduce(study, scale, tmp_path)


@pytest.mark.soak
def test_the_quick_study_answers_a_script_and_answers_again_from_its_store(tmp_path):
    command = [sys.executable, "-m", "practicum", "reproduce", "west-saad", "--json", "--store", str(tmp_path)]
    first, second = (
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(2)
    )
    assert first == second
    for claim in first:
        assert {"study", "claim", "statement", "published", "measured", "uncertainty", "verdict"} <= set(claim)
        assert claim["study"] == "west-saad"
    assert len({claim["claim"] for claim in first}) == len(first)
