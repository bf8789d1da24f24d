"""The report of stored runs: one section each, whatever became of them."""

import numpy as np
import pytest
import xarray as xr

from made_up import RULE, compute, simulate_config, solve_config
from practicum import report
from practicum.errors import ParameterError, StorageError
from practicum.report.curves import curve_of, learning_curve, side_by_side
from practicum.report.stored import names_of
from practicum.runs import Store, StudyConfig
from report.reading import check


def sensible(config):
    """Made-up runs whose overlaps a figure can show."""
    data = compute(config)
    rng = np.random.default_rng(0)
    return data.assign(Q=data["Q"].copy(data=rng.random(data["Q"].shape)))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "runs")
    made.run(solve_config(), sensible)
    made.run(solve_config(rule=RULE.replace(learning_rate=0.25)), sensible)
    made.run(simulate_config(), sensible)
    part = StudyConfig(study="west-saad", part="map <of rules>", parameters={"points": [3, 4]})
    made.run(part, lambda config: xr.Dataset({"alpha_to_target": (("eta", "beta"), np.ones((3, 4)))}))
    return made


def test_every_run_has_its_section(store):
    path = report.of_runs(store)
    assert path == store.folder / "runs.html"
    page = check(path.read_text(encoding="utf-8"))
    assert {f"run {run}" for run in store.ids()} <= set(page.texts("p", class_="above"))
    headings = set(page.texts("h2"))
    assert {"solve, K = 3, M = 2, η = 0.5, β = 4", "simulate, K = 3, M = 2, η = 0.5, β = 4, N = 100"} <= headings
    assert "west-saad: map <of rules>" in headings
    assert len(page.all("svg", role="img")) == 1 + 3 * 2
    cells = page.texts("td")
    assert "ok 2, diverged 1" in cells
    assert "alpha_to_target (eta, beta)" in cells
    assert "3, 4" in cells


def test_only_the_runs_asked_for_in_their_order(store, tmp_path):
    wanted = store.ids()[2:0:-1]
    path = report.of_runs(store, [run[:8] for run in wanted], tmp_path / "elsewhere")
    page = check(path.read_text(encoding="utf-8"))
    assert path.parent == tmp_path / "elsewhere"
    assert [text for text in page.texts("p", class_="above") if text.startswith("run ")] == [f"run {r}" for r in wanted]


def test_one_run_needs_no_contents(store):
    page = check(report.of_runs(store, [solve_config().id]).read_text(encoding="utf-8"))
    assert page.texts("h1") == ["One stored run"]
    assert not page.all("nav")
    assert len(page.all("svg", role="img")) == 2


def test_a_damaged_run_is_shown_as_such_and_the_others_are_whole(store):
    path = store.path(solve_config())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    page = check(report.of_runs(store).read_text(encoding="utf-8"))
    assert "damaged" in page.texts("h2")
    assert any("does not have the SHA-256" in text for text in page.texts("p", class_="note"))
    assert len(page.all("svg", role="img")) == 1 + 2 * 2


def test_the_same_runs_are_not_drawn_again_and_other_runs_are(store):
    one, other = [solve_config().id], [simulate_config().id]
    path = report.of_runs(store, one)
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert (report.of_runs(store, one).read_bytes(), path.stat().st_mtime_ns) == before
    report.of_runs(store, other)
    assert path.read_bytes() != before[0]
    assert report.of_runs(store, one).read_bytes() == before[0]


def test_an_empty_store_and_an_unknown_run_are_refused(store, tmp_path):
    with pytest.raises(ParameterError, match=r"holds none; make one with practicum solve"):
        report.of_runs(Store(tmp_path / "empty"))
    with pytest.raises(StorageError, match=r"No run in .* begins with 'zz'"):
        report.of_runs(store, ["zz"])


def test_means_leave_out_seeds_that_ended():
    data = compute(simulate_config())
    alpha, mean, spread = curve_of(data)
    values = data["generalization_error"].values
    assert np.array_equal(alpha, data["alpha"].values)
    assert mean[0] == pytest.approx(values[:, 0].mean())
    assert spread[0] == pytest.approx(values[:, 0].std(ddof=1) / np.sqrt(3))
    assert mean[-1] == pytest.approx(values[:2, -1].mean())
    assert spread[-1] == pytest.approx(values[:2, -1].std(ddof=1) / np.sqrt(2))
    assert learning_curve(data)["status"].values.tolist() == ["ok"]
    data["status"][:] = "diverged"
    assert learning_curve(data)["status"].values.tolist() == ["diverged"]


def test_curves_side_by_side_share_their_alphas_and_end_where_they_ended():
    def run(alpha, tau):
        return xr.Dataset({"generalization_error": ("alpha", np.exp(-np.array(alpha) / tau))}, {"alpha": alpha})

    both = side_by_side({"a": run([0.0, 2.0, 4.0], 3.0), "b": run([0.0, 1.0, 2.0, 3.0], 5.0)})
    assert both["alpha"].values.tolist() == [0, 1, 2, 3, 4]
    assert both["generalization_error"].values[0] == pytest.approx(np.exp(-np.arange(5) / 3.0))
    assert both["generalization_error"].values[1, :4] == pytest.approx(np.exp(-np.arange(4) / 5.0))
    assert np.isnan(both["generalization_error"].values[1, 4])


def test_runs_are_named_by_what_they_differ_in():
    first, second = {"rule": {"learning_rate": 1.0}}, {"rule": {"learning_rate": 2.0}}
    assert names_of({"aaaaaaaa": first, "bbbbbbbb": second}) == {"aaaaaaaa": "η = 1", "bbbbbbbb": "η = 2"}
    assert names_of({"aaaaaaaa": first, "bbbbbbbb": first}) == {"aaaaaaaa": "aaaaaa", "bbbbbbbb": "bbbbbb"}
