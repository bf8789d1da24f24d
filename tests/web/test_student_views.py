"""The views Attack and Prune in a real browser: what is drawn and said is what the server's numbers are."""

import re
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from benchmarks.page import CHROMIUM

from web.reading import axis, place, vertices
from web.served import events
from web.visiting import visiting

pytest.importorskip("fastapi", reason="the page needs the extra [web]")
pytest.importorskip("torch", reason="networks need the extra [networks]")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("playwright", reason="the page is read through Playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is read in Chromium, which is not on this machine")

HALF_A_PIXEL = 0.5
STUDENT = {"source": "digits", "teacher_nodes": 6, "multiple": 2, "epochs": 3, "student_seed": 2}
QUERY = "teacher_nodes=6&epochs=3&student_seed=2"
ATTACK = f"#attack?{QUERY}&samples=40&radii=5&most=1&steps=5&shown=1"
ASKED = {"student": STUDENT, "samples": 40, "radii": 5, "most": 1.0, "steps": 5}
PRUNE = f"#prune?{QUERY}&draws=3&used=100&shown=1"
DONE = {"attack": ".card", "prune": ".survivors circle"}


@pytest.fixture
def visit(browser, url):
    """Open the page at a hash; at the end no request has gone elsewhere and the console is clean."""
    with visiting(browser, blobs=False) as (go, seen):

        def open_page(hash, width=1360, until=None, **settings):
            page = go(url, hash, width, **settings)
            page.wait_for_selector(until or DONE[hash[1:].split("?")[0]], timeout=60_000)
            return page

        open_page.asked, open_page.said = seen.asked, seen.said
        yield open_page


def told(url, name, question):
    """What the server answers to the same question, asked without a browser."""
    with httpx.Client(base_url=url, timeout=120) as client:
        kind, result = events(client, client.post(f"/api/{name}", json=question).json()["job"])[-1]
    assert kind == "done"
    return result


def farthest(page, name, across, values):
    """How many pixels the vertices of a curve are from where its numbers belong, at most."""
    x, y = axis(page, name, "x"), axis(page, name, "y")
    true = np.column_stack([place(across, x), place(values, y)])
    return np.abs(vertices(page, name) - true).max()


def test_the_curves_of_an_attack_are_the_numbers_within_half_a_pixel(visit, url):
    page = visit(ATTACK)
    result = told(url, "attack", ASKED)
    curves = {name: error["values"] for name, error in result["errors"].items()} | {
        "teacher": result["teacher_changes"]
    }
    for name, values in curves.items():
        assert farthest(page, name, result["epsilon"], values) < HALF_A_PIXEL
        # Power: one picture of forty more is seen.
        assert farthest(page, name, result["epsilon"], np.add(values, 1 / 40)) > 2 * HALF_A_PIXEL


def cursor(page):
    """Where the mark of a chart stands, in pixels."""
    return float(page.locator("main .bench .cursor").get_attribute("x1"))


def test_dragging_the_radius_moves_everything_and_asks_nobody(visit, url):
    page = visit(ATTACK)
    result = told(url, "attack", ASKED)
    slider = page.get_by_role("slider", name="Radius ε", exact=True)
    before = len(visit.asked)
    for index, epsilon in enumerate(result["epsilon"]):
        slider.fill(str(index))
        assert cursor(page) == pytest.approx(place([epsilon], axis(page, "teacher", "x"))[0], abs=0.01)
        assert slider.get_attribute("aria-valuetext") == f"{epsilon:g}"
        said = page.locator(".seen").text_content()
        assert said.startswith(f"At ε = {epsilon:g} the student errs on ")
        shares = [float(each) for each in re.findall(r"([\d.]+) %", said)]
        errors = result["errors"]
        wanted = [
            errors["fixed_label_error"]["values"][index],
            result["teacher_changes"][index],
            errors["margin_gated_oracle_error"]["values"][index],
            *([result["outside_share"][index]] if index else []),
        ]
        np.testing.assert_allclose(shares, 100 * np.array(wanted), atol=0.51)
        for card, picture in zip(page.locator(".card").all(), result["pictures"], strict=True):
            label = card.locator("canvas").last.get_attribute("aria-label")
            says = f"the teacher says {picture['teacher'][index]}, the student {picture['student'][index]}"
            assert label == f"The perturbed picture: {says}"
            wrong = picture["student"][index] != picture["teacher"][0]
            assert ("fooled" in card.get_attribute("class")) == wrong
    assert len(visit.asked) == before


