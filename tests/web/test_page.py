"""The page in a real browser: what a person sees, finds and hears is what the Python API computes."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from benchmarks.page import CHROMIUM, ERROR, loading

from practicum import Committee, LearningRule, OrderParameters, phases, solve
from practicum.figures.style import COLOURS, INK
from practicum.runs.store import Store
from web.reading import axis, distance, names, place, tick_labels, vertices
from web.visiting import visiting

pytest.importorskip("fastapi", reason="the page needs the extra [web]")
pytest.importorskip("playwright", reason="the page is read through Playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is read in Chromium, which is not on this machine")

HALF_A_PIXEL = 0.5
PLATEAU = "#explore?students=2&teachers=2&learning_rate=1&overlap=0.001&until=200"
OTHER = "#explore?students=3&teachers=2&activation=relu&learning_rate=0.2&noise=0.1&start=near-symmetric&until=100"
LINEAR = "&log_alpha=1&log_error=0"
OTHER_CONTROLS = {
    "tab": ["Explore"],
    "tabpanel": ["Explore"],
    "combobox": ["Theme"],
    "slider": ["Moment α"],
    "checkbox": ["log α", "log error", "Explain the settings"],
    "link": ["Show me a plateau"],
    "button": [
        "Play", "Simulate N = 1,000", "Copy as Python, command or TOML", "Save the theory to the store",
        "Save the simulation to the store", "Download SVG", "Download PNG", "Download NetCDF", "Download CSV",
    ],
    "img": ["generalization error", "student–student overlaps Q", "student–teacher overlaps R"],
}  # fmt: skip


@pytest.fixture
def visit(browser, url):
    """Open the page at a hash; at the end no request has gone elsewhere and the console is clean."""
    with visiting(browser) as (go, seen):

        def open_page(hash="", width=1360, **settings):
            page = go(url, hash, width, **settings)
            page.wait_for_selector(ERROR, state="attached")
            return page

        open_page.said = seen.said
        yield open_page


def about(page):
    return {each["name"]: each for each in page.request.get("/api/about").json()["parameters"]}


def control(page, name, role="spinbutton"):
    """The control of a parameter, found as people find it: by its role and its label."""
    return page.get_by_role(role, name=about(page)[name]["label"])


def problem(page):
    """The problem of the page's URL, defaults filled in, without asking the page."""
    values = {name: each["default"] for name, each in about(page).items()}
    for name, text in re.findall(r"[?&]([a-z_]+)=([^&]*)", urlsplit(page.url).fragment):
        if name in values:
            values[name] = text if isinstance(values[name], str) else int(text) if text.isdigit() else float(text)
    return values


def theory(values, alpha, **changes):
    """What practicum.solve says of a problem at some alphas."""
    values = {**values, **changes}
    machine = Committee(**{name: values[name] for name in ("students", "teachers", "activation", "noise")})
    rule = LearningRule(
        **{name: values[name] for name in ("learning_rate", "inverse_temperature", "weight_decay", "batch_size")}
    )
    K, M = machine.students, machine.teachers
    if values["start"] == "random":
        start = OrderParameters.random(K, M, seed=values["start_seed"], norm=values["norm"], overlap=values["overlap"])
    else:
        start = OrderParameters.near_symmetric(K, M, Q=values["norm"], split=values["overlap"])
    return solve(machine, rule, start, until=float(values["until"]), save_at=alpha)


def of(data, name):
    """The curve called `name` in a result of solve."""
    kind, *indices = name.split()
    i, k = (int(each) - 1 for each in indices) if indices else (0, 0)
    return data[kind].values[:, i, k] if indices else data[kind].values


def farthest(page, data):
    """For every curve of the page: how many pixels the theory is from what is drawn, at most."""
    found = {}
    for name in names(page):
        x, y = axis(page, name, "x"), axis(page, name, "y")
        true = np.column_stack([place(data.alpha.values, x), place(of(data, name), y)])
        found[name] = distance(true[np.isfinite(true).all(axis=1)], vertices(page, name))
    return found


def fine(page):
    """Many alphas along the axis as it is drawn, so that lines between vertices are checked too."""
    kind, domain, _ = axis(page, "generalization_error", "x")
    return np.geomspace(*domain, 600) if kind == "log" else np.linspace(*domain, 600)


