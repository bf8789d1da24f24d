"""The view Runs in a real browser: what a person finds, reads and follows there is what the store holds."""

import re
import shlex
from urllib.parse import urlsplit

import numpy as np
import pytest
from benchmarks.page import CHROMIUM

pytest.importorskip("fastapi", reason="the page needs the extra [web]")
pytest.importorskip("playwright", reason="the page is read through Playwright")

from made_up import RULE, compute, simulate_config, solve_config
from made_up_stores import fail_small, flip, store_small
from practicum.runs import Store
from practicum.runs.claims import Claims
from practicum.runs.sweeps import from_tables, open_sweep
from practicum.runs.sweeps.axes import axis as swept
from practicum.web.app import create_app
from practicum.web.problems import Problem
from web.reading import axis, place, vertices
from web.served import served
from web.visiting import visiting

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is read in Chromium, which is not on this machine")
HALF_A_PIXEL = 0.5
SLOWER = solve_config(rule=RULE.replace(learning_rate=0.25))
EXPLORED = Problem(students=2, teachers=2, until=20.0, learning_rate=1.25).solve_config()
OTHER = solve_config(rtol=1e-9)
BASE = {"machine": {"students": 3, "teachers": 2}, "rule": {}, "start": {"kind": "near-symmetric"}, "until": 20.0}
GRID = from_tables("solve", BASE, [], [swept("learning_rate", "0.1,0.2,0.4"), swept("inverse_temperature", "1,2,4,8")])
RUNNING = from_tables("solve", BASE, [], [swept("learning_rate", "0.3,0.6,0.9")])


def sensible(config):
    data = compute(config)
    return data.assign(Q=data["Q"].copy(data=np.random.default_rng(0).random(data["Q"].shape)))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("runs"))
    for config in (solve_config(), SLOWER, simulate_config(), EXPLORED, OTHER, *GRID.configs):
        made.run(config, sensible)
    GRID.sweep.write(made.folder)
    store_small(made.folder, *range(30))
    fail_small(made.folder, 30)
    (damaged,) = store_small(made.folder, 31)
    flip(made.folder / f"{damaged}.nc")
    return made


@pytest.fixture(scope="module")
def url(store):
    with served(create_app(store)) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def visit(browser, url):
    """Open the page at a hash; at the end no request has gone elsewhere and the console is clean."""
    with visiting(browser) as (go, seen):

        def open_page(hash, width=1360, at=url, **settings):
            page = go(at, hash, width, **settings)
            page.set_default_timeout(15_000)
            return page

        open_page.said = seen.said
        yield open_page


def shown(page):
    """The ids in the table, from above."""
    page.wait_for_function("() => document.querySelectorAll('.list tbody tr').length > 0")
    return page.locator(".list tbody th a").all_text_contents()


def fragment(page):
    page.wait_for_timeout(450)  # the address follows when nothing has changed for a moment
    return f"#{urlsplit(page.url).fragment}"


def test_the_table_is_that_of_the_store(visit, store):
    page = visit("#runs?sort=id")
    assert shown(page) == [row["id"] for row in store.table()[:25]]
    row = next(row for row in store.table()[:25] if row["kind"] == "solve")
    cells = page.locator(".list tbody tr", has_text=row["id"]).locator("td, th").all_text_contents()
    assert cells[2:6] == [row["kind"], str(row["K"]), str(row["M"]), f"{row['eta']:g}"]
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Page 2 of").wait_for()
    assert shown(page) == [row["id"] for row in store.table()[25:50]]
    page.go_back()
    page.get_by_text("Page 1 of").wait_for()
    assert shown(page) == [row["id"] for row in store.table()[:25]]


def test_a_header_sorts_and_says_so(visit, store):
    page = visit("#runs?where=kind%20%3D%3D%20'solve'")
    shown(page)
    header = page.get_by_role("columnheader", name="η")
    assert header.get_attribute("aria-sort") == "none"
    for click, order in [(1, "ascending"), (2, "descending")]:
        header.get_by_role("button").click()
        page.wait_for_function(
            "(order) => document.getElementById('runs-by-eta').getAttribute('aria-sort') === order", arg=order
        )
        page.wait_for_load_state("networkidle")
        rates = {row["id"]: row["eta"] for row in store.table("kind == 'solve'")}
        found = [rates[run] for run in shown(page)]
        assert found == sorted(found, reverse=order == "descending"), click
    assert len(set(found)) > 3


