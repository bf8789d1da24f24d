"""Two runs side by side: differences are those that the arrays have, and the same bits are called so."""

import json

import numpy as np
import pytest

from made_up import compute, simulate_config, solve_config
from made_up_stores import fail_small, flip, small_config, small_run, store_small
from practicum import LearningRule, StorageError
from practicum.runs import Store, StudyConfig
from practicum.runs import store as store_module


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def compared(store, change, before=lambda values: values):
    """The comparison of two runs of which the second has the errors of the first, changed."""
    runs = []
    for seed, edit in ((1, before), (2, lambda values: change(before(values)))):
        dataset = small_run(small_config(1))
        dataset["generalization_error"] = dataset.generalization_error.copy(
            data=edit(dataset.generalization_error.values.copy())
        )
        store.put(small_config(seed), dataset)
        runs.append(small_config(seed).id)
    return store.compare(*runs)


def test_settings_that_differ_and_no_others(store):
    rule = LearningRule(learning_rate=0.25, inverse_temperature=4.0)
    first, second = simulate_config(), simulate_config(rule=rule, dimension=200)
    for config in (first, second):
        store.put(config, compute(config))
    found = store.compare(first.id[:8], second.id)
    assert found.runs == (first.id, second.id)
    assert found.settings == {"rule.learning_rate": (0.5, 0.25), "dimension": (100, 200)}
    assert (found.versions, found.architecture, found.status) == ({}, None, ("ok 2, diverged 1",) * 2)
    assert not found.same_bits


def test_what_only_one_kind_has_is_absent_in_the_other(store):
    for config in (simulate_config(), solve_config()):
        store.put(config, compute(config))
    found = store.compare(simulate_config().id, solve_config().id)
    assert found.settings["kind"] == ("simulate", "solve")
    assert found.settings["dimension"] == (100, "absent")
    assert found.settings["rtol"] == ("absent", 1e-10)
    assert found.variables["seed"].words == "only in the first"
    assert found.variables["generalization_error"].words == "(seed: 3, alpha: 201) and (alpha: 201)"


def test_the_largest_differences_are_those_of_the_arrays(store):
    found = compared(store, lambda values: values + np.array([[2.0**-10, -(2.0**-9)]]))
    difference = found.variables["generalization_error"]
    # The errors are 1/2 and 1/8; all of these numbers are exact in binary.
    assert difference.absolute == 2.0**-9
    assert difference.relative == 2.0**-9 / 0.125
    assert (difference.unequal, difference.same_bits) == (2, False)
    assert difference.words == "largest difference 0.00195, relative 0.0156; 2 of 2 differ"
    assert found.variables["alpha"].same_bits
    assert not found.same_bits


def test_the_last_bit_is_a_difference(store):
    found = compared(store, lambda values: np.nextafter(values, 1.0))
    assert not found.same_bits
    assert found.variables["generalization_error"].absolute == 2.0**-53


def test_the_same_bits(store):
    found = compared(store, lambda values: values)
    assert found.same_bits
    assert {difference.words for difference in found.variables.values()} == {"same bits", "the same"}


def with_nan(place):
    def change(values):
        values[0, place] = np.nan
        return values

    return change


def test_nan_is_equal_to_nan_and_to_nothing_else(store, tmp_path):
    assert compared(store, lambda values: values, before=with_nan(0)).same_bits
    difference = compared(Store(tmp_path / "other"), with_nan(1)).variables["generalization_error"]
    assert (difference.unequal, difference.absolute) == (1, 0.0)
    assert difference.words.endswith("1 of 2 differ, of them 1 NaN or infinite in one")


def test_a_zero_with_another_sign_is_equal_with_other_bits(store):
    difference = compared(store, lambda values: -values, before=lambda values: 0 * values).variables
    assert difference["generalization_error"].words == "equal numbers, other bits"
    assert not difference["generalization_error"].same_bits


def test_numbers_at_opposite_ends_of_the_range(store):
    difference = compared(store, lambda values: -values, before=lambda values: 0 * values + 1.7e308).variables
    assert difference["generalization_error"].absolute == np.inf
    assert difference["generalization_error"].relative == np.inf


def test_another_status_is_counted(store):
    store.put(small_config(1), small_run(small_config(1)))
    store.put(small_config(2), small_run(small_config(1), status="diverged"))
    found = store.compare(small_config(1).id, small_config(2).id)
    assert found.status == ("ok", "diverged")
    assert found.variables["status"].words == "1 of 1 differ"
    assert not found.same_bits


def test_versions_and_architectures_that_differ(store, monkeypatch):
    store_small(store.folder, 1)
    monkeypatch.setattr(store_module, "versions", lambda *more: {"numpy": "1.0", "practicum": "0.0"})
    monkeypatch.setattr(store_module, "architecture", lambda: "Plan9 vax")
    store_small(store.folder, 2)
    found = store.compare(small_config(1).id, small_config(2).id)
    assert found.versions["numpy"] == (np.__version__, "1.0")
    assert found.versions["scipy"][1] == "absent"
    assert found.architecture is not None
    assert found.architecture[1] == "Plan9 vax"


def test_of_a_failed_run_the_settings_are_compared(store):
    store_small(store.folder, 1)
    run = fail_small(store.folder, 2, dimension=70)
    found = store.compare(small_config(1).id, run)
    assert found.status == ("ok", "failed")
    assert found.settings["dimension"] == (50, 70)
    assert found.variables == {}
    assert not found.same_bits


def test_parts_of_studies_are_compared_too(store):
    for value in (3, 4):
        config = StudyConfig(study="west-saad", part="optimum", parameters={"students": value})
        store.put(config, small_run(small_config(1)).drop_vars("status"))
    found = store.compare(*store.ids())
    assert set(found.settings) == {"parameters.students"}
    assert found.same_bits


def test_it_is_json(store):
    found = compared(store, lambda values: values + 1)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["same_bits"] is False
    assert document["variables"]["generalization_error"]["absolute"] == 1.0
    assert document["settings"]["seeds.first"] == [1, 2]


def test_a_damaged_run_is_a_sentence(store):
    ids = store_small(store.folder, 1, 2)
    flip(store.folder / f"{ids[0]}.nc")
    with pytest.raises(StorageError, match=f"of run {ids[0]} is damaged"):
        store.compare(*ids)