@pytest.mark.parametrize("hash", ["", PLATEAU, PLATEAU + LINEAR, OTHER, OTHER + LINEAR])
def test_every_curve_is_the_theory_within_half_a_pixel(visit, hash):
    page = visit(hash)
    values = problem(page)
    alpha = fine(page)
    far = farthest(page, theory(values, alpha))
    K, M = values["students"], values["teachers"]
    assert len(far) == 1 + K * (K + 1) // 2 + K * M
    assert max(far.values()) < HALF_A_PIXEL, far
    # Power: five per cent of another learning rate is seen in every chart.
    wrong = farthest(page, theory(values, alpha, learning_rate=1.05 * values["learning_rate"]))
    for letter in ("g", "Q", "R"):
        assert max(value for name, value in wrong.items() if name.startswith(letter)) > 2 * HALF_A_PIXEL


def test_a_curve_moved_by_a_pixel_is_noticed(visit):
    page = visit()
    data = theory(problem(page), fine(page))
    page.evaluate(
        "(path) => path.setAttribute('d', path.getAttribute('d').replace(/,([-\\d.]+)/g, (_, y) => ',' + (+y + 1)))",
        page.locator(ERROR).element_handle(),
    )
    far = farthest(page, data)
    assert far.pop("generalization_error") > HALF_A_PIXEL
    assert max(far.values()) < HALF_A_PIXEL


@pytest.mark.parametrize("hash", ["", PLATEAU + LINEAR])
def test_ticks_stand_where_their_numbers_belong(visit, hash):
    page = visit(hash)
    for name in ("generalization_error", "Q 1 1", "R 1 2"):
        for which, ticks in tick_labels(page, name).items():
            values, pixels = np.array(ticks).T
            assert len(ticks) >= 2
            # d3 moves a tick by half a pixel, to the middle of the screen's.
            np.testing.assert_allclose(place(values, axis(page, name, which)), pixels, atol=0.51)


def test_every_parameter_has_controls_with_its_name(visit):
    page = visit()
    for parameter in about(page).values():
        roles = ["combobox"] if parameter["choices"] else ["slider", "spinbutton"]
        for role in roles:
            control = page.get_by_role(role, name=parameter["label"])
            assert control.count() == 1, (role, parameter["label"])
            described = control.get_attribute("aria-describedby").split()
            assert parameter["help"] == page.locator(f"#{described[0]}").text_content()
    for role, wanted in OTHER_CONTROLS.items():
        for name in wanted:
            assert page.get_by_role(role, name=name, exact=True).count() == 1, (role, name)


def pictures(page):
    return page.locator(".curves [data-curve]").evaluate_all(
        "(paths) => paths.map((path) => [path.dataset.curve, path.getAttribute('d')])"
    )


def changed(page, before):
    """Wait until the error curve is another one, and the URL has followed."""
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).getAttribute('d') !== before", arg=[ERROR, before]
    )
    page.wait_for_timeout(500)


def test_a_shared_address_restores_the_same_picture(visit):
    page = visit()
    curve = page.locator(ERROR)
    for name, value in [("students", "2"), ("teachers", "2"), ("learning_rate", "1.25")]:
        before = curve.get_attribute("d")
        control(page, name).fill(value)
        changed(page, before)
    page.get_by_role("checkbox", name="log error").uncheck()
    page.get_by_role("checkbox", name="log α").check()
    page.get_by_role("slider", name="Moment α").fill("400")
    page.wait_for_timeout(500)
    again = visit(f"#{urlsplit(page.url).fragment}")
    assert pictures(again) == pictures(page)
    for read in (
        "(x) => x.querySelector('.cursor').getAttribute('x1')",
        "(x) => x.querySelector('output').textContent",
    ):
        assert page.locator("main").evaluate(read) == again.locator("main").evaluate(read)
    # Power: a link without one of the values gives another picture.
    other = visit("#" + urlsplit(page.url).fragment.replace("learning_rate=1.25&", ""))
    assert pictures(other) != pictures(page)


def test_back_and_forward_return_to_the_pictures_of_before(visit):
    page = visit()
    seen = [pictures(page)]
    for value in ("0.7", "0.9"):
        before = page.locator(ERROR).get_attribute("d")
        control(page, "learning_rate").fill(value)
        changed(page, before)
        seen.append(pictures(page))
    for move, expected in [(page.go_back, seen[1]), (page.go_back, seen[0]), (page.go_forward, seen[1])]:
        before = page.locator(ERROR).get_attribute("d")
        move()
        changed(page, before)
        assert pictures(page) == expected
    assert "learning_rate=0.7" in page.url


