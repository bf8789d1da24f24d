"""Stored runs against the same runs computed now: the same bytes, or a difference that is found and named."""

import json

import numpy as np
import pytest

from made_up import compute, simulate_config, solve_config
from practicum import LearningRule, ParameterError
from practicum.runs import Store, StudyConfig, check, check_all, netcdf
from practicum.runs import store as store_module
from practicum.runs.checking import CLOSE
from practicum.runs.failures import failure_path
from practicum.runs.files import read_sealed, write_sealed
from practicum.runs.reading import read_run

CONFIGS = [
    solve_config(),
    simulate_config(),
    simulate_config(method="weights", rule=LearningRule(learning_rate=0.3), seeds=[9, 4]),
]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "runs")
    for config in CONFIGS:
        store.run(config)
    return store


def planted(store, config, change):
    """Store a run in which something was changed, sealed as if it were right."""
    path = store.path(config)
    dataset = read_run(path)
    write_sealed(path, netcdf.to_bytes(change(dataset)))


def nudge(name, factor):
    """Change one number of one variable by a factor."""

    def change(dataset):
        values = dataset[name].values.copy()
        values.flat[values.size // 2] *= factor
        return dataset.assign({name: (dataset[name].dims, values, dataset[name].attrs)})

    return change


def verdicts(found):
    return [agreement.verdict for agreement in found]


def test_what_was_computed_here_has_the_same_bytes(store):
    shares = []
    assert verdicts(check_all(store, progress=shares.append, workers=1)) == ["same bytes"] * 3
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    (alone,) = check_all(store, [CONFIGS[1].id[:6]])
    assert (alone.run, alone.kind, alone.words, alone.fails) == (CONFIGS[1].id, "simulate", "same bytes", False)


@pytest.mark.parametrize("name", ["Q", "R", "v", "generalization_error", "alpha_end"])
@pytest.mark.parametrize("config", CONFIGS[:2], ids=["solve", "simulate"])
def test_a_planted_bit_is_found(store, config, name):
    planted(store, config, nudge(name, 1 + 2**-52))
    found = check(store, config.id)
    assert (found.verdict, found.variable, found.fails) == ("differs", name, True)
    assert 1e-16 < found.difference < 5e-16
    assert found.words.startswith(f"differs by {found.difference:.2g} in {name}, more than 0")
    rounding = check(store, config.id, tolerance=1e-15)
    assert (rounding.verdict, rounding.fails) == ("within", False)
    assert rounding.words == f"same numbers to {found.difference:.2g} ({name})"


def test_the_variable_that_differs_most_is_named(store):
    planted(store, CONFIGS[1], lambda d: nudge("R", 1 + 1e-6)(nudge("Q", 1 + 1e-9)(d)))
    found = check(store, CONFIGS[1].id, tolerance=CLOSE)
    assert (found.verdict, found.variable) == ("differs", "R")
    assert found.difference == pytest.approx(1e-6, rel=1e-3)


def test_what_cannot_be_compared_is_infinitely_different(store):
    changes = {
        "a NaN": (nudge("Q", np.nan), "Q"),
        "a word": (lambda d: d.assign_coords(status=("seed", ["ok", "ok", "diverged"])), "status"),
        "a shape": (lambda d: d.isel(alpha=slice(None, -1)), "Q"),
        "a name": (lambda d: d.drop_vars("v"), "v"),
        "another name": (lambda d: d.assign(w=("seed", np.zeros(3))), "w"),
        "a unit": (lambda d: d.assign_coords(alpha=d.alpha.assign_attrs(units="s")), "attributes"),
    }
    whole = store.path(CONFIGS[1]).read_bytes()
    for change, name in changes.values():
        store.path(CONFIGS[1]).write_bytes(whole)
        planted(store, CONFIGS[1], change)
        found = check(store, CONFIGS[1].id, tolerance=1e9)
        assert (found.verdict, found.variable, found.difference) == ("differs", name, np.inf)


def test_what_cancels_is_compared_with_what_it_is_made_of(store):
    """A number near 0 beside numbers near 1 is rounding, and one part in 10^8 of it is nothing."""

    def change(dataset):
        values = dataset["Q"].values.copy()
        values[0, 0, 0, 1] += 1e-15  # of the order of one rounding; 0 in a symmetric start
        return dataset.assign(Q=(dataset["Q"].dims, values, dataset["Q"].attrs))

    planted(store, CONFIGS[1], change)
    assert check(store, CONFIGS[1].id).fails
    assert not check(store, CONFIGS[1].id, tolerance=CLOSE).fails


@pytest.mark.parametrize("factor, verdict", [(1, "same numbers"), (1 + 1e-9, "within"), (1 + 1e-7, "differs")])
def test_other_versions_may_round_differently_and_are_named(tmp_path, monkeypatch, factor, verdict):
    store, config = Store(tmp_path), CONFIGS[1]
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "architecture", lambda: "Plan9 vax")
        versions = store_module.versions()
        patch.setattr(store_module, "versions", lambda *_: {**versions, "numpy": "1.0"})
        store.run(config)
    if factor != 1:
        planted(store, config, nudge("Q", factor))
    found = check(store, config.id)
    assert found.verdict == verdict
    assert found.changed == {
        "numpy": ("1.0", np.__version__),
        "architecture": ("Plan9 vax", store_module.architecture()),
    }
    assert check(store, config.id, tolerance=0).fails is (factor != 1)