def test_a_condition_filters_and_a_wrong_one_is_explained(visit, store):
    page = visit("#runs")
    shown(page)
    field = page.get_by_role("textbox", name="Only runs of which this is true")
    field.fill("learning_rate < 0.3 and kind == 'solve'")
    page.get_by_text(" runs match.").wait_for()
    assert sorted(shown(page)) == store.select("learning_rate < 0.3 and kind == 'solve'")
    again = visit(fragment(page))
    assert shown(again) == shown(page)
    before = shown(page)
    field.fill("learning_rat < 0.3")
    page.wait_for_selector("#runs-where[aria-invalid]")
    described = [page.locator(f"#{each}").text_content() for each in field.get_attribute("aria-describedby").split()]
    assert "Did you mean 'learning_rate'?" in described[-1]
    assert shown(page) == before
    field.fill("K > 99")
    page.get_by_text("No run is like this").wait_for()
    page.get_by_role("link", name="see all runs").click()
    page.wait_for_function("() => document.querySelectorAll('.list tbody tr').length === 25")
    assert [text for text in visit.said if "422" not in text] == []
    visit.said.clear()


def farthest(page, name, x, y):
    """How far a drawn curve is from values, in pixels, at its vertices."""
    drawn = vertices(page, name)
    true = np.column_stack([place(x, axis(page, name, "x")), place(y, axis(page, name, "y"))])
    assert drawn.shape == true.shape
    return float(np.abs(drawn - true).max())


def test_the_curve_of_a_run_is_the_mean_of_its_seeds_within_half_a_pixel(visit, store):
    run = simulate_config()
    page = visit("#runs?sort=id&where=N%20%3D%3D%20100")
    page.get_by_role("link", name=run.id).click()
    page.locator('.curves [data-curve="generalization_error"]').wait_for(state="attached")
    data = store.get(run)
    values = data["generalization_error"].values
    mean = np.nanmean(values, axis=0)
    assert farthest(page, "generalization_error", data["alpha"].values, mean) < HALF_A_PIXEL
    assert farthest(page, "generalization_error", data["alpha"].values, values[0]) > 2 * HALF_A_PIXEL  # power
    band = page.locator('[data-band="generalization_error"]').get_attribute("d")
    corners = np.array([[float(x), float(y)] for x, y in re.findall(r"([-\d.]+),([-\d.]+)", band)])
    error = np.array([c[np.isfinite(c)].std(ddof=1) / np.isfinite(c).sum() ** 0.5 for c in values.T])
    high = place(mean + error, axis(page, "generalization_error", "y"))
    low = place(mean - error, axis(page, "generalization_error", "y"))
    points = mean.size
    np.testing.assert_allclose(np.sort(corners[:, 1]), np.sort(np.concatenate([low, high])), atol=HALF_A_PIXEL)
    assert len(corners) == 2 * points
    page.get_by_role("checkbox", name="log values").uncheck()
    assert farthest(page, "generalization_error", data["alpha"].values, mean) < HALF_A_PIXEL
    page.get_by_role("combobox", name="Curve").select_option("R")
    name = "R student 1, teacher 0"
    R = data["R"].values[:, :, 1, 0].mean(axis=0)
    assert farthest(page, name, data["alpha"].values, R) < HALF_A_PIXEL
    again = visit(fragment(page))
    again.locator(f'.curves [data-curve="{name}"]').wait_for(state="attached")
    np.testing.assert_array_equal(vertices(again, name), vertices(page, name))