def test_a_default_is_not_in_the_address(visit):
    page = visit(PLATEAU)
    for name, value in (("students", "3"), ("teachers", "3"), ("learning_rate", "0.5")):
        control(page, name).fill(value)
    values = {each["name"]: each["default"] for each in about(page).values()}
    page.wait_for_timeout(600)
    for name in ("students", "teachers", "learning_rate", "overlap", "until"):
        field = page.locator(f"#explore-{name}").input_value()
        assert (f"{name}=" in page.url) == (float(field) != values[name])


def test_a_wrong_value_is_explained_beside_its_field_and_the_picture_stays(visit):
    page = visit()
    good = pictures(page)
    field = control(page, "learning_rate")
    field.fill("-1")
    page.wait_for_selector("[aria-invalid]")
    assert field.get_attribute("aria-invalid") == "true"
    said = page.locator("#" + field.get_attribute("aria-describedby").split()[-1]).text_content()
    assert "learning_rate" in said
    assert "Got -1" in said
    assert page.locator("[aria-invalid]").count() == 2  # its slider and its field, and no other
    assert pictures(page) == good
    field.fill("0.5")
    page.wait_for_selector("[aria-invalid]", state="detached")
    assert pictures(page) == good
    # The browser itself notes every answer that is not a success; there must be nothing else.
    assert [text for text in visit.said if "422" not in text] == []
    visit.said.clear()


def test_of_many_moves_the_last_is_drawn(visit):
    page = visit(PLATEAU)
    control(page, "learning_rate", "slider").evaluate(
        """async (slider) => {
          for (let k = 0; k < 40; k++) {
            slider.value = 200 + 2 * k;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((done) => setTimeout(done, 5));
          }
        }"""
    )
    page.wait_for_function("() => !document.querySelector('.stale')")  # the marks come last
    values = {**problem(page), "learning_rate": float(control(page, "learning_rate").input_value())}
    assert values["learning_rate"] != problem(visit(PLATEAU))["learning_rate"]
    assert max(farthest(page, theory(values, fine(page))).values()) < HALF_A_PIXEL


def test_a_busy_server_is_asked_again(visit):
    page = visit(PLATEAU)
    answers = [429]

    def busy(route):
        route.fulfill(status=answers.pop(), json={"problem": "Busy."}) if answers else route.continue_()

    page.route("**/api/flow", busy)
    before = page.locator(ERROR).get_attribute("d")
    control(page, "learning_rate").fill("1.5")
    page.get_by_text("Busy.").wait_for()
    assert page.locator(ERROR).get_attribute("d") == before
    changed(page, before)
    assert page.get_by_role("alert").text_content() == ""
    assert [text for text in visit.said if "429" not in text] == []
    visit.said.clear()


def test_the_chain_streams_seed_by_seed_and_can_be_cancelled(visit):
    page = visit("#explore?students=2&teachers=2&until=50&dimension=100&seeds=4")
    page.get_by_role("button", name="Simulate N = 100").click()
    page.wait_for_selector('[data-curve="mean"]', state="attached")
    page.wait_for_function("() => document.querySelectorAll('[data-curve^=seed]').length === 4")
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")
    paths = [vertices(page, f"seed {seed}", ".paths") for seed in range(4)]
    assert len({path.tobytes() for path in paths}) == 4
    mean = vertices(page, "mean", ".paths")
    domain, pixels = axis(page, "generalization_error", "y")[1:]
    errors = [np.exp(np.interp(path[:, 1], pixels[::-1], np.log(domain)[::-1])) for path in paths]
    np.testing.assert_allclose(place(np.mean(errors, axis=0), ("log", domain, pixels)), mean[:, 1], atol=0.1)
    # A link shows them again: the same seeds give the same networks.
    page.wait_for_timeout(500)
    again = visit(f"#{urlsplit(page.url).fragment}")
    again.wait_for_function("() => document.querySelectorAll('[data-curve^=seed]').length === 4")
    for seed, path in enumerate(paths):
        np.testing.assert_array_equal(vertices(again, f"seed {seed}", ".paths"), path)
    # Other settings: the networks of the old ones go.
    control(page, "seeds").fill("64")
    page.wait_for_function("() => document.querySelectorAll('[data-curve^=seed]').length === 0")
    control(page, "dimension").fill("5000")
    page.get_by_role("button", name="Simulate N = 5,000").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled after").wait_for()
    came = page.locator("[data-curve^=seed]").count()
    assert came < 64
    page.wait_for_timeout(500)
    assert page.locator("[data-curve^=seed]").count() == came


