"""The report that compares runs: settings, final values and curves are those of the runs, checked by other code."""

import numpy as np
import pytest

from made_up import RULE, compute, simulate_config, solve_config
from made_up_stores import fail_small, flip
from practicum import report
from practicum.errors import ParameterError, StorageError
from practicum.report import numbers
from practicum.report.several import UNKNOWN, member, settings_of
from practicum.runs import Store
from practicum.runs.compare import ABSENT
from report.reading import check


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "runs")
    made.run(solve_config(), compute)
    made.run(solve_config(rule=RULE.replace(learning_rate=0.25)), compute)
    made.run(simulate_config(), compute)
    return made


def three(store):
    return [solve_config().id, solve_config(rule=RULE.replace(learning_rate=0.25)).id, simulate_config().id]


def rows(page, what):
    """The cells of the rows of the table whose first header is `what`."""
    texts = [(tag, " ".join(text.split())) for tag, _, text in page.elements if tag in ("th", "td", "table")]
    begin = next(i for i, (tag, text) in enumerate(texts) if tag == "th" and text == what)
    found, row = {}, []
    for tag, text in texts[begin:]:
        if tag == "table":
            break
        if tag == "th":
            row = found.setdefault(text, [])
        else:
            row.append(text)
    return {name: cells for name, cells in found.items() if cells}


def test_the_page_has_what_differs_and_what_each_came_to(store, tmp_path):
    path = report.compare(store, three(store), tmp_path / "page" / "three.html")
    assert path == tmp_path / "page" / "three.html"
    page = check(path.read_text(encoding="utf-8"))
    assert page.texts("h1") == ["3 runs compared"]
    differing = rows(page, "setting")
    assert differing["rule.learning_rate"] == ["0.5", "0.25", "0.5"]
    assert differing["dimension"] == ["absent", "absent", "100"]
    assert not {"rule.inverse_temperature", "machine.students", "until", "revision"} & set(differing)
    finals = rows(page, "variable")["generalization error"]
    solved = store.get(solve_config())["generalization_error"].values
    seeds = store.get(simulate_config())["generalization_error"].values[:2, -1]  # the last one diverged
    error = float(abs(seeds[0] - seeds[1])) / 2
    assert finals[0] == numbers.plain(float(solved[-1]))
    assert finals[2] == numbers.measured(float(seeds.mean()), error)
    assert finals[2] != numbers.measured(float(seeds.mean()), error * 2**0.5)  # power: the spread, not its mean's error
    assert len(page.all("svg", role="img")) == 1


def test_the_order_is_that_of_the_ids_and_the_same_runs_give_the_same_bytes(store, tmp_path):
    ids = three(store)
    first = report.compare(store, ids, tmp_path)
    assert first.parent == tmp_path
    before = first.read_bytes()
    assert report.compare(store, [run[:9] for run in ids], tmp_path).read_bytes() == before
    turned = report.compare(store, ids[::-1], tmp_path)
    assert turned != first
    page = check(turned.read_text(encoding="utf-8"))
    assert rows(page, "setting")["rule.learning_rate"] == ["0.5", "0.25", "0.5"]
    assert rows(page, "setting")["dimension"] == ["100", "absent", "absent"]


def test_failed_and_damaged_runs_have_a_column_that_says_so(store, tmp_path):
    failed = fail_small(store.folder, 7)
    flip(store.path(simulate_config()))
    page = check(report.compare(store, [*three(store)[1:], failed], tmp_path).read_text(encoding="utf-8"))
    notes = page.texts("p", class_="note")
    assert any("does not have the SHA-256" in note for note in notes)
    assert "The seed 7 divided by zero." in notes
    assert rows(page, "setting")["dimension"] == ["absent", "unknown", "50"]
    assert rows(page, "variable")["generalization error"][1:] == ["none", "none"]


def test_a_setting_that_is_none_is_not_unknown(store):
    members = [member(store, run) for run in three(store)[1:]]
    found = settings_of(members)
    assert found["inputs"] == (ABSENT, None)
    assert UNKNOWN not in {value for values in found.values() for value in values if isinstance(value, str)}


def test_one_run_is_the_page_of_that_run_and_too_many_are_refused(store, tmp_path):
    run = solve_config().id
    path = report.compare(store, [run], tmp_path)
    assert path.name == f"{run}.html"
    assert path.read_bytes() == report.of_runs(store, [run], tmp_path / "other").read_bytes()
    with pytest.raises(ParameterError, match=r"has 1 to 24 runs.*Got 0 instead"):
        report.compare(store, [], tmp_path)
    with pytest.raises(StorageError, match="begins with 'zz'"):
        report.compare(store, ["zz"], tmp_path)


def test_trainings_are_put_together_over_all_of_their_epochs():
    import xarray as xr

    from practicum.report.trainings import over_settings

    def run(epochs, seeds):
        loss = np.add.outer(np.array(epochs, float), np.arange(seeds))
        return xr.Dataset(
            {"loss": (("step", "seed"), loss), "coverage": (("step", "seed", "layer"), np.zeros((*loss.shape, 2)))},
            {"epoch": ("step", epochs), "status": ("seed", ["ok"] * seeds)},
        )

    found = over_settings({"a": run([0, 2, 4], 1), "b": run([0, 1, 2], 2)})
    assert found["epoch"].values.tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(found["loss"].values[0, 0], [0, 1, 2, 4])
    np.testing.assert_array_equal(found["loss"].values[1, 1], [1, 2, 3, np.nan])
    assert np.isnan(found["loss"].values[0, 1]).all()


def test_runs_report_of_the_command_line(store, tmp_path, monkeypatch, capsys):
    from practicum.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["runs", "report", *[run[:8] for run in three(store)], "--store", str(store.folder), "--output", "a.html"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "a.html\n"
    assert "3 runs compared" in (tmp_path / "a.html").read_text(encoding="utf-8")