def test_a_run_is_taken_along(visit, store, tmp_path):
    page = visit(f"#runs?run={EXPLORED.id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download NetCDF").click()
    download.value.save_as(tmp_path / "run.nc")
    assert (tmp_path / "run.nc").read_bytes() == store.path(EXPLORED).read_bytes()
    page.get_by_role("button", name="Copy as Python").click()
    space = {}
    exec(page.get_by_label("Python", exact=True).text_content(), space)
    assert space["run"].identical(store.get(EXPLORED))
    page.get_by_role("link", name="Open in Explore").click()
    page.wait_for_selector('#view-explore [data-curve="generalization_error"]', state="attached")
    assert page.locator("#explore-students").input_value() == "2"
    assert page.locator("#explore-learning_rate").input_value() == "1.25"
    assert page.locator("#explore-until").input_value() == "20"
    # A run that Explore cannot show has no such link.
    other = visit(f"#runs?run={OTHER.id}")
    other.get_by_role("link", name="Open the report").wait_for()
    assert other.get_by_role("link", name="Open in Explore").count() == 0


def test_the_report_opens_in_a_page_that_may_do_nothing(visit):
    page = visit(f"#runs?run={solve_config().id}")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the report").click()
    report = opened.value
    report.wait_for_load_state()
    assert report.get_by_role("heading", level=1).text_content() == "One stored run"
    paper = report.evaluate("() => getComputedStyle(document.querySelector('.frame')).backgroundColor")
    assert paper == "rgb(255, 255, 255)"  # its styles apply
    assert report.evaluate("() => window.origin") == "null"  # and it is nobody's


def test_failed_and_damaged_runs_say_why(visit, store):
    for row in store.table("status == 'failed' or status == 'damaged'"):
        page = visit(f"#runs?run={row['id']}")
        page.locator(".panel .alert").wait_for()
        assert page.locator(".panel .alert").text_content() == row["problem"]
    page = visit("#runs?run=0123456789abcdef")
    page.get_by_text("There is no run 0123456789abcdef").wait_for()
    assert [text for text in visit.said if "404" not in text] == []
    visit.said.clear()


def test_runs_are_chosen_and_compared(visit, store):
    page = visit("#runs?where=until%20%3D%3D%2020.0%20and%20rule.inverse_temperature%20%3D%3D%204&sort=id")
    shown(page)
    compare = page.get_by_role("button", name="Compare")
    assert compare.is_disabled()
    wanted = [solve_config(), SLOWER, simulate_config()]
    for config in wanted:
        page.get_by_role("checkbox", name=config.id).check()
    page.get_by_role("button", name="Compare 3 runs").click()
    page.locator(f'.curves [data-curve="{SLOWER.id}"]').wait_for(state="attached")
    for config in wanted:
        data = store.get(config)
        values = data["generalization_error"].values
        mean = values if values.ndim == 1 else np.nanmean(values, axis=0)
        assert farthest(page, config.id, data["alpha"].values, mean) < HALF_A_PIXEL
    looks = page.locator(".panel .curves [data-curve]").evaluate_all(
        "(all) => all.map((each) => each.className.baseVal)"
    )
    assert len(set(looks)) == 3
    rows = page.locator("table", has_text="Settings that differ").locator("tbody tr")
    cells = {row[0]: row[1:] for row in (each.locator("th, td").all_text_contents() for each in rows.all())}
    assert cells["rule.learning_rate"] == ["0.5", "0.25", "0.5"]
    assert "machine.students" not in cells
    again = visit(fragment(page))
    again.locator(f'.curves [data-curve="{SLOWER.id}"]').wait_for(state="attached")
    np.testing.assert_array_equal(vertices(again, SLOWER.id), vertices(page, SLOWER.id))


def counted(page, words):
    """Wait until the line of counts says this."""
    page.locator(".counts").get_by_text(words).wait_for()


def states(page):
    """The letters of the squares, in their order."""
    squares = page.locator(".squares rect[data-cell]")
    return "".join(squares.evaluate_all("(all) => all.map((each) => each.dataset.state)"))