def test_the_network_follows_the_time(visit):
    page = visit(PLATEAU)
    values = problem(page)
    edges = page.locator(".network .edge")
    for share in (0.1, 0.5, 1.0):
        page.get_by_role("slider", name="Moment α").fill(str(int(1000 * share)))
        alpha = float(page.locator("output").text_content())
        assert alpha == pytest.approx(share * values["until"], abs=values["until"] / 200)
        data = theory(values, np.array([0.0, alpha]))
        Q, R = data.Q.values[-1], data.R.values[-1]
        rho = R / np.sqrt(np.diag(Q))[:, None]
        drawn = edges.evaluate_all("(lines) => lines.map((line) => +line.getAttribute('stroke-width'))")
        expected = np.where(abs(rho) < 0.02, 0, 9 * abs(rho)).ravel()
        np.testing.assert_allclose(drawn, expected, atol=0.15)  # alpha is written with three digits
    label = page.locator("svg.network").get_attribute("aria-label")
    assert label.count("resembles teacher node") == values["students"]


def test_playing_moves_the_time_to_its_end(visit):
    page = visit(PLATEAU)
    time = page.get_by_role("slider", name="Moment α")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("(slider) => slider.valueAsNumber < 500", arg=time.element_handle())
    page.wait_for_function("(slider) => slider.valueAsNumber > 20", arg=time.element_handle())
    page.get_by_role("button", name="Pause").click()
    rests = time.input_value()
    page.wait_for_timeout(300)
    assert time.input_value() == rests


def test_less_motion_shows_stills(visit):
    page = visit(PLATEAU, reduced_motion="reduce")
    page.get_by_role("button", name="Play").click()
    slider = page.get_by_role("slider", name="Moment α").element_handle()
    shown = page.evaluate(
        """async (slider) => {
          const seen = new Set();
          const end = performance.now() + 1500;
          while (performance.now() < end) { seen.add(slider.value); await new Promise(requestAnimationFrame); }
          return seen.size;
        }""",
        slider,
    )
    assert 2 <= shown <= 4  # a film would have shown some ninety


def test_the_marks_are_said_in_words(visit):
    page = visit(PLATEAU)
    seen = page.locator(".seen")
    page.wait_for_function("() => document.querySelector('.seen').textContent.includes('escape rate')")
    assert seen.get_attribute("aria-live") == "polite"
    values = problem(page)
    machine, rule = Committee(students=2, teachers=2), LearningRule(learning_rate=values["learning_rate"])
    for number in (
        phases.plateau(machine, rule).escape_rate,
        phases.plateau(machine, rule).generalization_error,
        phases.convergence(machine, rule).critical_learning_rate,
    ):
        assert f"{number:.3g}" in seen.text_content()
    shade = page.locator(".error .plateau")
    _, domain, pixels = axis(page, "generalization_error", "x")
    begin, width = (float(shade.get_attribute(name)) for name in ("x", "width"))
    from_alpha, to_alpha = np.interp([begin, begin + width], pixels, domain)
    # Where the theory's curve is flat: within a tenth of the level between these, and far below it at the end.
    level = phases.plateau(machine, rule).generalization_error
    flat = theory(values, np.linspace(from_alpha, to_alpha, 20)).generalization_error.values[1:-3]
    assert np.all(abs(flat / level - 1) < 0.35)
    assert theory(values, np.array([0.0, values["until"]])).generalization_error.values[-1] < 0.1 * level