def test_what_is_not_repeated_says_why(store):
    study = StudyConfig(study="west-saad", part="gain", parameters={"students": 3})
    store.put(study, compute(CONFIGS[0]).drop_attrs())
    found = check(store, study.id)
    assert (found.kind, found.verdict, found.fails) == ("study west-saad: gain", "not repeated", False)
    assert found.problem == "Only its study computes it: practicum reproduce west-saad --check."

    def cannot(config, **_):
        raise ParameterError("This machine has not enough memory.")

    assert check(store, CONFIGS[0].id, compute=cannot).problem == "This machine has not enough memory."


def test_a_run_that_failed_has_nothing_to_compare(store):
    body = {"format": "failure-1", "config": CONFIGS[0].canonical(), "config_sha256": CONFIGS[0].sha256}
    body |= {"error": "ZeroDivisionError", "problem": "It was divided by 0.", "tries": 3}
    store.path(CONFIGS[0]).unlink()
    from practicum.canonical import canonical_json

    write_sealed(failure_path(store.folder, CONFIGS[0].id), canonical_json(body).encode())
    found = check(store, CONFIGS[0].id)
    assert (found.verdict, found.fails) == ("not repeated", False)
    assert "It was divided by 0." in found.problem


def test_a_damaged_run_is_named(store):
    path = store.path(CONFIGS[0])
    path.write_bytes(path.read_bytes()[:-1])
    found = check(store, CONFIGS[0].id)
    assert (found.verdict, found.fails) == ("damaged", True)
    assert str(path) in found.problem


def test_a_tolerance_is_not_negative(store):
    with pytest.raises(ParameterError, match="'tolerance' parameter must be >= 0"):
        check(store, CONFIGS[0].id, tolerance=-1e-9)


def test_checking_writes_nothing(store):
    before = {path.name: path.read_bytes() for path in store.folder.iterdir() if path.suffix == ".nc"}
    list(check_all(store))
    assert {path.name: path.read_bytes() for path in store.folder.iterdir() if path.suffix == ".nc"} == before
    assert not list(store.folder.glob("*.checkpoint"))


def test_a_verdict_is_json(store):
    planted(store, CONFIGS[0], nudge("Q", 1.5))
    document = json.loads(json.dumps(check(store, CONFIGS[0].id).to_dict()))
    assert (document["verdict"], document["variable"], document["fails"]) == ("differs", "Q", True)
    assert document["difference"] == pytest.approx(1 / 3)
    assert read_sealed(store.path(CONFIGS[0]), "a run")