def test_a_sweep_is_a_map_of_its_final_values(visit, store):
    page = visit("#runs?part=sweeps")
    page.get_by_role("link", name=GRID.sweep.id).click()
    counted(page, "12 of 12 cells done, finished.")
    squares = page.locator(".squares rect[data-cell]")
    assert states(page) == "d" * 12
    page.get_by_role("button", name="Read the final values").click()
    page.wait_for_selector(".squares rect[data-value]")
    data = (
        open_sweep(store, GRID.sweep)["generalization_error"]
        .isel(alpha=-1)
        .transpose("learning_rate", "inverse_temperature")
    )
    values = np.array(squares.evaluate_all("(all) => all.map((each) => Number(each.dataset.value))"))
    np.testing.assert_array_equal(values, data.values.ravel())
    # Colours are in the order of the values, one for each.
    fills = squares.evaluate_all("(all) => all.map((each) => each.style.fill.match(/\\d+/g).map(Number))")
    light = np.array(fills) @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(light[np.argsort(values)]) >= 0)
    squares.nth(6).click()
    assert page.get_by_role("combobox", name="learning_rate").evaluate("(all) => all.selectedIndex") == 1
    assert page.get_by_role("combobox", name="inverse_temperature").evaluate("(all) => all.selectedIndex") == 2
    page.get_by_role("combobox", name="inverse_temperature").select_option("8")
    assert f"{values[7]:.6g}"[:6] in page.locator(".cell").text_content()
    again = visit(fragment(page))
    again.wait_for_selector(".squares rect[data-value]")
    assert again.locator(".cell").text_content() == page.locator(".cell").text_content()
    page.get_by_role("link", name=GRID.configs[7].id).click()
    page.get_by_role("heading", name="solve, K = 3, M = 2, η = 0.2, β = 8").wait_for()


def test_a_running_sweep_moves(visit, store):
    store.run(RUNNING.configs[0], sensible)
    RUNNING.sweep.write(store.folder)
    with Claims(store.folder) as claims:
        claims.take([RUNNING.configs[1].id])
        page = visit(f"#runs?part=sweeps&sweep={RUNNING.sweep.id}")
        counted(page, "1 of 3 cells done, 1 being computed.")
        assert states(page) == "drw"
        bar = page.get_by_role("progressbar", name="Cells done")
        assert bar.evaluate("(bar) => bar.value") == 1
        store.run(RUNNING.configs[1], sensible)
        counted(page, "2 of 3 cells done")
        assert states(page) == "ddw"
        assert bar.evaluate("(bar) => bar.value") == 2
        store.run(RUNNING.configs[2], sensible)
        counted(page, "3 of 3 cells done, finished.")
    assert states(page) == "ddd"


def test_an_empty_store_says_how_to_begin(visit, browser, tmp_path):
    from practicum.cli import main

    store = Store(tmp_path / "empty")
    with served(create_app(store)) as client:
        page = visit("#runs", at=str(client.base_url).rstrip("/"))
        page.get_by_role("heading", name="No run is stored here yet").wait_for()
        command = page.get_by_label("Command for a first run").text_content()
        page.get_by_role("button", name="Sweeps").click()
        page.get_by_role("heading", name="No sweep is stored here yet").wait_for()
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert ended.value.code == 0
        page.get_by_role("button", name="Single runs").click()
        page.get_by_role("button", name="Look again").click()
        assert shown(page) == store.ids()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_axe_finds_no_serious_violation_and_nothing_is_cut(visit, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    compared = f"#runs?comparing=1&chosen={solve_config().id},{SLOWER.id}"
    screens = {
        "#runs": ".list tbody tr",
        f"#runs?run={simulate_config().id}&variable=R": ".curves [data-curve]",
        compared: ".curves [data-curve]",
        "#runs?part=sweeps": "table",
        f"#runs?part=sweeps&sweep={GRID.sweep.id}&shown=generalization_error": ".squares rect[data-value]",
    }
    for hash, there in screens.items():
        page = visit(hash, width=width, color_scheme=scheme)
        page.wait_for_selector(there, state="attached")
        found = Axe().run(page).response["violations"]
        grave = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
        assert grave == [], hash
        assert page.evaluate("document.documentElement.scrollWidth") <= width, hash


def test_the_keyboard_alone_opens_compares_and_closes(visit):
    page = visit("#runs?sort=id&where=N%20%3D%3D%20100")
    shown(page)
    page.get_by_role("link", name=simulate_config().id).focus()
    page.keyboard.press("Enter")
    page.locator('.curves [data-curve="generalization_error"]').wait_for(state="attached")
    assert page.evaluate("document.activeElement.className") == "part panel"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Close"
    page.keyboard.press("Enter")
    page.locator(".panel").wait_for(state="hidden")
    page.wait_for_function("(id) => document.activeElement.id === `runs-row-${id}`", arg=simulate_config().id)