def test_the_page_is_light_and_asks_nobody_else(browser, url):
    found = loading(browser, url)
    assert found["bytes"] <= 400_000
    assert len(found["requests"]) <= 12, found["requests"]
    assert {urlsplit(each).netloc for each in found["requests"]} == {urlsplit(url).netloc}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_axe_finds_no_serious_violation(visit, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(PLATEAU, width=width, color_scheme=scheme)
    page.wait_for_function("() => document.querySelector('.seen').textContent !== ''")
    page.get_by_role("checkbox", name="Explain the settings").check()
    page.get_by_text("About this view").click()

    def grave():
        found = Axe().run(page).response["violations"]
        return [
            (each["id"], [node["target"] for node in each["nodes"]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    assert grave() == []
    page.get_by_role("button", name="Copy as").click()
    page.get_by_role("dialog").wait_for()
    assert grave() == []
    # Power: text that cannot be read is found.
    page.get_by_role("button", name="Close").click()
    page.locator(".seen").evaluate("(each) => { each.style.color = 'rgb(128 128 128 / .3)'; }")
    assert "color-contrast" in [name for name, _ in grave()]


def test_the_keyboard_alone_reaches_and_works_everything(visit):
    page = visit()
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.id || document.activeElement.textContent")
        if focused in reached:
            break
        reached.append(focused)
    ids = page.locator("main input, main select").evaluate_all("(all) => all.map((each) => each.id)")
    assert ids
    assert all(ids), "every control has an id, by which this walk knows it"
    assert not set(ids) - set(reached)
    buttons = page.locator("main button:visible, main a:visible").evaluate_all(
        "(all) => all.map((each) => each.textContent)"
    )
    assert not set(buttons) - set(reached)

    control(page, "learning_rate", "slider").focus()
    before = page.locator(ERROR).get_attribute("d")
    page.keyboard.press("ArrowRight")
    changed(page, before)
    page.get_by_role("checkbox", name="log error").focus()
    page.keyboard.press("Space")
    assert axis(page, "generalization_error", "y")[0] == "linear"
    control(page, "activation", "combobox").focus()
    before = page.locator(ERROR).get_attribute("d")
    page.keyboard.press("ArrowDown")
    changed(page, before)
    page.get_by_role("button", name="Copy as").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_nothing_is_cut_on_a_narrow_screen(visit):
    page = visit(width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_code_runs_and_gives_the_same_curve(visit, tmp_path):
    page = visit(PLATEAU)
    page.get_by_role("button", name="Copy as").click()
    code = page.get_by_label("Python", exact=True).text_content()
    space = {}
    exec(compile(code, "<the page>", "exec"), space)
    results = [value for value in space.values() if type(value).__name__ == "Dataset"]
    assert results
    expected = theory(problem(page), results[0].alpha.values)
    np.testing.assert_array_equal(results[0].generalization_error.values, expected.generalization_error.values)


@pytest.mark.parametrize(("button", "ending"), [("SVG", ".svg"), ("PNG", ".png"), ("NetCDF", ".nc"), ("CSV", ".csv")])
def test_files_stand_alone(visit, browser, tmp_path, button, ending):
    page = visit(PLATEAU)
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {button}").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == ending
    values = problem(page)
    if button == "NetCDF":
        import xarray as xr

        with xr.open_dataset(path, engine="h5netcdf") as data:
            expected = theory(values, data.alpha.values)
            np.testing.assert_array_equal(data.generalization_error, expected.generalization_error)
    elif button == "CSV":
        rows = np.genfromtxt(path, delimiter=",", names=True, comments="#")
        expected = theory(values, rows["alpha"])
        np.testing.assert_allclose(rows["generalization_error"], expected.generalization_error, rtol=1e-12)
    elif button == "SVG":
        text = path.read_text()
        assert "class=" not in text
        assert "var(--" not in text
        assert INK in text or "rgb(31, 36, 43)" in text
        alone = browser.new_page()
        alone.goto(path.as_uri())
        assert alone.locator("[data-curve]").count() == len(names(page))
        alone.close()
    else:
        from matplotlib.image import imread

        pixels = imread(path)
        assert pixels.shape[0] > 1000
        assert pixels[..., :3].std() > 0.05  # not one colour


def test_what_is_saved_is_in_the_store(visit):
    page = visit("#explore?students=2&teachers=2&until=20")
    page.get_by_role("button", name="Save the theory to the store").click()
    said = page.get_by_text("Stored as run")
    said.wait_for()
    run = re.search(r"run ([0-9a-f]{16})", said.text_content())[1]
    data = Store(page.request.get("/api/about").json()["store"]).load(run)
    expected = theory(problem(page), data.alpha.values)
    np.testing.assert_array_equal(data.generalization_error, expected.generalization_error)


def test_the_theme_is_chosen_and_remembered(visit):
    page = visit(color_scheme="light")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("combobox", name="Theme").select_option("dark")
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.wait_for_selector(ERROR, state="attached")
    assert page.evaluate(paper) == dark
    page.get_by_role("combobox", name="Theme").select_option("as the system")
    assert page.evaluate(paper) == light


def test_colours_are_those_of_the_figures():
    style = (Path(__file__).parents[2] / "src/practicum/web/static/style.css").read_text()
    light = re.findall(r"--colour-\d: light-dark\((#\w+),", style)
    assert tuple(light) == COLOURS
    assert re.search(r"--ink: light-dark\((#\w+)", style)[1] == INK