def test_the_pictures_are_the_numbers(visit, url):
    page = visit(ATTACK + "&epsilon=0.75")
    picture = told(url, "attack", ASKED)["pictures"][0]
    drawn = (
        page.locator(".card")
        .first.locator("canvas")
        .evaluate_all(
            "(all) => all.map((each) => [...each.getContext('2d').getImageData(0, 0, each.width, each.height).data])"
        )
    )
    clean, inside, outside, perturbed = np.array(drawn).reshape(4, -1, 4).astype(float)
    change = np.array(picture["inside"][3]) + picture["outside"][3]
    np.testing.assert_allclose(clean[:, 0], 255 * np.array(picture["input"]), atol=1)
    np.testing.assert_allclose(perturbed[:, 0], 255 * np.clip(picture["input"] + change, 0, 1), atol=1)
    for pixels, values in ((inside, picture["inside"][3]), (outside, picture["outside"][3])):
        # Orange has less blue than grey has, and blue less red: by their difference the sign is read.
        sign = pixels[:, 0] - pixels[:, 2]
        assert np.corrcoef(sign, values)[0, 1] > 0.95
    assert not (inside == outside).all()


@pytest.mark.parametrize(("unit", "measure", "log"), [("nodes", "wrong", 0), ("edges", "squared", 1)])
def test_the_curves_of_a_pruning_are_the_medians_within_half_a_pixel(visit, url, unit, measure, log):
    page = visit(f"{PRUNE}&unit={unit}&measure={measure}&log_error={log}")
    result = told(url, "prune", {"student": STUDENT, "draws": 3, "used": 100, "unit": unit})
    for name, found in result["selectors"].items():
        values = np.median(found[measure], axis=1)
        assert farthest(page, name, result["fractions"], values) < HALF_A_PIXEL
        assert farthest(page, name, result["fractions"], 1.1 * values) > 2 * HALF_A_PIXEL
    level = page.locator(".bench .level").first.get_attribute("y1")
    assert float(level) == pytest.approx(place([result["before"][measure]], axis(page, "random", "y"))[0], abs=0.01)


def test_dragging_what_stays_shows_who_survives_and_asks_nobody(visit, url):
    page = visit(PRUNE)
    result = told(url, "prune", {"student": STUDENT, "draws": 3, "used": 100})
    slider = page.get_by_role("slider", name="What stays")
    before = len(visit.asked)
    serves = np.array(result["before"]["serves"])
    once = set(serves[serves >= 0])
    for index, fraction in enumerate(result["fractions"]):
        slider.fill(str(index))
        assert cursor(page) == pytest.approx(place([fraction], axis(page, "random", "x"))[0], abs=0.01)
        said = page.locator(".seen").text_content()
        for name, found in result["selectors"].items():
            kept = found["kept"][index]
            panel = page.get_by_role("region", name=f"Survivors of {name}")
            drawn = panel.locator("circle.kept").evaluate_all("(all) => all.map((each) => +each.dataset.student)")
            assert drawn == kept
            assert panel.locator("circle").count() == result["nodes"]
            lost = sorted(once - set(serves[kept]))
            assert panel.locator("text.lost").all_text_contents() == [str(each + 1) for each in lost]
            assert f"by {len(kept)} of {result['nodes']} student nodes" in panel.locator("svg").last.get_attribute(
                "aria-label"
            )
            assert (f"{name}: teacher node" in said) == bool(lost)
    assert len(visit.asked) == before
    # Marks stand above the teacher node that is served, as high as the correlation.
    circles = page.get_by_role("region", name="Survivors of dpp").locator("circle")
    x, y = np.array(
        circles.evaluate_all("(all) => all.map((each) => [+each.getAttribute('cx'), +each.getAttribute('cy')])")
    ).T
    alive = serves >= 0
    assert np.corrcoef(y[alive], np.array(result["before"]["alignment"])[alive])[0, 1] < -0.999
    assert np.corrcoef(x[alive], serves[alive])[0, 1] > 0.99


def test_theory_stands_behind_what_a_committee_machine_is_measured_to_lose(visit, url):
    page = visit("#prune?source=committee&teacher_nodes=2&multiple=2&draws=20&shown=1")
    student = {"source": "committee", "teacher_nodes": 2, "multiple": 2, "student_seed": 0}
    result = told(url, "prune", {"student": student, "draws": 20})
    for name, found in result["selectors"].items():
        assert farthest(page, name, result["fractions"], np.mean(found["squared"], axis=1)) < HALF_A_PIXEL
        if found["theory"] is not None:
            scales = [axis(page, name, which) for which in "xy"]
            true = np.column_stack([place(result["fractions"], scales[0]), place(found["theory"], scales[1])])
            assert np.abs(vertices(page, f"{name} theory", ".paths") - true).max() < HALF_A_PIXEL
    assert "its generalization error is" in page.locator(".seen").text_content()
    assert page.get_by_role("combobox", name="Error").is_hidden()


def pictures(page):
    return page.locator("main .bench [data-curve], main .survivors circle").evaluate_all(
        "(all) => all.map((each) => each.getAttribute('d') || each.getAttribute('cx') + each.getAttribute('class'))"
    )


@pytest.mark.parametrize(("hash", "slider"), [(ATTACK, "Radius ε"), (PRUNE, "What stays")])
def test_a_shared_address_restores_the_same_picture(visit, hash, slider):
    page = visit(hash)
    page.get_by_role("slider", name=slider, exact=True).fill("1")
    page.wait_for_timeout(500)
    assert "shown=1" in page.url
    again = visit(f"#{urlsplit(page.url).fragment}")
    assert pictures(again) == pictures(page)
    assert cursor(again) == cursor(page)
    assert again.locator(".seen").text_content() == page.locator(".seen").text_content()
    # Power: a link to another student gives another picture.
    assert pictures(visit(hash.replace("student_seed=2", "student_seed=3"))) != pictures(page)


def test_an_empty_view_explains_itself_and_a_button_fills_it(visit):
    page = visit(f"#attack?{QUERY}&samples=20&radii=3&steps=2", until=".bench .empty")
    assert "Press “Attack the student”" in page.locator(".empty").text_content()
    page.get_by_role("button", name="Attack the student").click()
    page.locator(".card").first.wait_for()
    assert page.locator(".empty").is_hidden()
    assert "Of 355 test pictures the teacher has" in page.locator(".facts").text_content()
    # Another setting: the result is said to be that of the settings before.
    page.get_by_role("spinbutton", name="Steps").fill("3")
    assert "settings before" in page.get_by_role("status").first.text_content()
    page.wait_for_timeout(500)
    assert "shown" not in page.url
    page.get_by_role("button", name="Attack the student").click()
    page.wait_for_function("() => !document.querySelector('.bench.old')")
    assert page.get_by_role("status").first.text_content() == ""


def test_a_job_can_be_cancelled_and_a_refusal_stands_beside_its_control(visit):
    page = visit("#prune?epochs=400&teacher_nodes=60", until=".bench .empty")
    page.get_by_role("button", name="Prune the student").click()
    page.get_by_role("progressbar", name="The pruning").wait_for()
    page.get_by_role("button", name="Cancel").click()
    assert page.get_by_role("status").first.text_content() == "Cancelled."
    field = page.get_by_role("spinbutton", name="Hidden layer")
    field.fill("3")
    page.get_by_role("button", name="Prune the student").click()
    page.wait_for_selector("#prune-layer[aria-invalid]")
    described = field.get_attribute("aria-describedby").split()[-1]
    assert "1 hidden layer" in page.locator(f"#{described}").text_content()
    assert "Hidden layer" in page.get_by_role("alert").text_content()
    assert [text for text in visit.said if "422" not in text] == []
    visit.said.clear()


def test_without_torch_the_views_say_what_to_install_and_committees_can_be_pruned(visit):
    def lacking(route):
        known = route.fetch().json()
        route.fulfill(json={**known, "problem": "Networks need PyTorch: pip install it.", "runs": []})

    page = visit("#explore", until=".explore .chart")
    page.route("**/api/students", lacking)
    for view, committees in (("Attack", 0), ("Prune", 1)):
        page.get_by_role("tab", name=view).click()
        panel = page.get_by_role("tabpanel", name=view)
        panel.locator(".empty").wait_for()
        assert panel.locator(".empty").text_content() == "Networks need PyTorch: pip install it."
        main = panel.get_by_role("button", name=f"{view} the student")
        assert main.is_disabled()
        source = panel.get_by_role("combobox", name="Student of")
        assert source.locator("option[value=committee]").count() == committees
        source.select_option("run")
        assert "The store has no training" in panel.locator(".stored").text_content()
        if committees:
            source.select_option("committee")
            main.click()
            panel.locator(".survivors circle").first.wait_for()


def test_what_is_saved_can_be_chosen(visit):
    page = visit(f"#attack?{QUERY}&samples=20&radii=3&steps=2&shown=1")
    page.get_by_role("button", name="Save the student to the store").click()
    page.get_by_text("Stored as run").wait_for()
    run = re.search(r"run ([0-9a-f]{16})", page.get_by_text("Stored as run").text_content())[1]
    same = pictures(page)
    again = visit(f"#attack?source=run&run={run}&student_seed=2&samples=20&radii=3&steps=2&shown=1")
    assert pictures(again) == same
    assert again.get_by_role("combobox", name="Stored training").input_value() == run


def test_selectors_can_be_left_out(visit):
    page = visit(PRUNE)
    for name in ("random", "magnitude", "greedy"):
        page.get_by_role("checkbox", name=name).uncheck()
    page.get_by_role("button", name="Prune the student").click()
    page.wait_for_function(
        "() => !document.querySelector('.bench.old') && document.querySelectorAll('.panel').length === 2"
    )
    page.wait_for_timeout(500)
    assert "selectors=importance%2Cdpp" in page.url
    names = page.locator(".bench .curves [data-curve]").evaluate_all("(all) => all.map((each) => each.dataset.curve)")
    assert names == ["importance", "dpp"]


@pytest.mark.parametrize("hash", [ATTACK, PRUNE])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_axe_finds_no_serious_violation(visit, hash, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(hash, width=width, color_scheme=scheme)
    page.get_by_role("checkbox", name="Explain the settings").check()
    page.get_by_text("About this view").click()
    found = Axe().run(page).response["violations"]
    grave = [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert grave == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_alone_reaches_and_works_everything(visit):
    page = visit(PRUNE)
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.id || document.activeElement.textContent")
        if focused in reached:
            break
        reached.append(focused)
    ids = page.locator("main input:visible, main select:visible").evaluate_all("(all) => all.map((each) => each.id)")
    assert all(ids)
    assert not set(ids) - set(reached)
    words = page.locator("main button:visible, main a:visible").evaluate_all(
        "(all) => all.map((each) => each.textContent)"
    )
    assert not set(words) - set(reached)
    page.get_by_role("slider", name="What stays").focus()
    before = pictures(page)
    page.keyboard.press("ArrowRight")
    assert pictures(page) != before
    page.get_by_role("button", name="Copy as").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    assert "practicum prune" in page.get_by_label("Command line", exact=True).text_content()
