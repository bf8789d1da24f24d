"""Specialize in a real browser: lines, marks, cells and curves stand where the Python API's numbers put them."""

import re
import sys
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
from benchmarks.page import CHROMIUM

pytest.importorskip("fastapi", reason="the page needs the extra [web]")
pytest.importorskip("playwright", reason="the page is read through Playwright")
pytest.importorskip("torch", reason="students are trained with PyTorch")

from practicum.figures._plane import clipped, fading
from practicum.runs.execute import execute
from practicum.runs.store import Store
from practicum.web.app import create_app
from practicum.web.trainings import SmallTraining
from web.reading import axis, place, tick_labels, vertices
from web.served import served
from web.visiting import visiting

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is read in Chromium, which is not on this machine")

HALF_A_PIXEL = 0.5
SMALL = {"epochs": 12, "samples": 300, "training_seed": 5}
DEEP = {"inputs": 6, "layers": 2, "hidden": 3, "epochs": 9, "samples": 200}
CELLS = ".cells rect"


@pytest.fixture
def visit(browser, url):
    """Open the page at a hash; at the end no request has gone elsewhere and the console is clean."""
    with visiting(browser) as (go, seen):

        def open_page(hash="", width=1360, trained=True, server=url, **settings):
            page = go(server, hash or "#specialize", width, **settings)
            page.wait_for_selector("#specialize-inputs")
            if trained:
                ended(page)
            return page

        open_page.said = seen.said
        yield open_page


def link(asked, **view):
    return "#specialize?" + "&".join(f"{name}={value}" for name, value in {**asked, **view, "trained": 1}.items())


def ended(page):
    """Wait until the training is over and drawn."""
    page.get_by_text(re.compile("Trained for|diverged at")).wait_for()
    page.wait_for_function("() => document.querySelector('.cells rect[data-rho]')")


def moved(page, epoch):
    """Move to an epoch of a training with a look every epoch."""
    page.get_by_role("slider", name="Moment").fill(str(epoch))
    page.wait_for_function(f"() => document.querySelector('.time output').textContent === 'epoch {epoch}'")


def trained(asked):
    """The run of the Python API, with the weights at every look."""
    weights = []
    config = SmallTraining(**asked).config()
    teacher = config.teacher.build(config.seeds.list(), law=config.inputs, dtype="float32")
    start = config.students.build(teacher, config.seeds.list(), dtype="float32").state_dict()
    weights.append((start["weights.0"][0].numpy(), start["biases.0"][0].numpy()))
    run = execute(config, save=lambda s: weights.append((s.weights["weights.0"][0], s.weights["biases.0"][0])))
    return run, weights, (teacher.weights[0][0].numpy(), teacher.biases[0][0].numpy())


def scale(page, name, which):
    """Domain and range of an axis of a picture, as tests of curves have it."""
    svg = page.locator(f"svg.{name}")
    domain, pixels = (svg.get_attribute(f"data-{which}-{part}") for part in ("domain", "range"))
    return "linear", [float(each) for each in domain.split()], [float(each) for each in pixels.split()]


def lines(page, kind):
    """The ends (2, 2) in pixels of each line of a kind of node, by its number; and its opacity."""
    read = """(all) => all.map((line) => [+line.dataset.KIND, +line.getAttribute("stroke-opacity"),
      ...["x1", "y1", "x2", "y2"].map((name) => +line.getAttribute(name))])""".replace("KIND", kind)
    found = page.locator(f".plane line[data-{kind}]").evaluate_all(read)
    return {int(k): (np.reshape(ends, (2, 2)), opacity) for k, opacity, *ends in found}


def in_pixels(page, segments):
    x, y = scale(page, "plane", "x"), scale(page, "plane", "y")
    return np.stack([place(segments[..., 0], x), place(segments[..., 1], y)], axis=-1)


def farthest_line(page, kind, weights, biases):
    """How many pixels an end of a line is from where it belongs, at most; infinite if a line is missing or too many."""
    side = scale(page, "plane", "x")[1][1]
    segments, _, nodes = clipped(weights.astype(float), biases.astype(float), side)
    drawn = lines(page, kind)
    if sorted(drawn) != nodes:
        return np.inf
    return max(abs(drawn[k][0] - ends).max() for k, ends in zip(nodes, in_pixels(page, segments)))


def marks(page):
    """The places (student, 2) of the marks of the L-shape, in pixels."""
    read = """(all) => all.map((mark) => [+mark.dataset.student,
      ...mark.getAttribute("transform").match(/[-\\d.]+/g).map(Number)])"""
    return np.array(sorted(page.locator(".strengths .marks path").evaluate_all(read)))[:, 1:]


def cells(page, teachers, students):
    """What the map draws: opacity with the sign of the colour, and the place to the right, both (teacher, student)."""
    read = """(all) => all.map((cell) => [+cell.dataset.teacher, +cell.dataset.student,
      +cell.getAttribute("fill-opacity") * (cell.classList.contains("negative") ? -1 : 1), +cell.getAttribute("x")])"""
    found = np.array(page.locator(CELLS).evaluate_all(read))
    assert len(found) == teachers * students
    order = np.lexsort((found[:, 1], found[:, 0]))
    return found[order, 2].reshape(teachers, students), found[order, 3].reshape(teachers, students)


def test_everything_is_drawn_where_the_python_api_puts_it(visit):
    page = visit(link(SMALL))
    run, weights, teacher = trained(SMALL)
    for epoch in (12, 0, 4):
        moved(page, epoch)
        seen = run.isel(seed=0, layer=0, step=epoch)
        rho = seen["rho"].values
        assert farthest_line(page, "student", *weights[epoch]) < HALF_A_PIXEL
        assert farthest_line(page, "teacher", *teacher) < HALF_A_PIXEL
        for k, (_, opacity) in lines(page, "student").items():
            assert opacity == pytest.approx(fading(rho[:, k].max()), abs=1e-3)
        x, y = scale(page, "strengths", "x"), scale(page, "strengths", "y")
        true = np.column_stack([place(seen["fan_out"].values, x), place(seen["alignment"].values, y)])
        assert abs(marks(page) - true).max() < HALF_A_PIXEL
        shown, across = cells(page, *rho.shape)
        np.testing.assert_allclose(shown, rho, atol=1e-4)
        # Students of one teacher stand side by side, and in front the one that resembles it most.
        order = np.argsort(across[0])
        best, height = rho.argmax(axis=0)[order], rho.max(axis=0)[order]
        assert np.all(height > 0)
        assert np.all(np.diff(best) >= 0)
        assert np.all((np.diff(height) <= 0) | (np.diff(best) > 0))
    # Power: the next epoch would not pass for this one.
    assert farthest_line(page, "student", *weights[5]) > HALF_A_PIXEL
    other = run.isel(seed=0, layer=0, step=5)
    moved_marks = np.column_stack([place(other["fan_out"].values, x), place(other["alignment"].values, y)])
    assert abs(marks(page) - moved_marks).max() > HALF_A_PIXEL
    assert abs(cells(page, *rho.shape)[0] - other["rho"].values).max() > 1e-3


@pytest.mark.parametrize("log", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_curves_are_those_of_the_python_api(visit, log):
    page = visit(link(DEEP, log=log))
    run = execute(SmallTraining(**DEEP).config()).isel(seed=0)
    wanted = {"loss": run["loss"], "training_loss": run["training_loss"]}
    wanted |= {f"coverage {layer}": run["coverage"].sel(layer=layer) for layer in (1, 2)}
    for name, values in wanted.items():
        x, y = axis(page, name, "x"), axis(page, name, "y")
        assert x[0] == ("log" if log else "linear")
        true = np.column_stack([place(run["epoch"].values, x), place(values.values, y)])
        if y[0] == "linear":
            true[:, 1] = y[2][0] + (values.values - y[1][0]) / (y[1][1] - y[1][0]) * (y[2][1] - y[2][0])
        true = true[np.isfinite(true).all(axis=1)]
        drawn = vertices(page, name)
        assert drawn.shape == true.shape
        assert abs(drawn - true).max() < HALF_A_PIXEL, name
        assert abs(drawn[:, 1] + 1 - true[:, 1]).max() > HALF_A_PIXEL  # power: moved by a pixel
    for which, found in tick_labels(page, "loss").items():
        values, pixels = np.array(found).T
        np.testing.assert_allclose(place(values, axis(page, "loss", which)), pixels, atol=0.51)


@pytest.mark.slow
def test_layers_are_chosen(visit):
    page = visit(link(DEEP))
    run = execute(SmallTraining(**DEEP).config()).isel(seed=0, step=-1)
    for layer in (1, 2):
        page.get_by_role("combobox", name="Hidden layer").select_option(str(layer))
        rho = run["rho"].sel(layer=layer).values
        np.testing.assert_allclose(cells(page, *rho.shape)[0], rho, atol=1e-4)
        assert f"of hidden layer {layer}" in page.locator(".specialize .seen").text_content()
    page.get_by_text("can be drawn for two inputs only").wait_for()
    page.wait_for_timeout(500)
    assert "layer=2" in page.url


def test_the_sentence_counts_what_the_python_api_counts(visit):
    page = visit(link(SMALL))
    config = SmallTraining(**SMALL).config()
    run = execute(config).isel(seed=0, layer=0, step=-1)
    fan_out = np.linalg.norm(config.teacher.build(config.seeds.list()).weights[1][0].numpy(), axis=0)
    found = set()
    for threshold in ("0.99", "0.95", "0.8"):
        page.get_by_role("spinbutton", name="Threshold of the correlation").fill(threshold)
        alike = int((run["alignment"].values > float(threshold)).sum())
        hit = int((run["best_correlation"].values > float(threshold)).sum())
        said = page.locator(".specialize .seen").text_content().replace("\u00a0", " ")
        assert re.search(rf"{alike} of 20 student nodes resembles? a teacher node with ρ > {threshold}", said), said
        assert re.search(rf"{hit} of 5 teacher nodes (is|are) covered", said), said
        late = np.flatnonzero(run["best_correlation"].values <= float(threshold))
        found.add(hit)
        for j in late:
            assert re.search(rf"Not covered yet: [^.]*\b{j + 1}\b", said), said
            assert f"{100 * fan_out[j] / fan_out.max():.0f} %" in said
        assert page.locator(".plane .ring.found").count() == hit
        assert page.locator(".strengths .marks .alike").count() == alike
    assert len(found) == 3  # power: the numbers depend on the threshold
    assert page.locator(".specialize .progress").text_content() == "Trained for 12 epochs."  # and not trained again


def everything(page):
    """All that the pictures show, as text."""
    return page.locator(".specialize svg").evaluate_all(
        "(all) => all.map((svg) => svg.outerHTML.replaceAll(/clip-[a-z0-9]+/g, 'clip'))"
    )


def test_a_shared_address_restores_the_same_picture(visit):
    page = visit("#specialize", trained=False)
    for label, value in (("Epochs", "10"), ("Seed", "4"), ("Teacher nodes m", "6"), ("Examples an epoch", "200")):
        page.get_by_role("spinbutton", name=label).fill(value)
    page.get_by_role("button", name="Train", exact=True).click()
    ended(page)
    page.get_by_role("combobox", name="Highlight student node").select_option("3")
    moved(page, 7)
    page.wait_for_timeout(500)
    assert {"trained=1", "at=7", "node=3", "hidden=6"} <= set(page.url.partition("?")[2].split("&"))
    again = visit(f"#{urlsplit(page.url).fragment}")
    assert everything(again) == everything(page)
    # Power: a link to another moment gives another picture.
    other = visit("#" + urlsplit(page.url).fragment.replace("at=7", "at=6"))
    assert everything(other) != everything(page)


@pytest.mark.slow
def test_training_is_seen_at_once_and_played(visit):
    page = visit("#specialize", trained=False)
    page.get_by_text("No student has been trained yet").wait_for()
    page.request.post("/api/train/download?format=nc", data={"epochs": 1})  # PyTorch is loaded when it is answered
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector(CELLS, timeout=2000)
    time = page.get_by_role("slider", name="Moment").element_handle()
    page.wait_for_function("(slider) => slider.valueAsNumber > 5", arg=time)
    seen = page.locator(".specialize .seen")
    assert seen.get_attribute("aria-live") == "off"  # a film is not read aloud
    page.get_by_role("button", name="Pause").click()
    rests = time.input_value()
    page.wait_for_timeout(300)
    assert time.input_value() == rests
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("(slider) => slider.value === slider.max", arg=time)
    page.get_by_role("button", name="Play").wait_for()
    assert seen.get_attribute("aria-live") == "polite"
    assert seen.text_content().startswith("At epoch 100,")
    page.wait_for_timeout(500)
    assert "at=" not in page.url


@pytest.mark.slow
def test_less_motion_shows_the_end_and_stills(visit):
    page = visit(link({"epochs": 60, "samples": 100}), reduced_motion="reduce")
    page.get_by_role("button", name="Play").click()
    slider = page.get_by_role("slider", name="Moment").element_handle()
    shown = page.evaluate(
        """async (slider) => {
          const seen = new Set();
          const end = performance.now() + 1500;
          while (performance.now() < end) { seen.add(slider.value); await new Promise(requestAnimationFrame); }
          return seen.size;
        }""",
        slider,
    )
    assert 2 <= shown <= 5  # a film would have shown a dozen


@pytest.mark.slow
def test_a_training_is_cancelled_and_what_came_stays(visit):
    page = visit("#specialize?epochs=1000&samples=5000", trained=False)
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector(CELLS)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled after epoch").wait_for()
    assert page.get_by_role("button", name="Cancel").count() == 0
    assert page.locator(CELLS).count() == 100
    # Another one may begin at once, and shows itself.
    page.get_by_role("spinbutton", name="Epochs").fill("3")
    page.get_by_text("The settings have changed since").wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Trained for 3 epochs.").wait_for()


def test_a_student_that_diverges_says_so(visit):
    page = visit(link({**SMALL, "learning_rate": 50}))
    said = page.locator(".specialize .progress").text_content()
    run = execute(SmallTraining(**SMALL, learning_rate=50.0).config())
    assert f"diverged at update {int(run['diverged_at'][0])}" in said
    assert "smaller learning rate" in said
    assert "The pictures end at epoch 0" in said
    assert page.locator(".plane line[data-student]").count() > 0


@pytest.mark.parametrize(
    ("hash", "words"), [("hidden=99", "must be <= 20"), ("epochs=1000&samples=20000", "epochs * samples * weights")]
)
def test_a_wrong_value_is_explained_beside_its_field(visit, hash, words):
    page = visit(f"#specialize?{hash}&multiple=20&trained=1", trained=False)
    page.wait_for_selector("[aria-invalid]")
    assert words in page.locator(".specialize .problem:not(:empty)").text_content()
    assert "the reason stands beside it" in page.get_by_role("alert").text_content()
    assert [text for text in visit.said if "422" not in text] == []
    visit.said.clear()


def test_a_node_is_highlighted_everywhere_by_pointer_and_by_keyboard(visit):
    page = visit(link(SMALL))
    chosen = ".specialize .chosen"

    def highlighted():
        return (
            page.locator(".plane line.chosen").evaluate_all("(all) => all.map((each) => +each.dataset.student)"),
            page.locator(".marks .chosen").evaluate_all("(all) => all.map((each) => +each.dataset.student)"),
        )

    assert highlighted() == ([], [])
    lists = page.get_by_role("combobox", name="Highlight student node")
    lists.focus()
    page.keyboard.press("ArrowDown")
    assert lists.input_value() == "1"
    assert highlighted() == ([0], [0])
    assert "Student node 1 resembles teacher node" in page.locator(".specialize .seen").text_content()
    frame = page.locator(".map rect.chosen")
    column = float(page.locator(f"{CELLS}[data-student='0']").first.get_attribute("x"))
    assert float(frame.get_attribute("x")) == pytest.approx(column, abs=0.01)
    page.locator(f"{CELLS}[data-student='7']").first.click()
    assert highlighted() == ([7], [7])
    at = dict(enumerate(marks(page)))[11]
    box, view = page.locator(".strengths").bounding_box(), 400
    others = np.delete(marks(page), 11, axis=0)
    assert np.hypot(*(others - at).T).min() > 1  # it can be told from its neighbours
    page.mouse.click(box["x"] + at[0] * box["width"] / view, box["y"] + at[1] * box["height"] / view)
    assert highlighted() == ([11], [11])
    ends = lines(page, "student")[11][0]
    assert ends.shape == (2, 2)
    page.mouse.click(box["x"] + at[0] * box["width"] / view, box["y"] + at[1] * box["height"] / view)
    assert page.locator(chosen).evaluate_all("(all) => all.filter((each) => each.tagName !== 'rect').length") == 0


@pytest.mark.slow
def test_the_keyboard_alone_reaches_everything(visit):
    page = visit(link(DEEP))
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.id || document.activeElement.textContent")
        if focused in reached:
            break
        reached.append(focused)
    ids = (
        page.locator("#view-specialize")
        .locator("input:visible, select:visible")
        .evaluate_all("(all) => all.map((each) => each.id)")
    )
    assert len(ids) > 20
    assert not set(ids) - set(reached)
    buttons = page.locator("#view-specialize").locator("button:visible, a:visible")
    assert not set(buttons.evaluate_all("(all) => all.map((each) => each.textContent)")) - set(reached)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_axe_finds_no_serious_violation(visit, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(link(SMALL, node=2, help=1), width=width, color_scheme=scheme)
    page.get_by_text("About this view").locator("visible=true").click()

    def grave():
        found = Axe().run(page).response["violations"]
        return [
            (each["id"], [node["target"] for node in each["nodes"]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    assert grave() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".specialize .seen").evaluate("(each) => { each.style.color = 'rgb(128 128 128 / .3)'; }")
    assert "color-contrast" in [name for name, _ in grave()]  # power


@pytest.mark.slow
def test_what_is_taken_along_is_the_training(visit, url, tmp_path):
    page = visit(link(SMALL))
    config = SmallTraining(**SMALL).config()
    page.get_by_role("button", name="Save the training to the store").click()
    page.get_by_text(f"Stored as run {config.id}").wait_for()
    stored = Store(page.request.get("/api/about").json()["store"]).load(config.id)
    assert stored["rho"].equals(execute(config)["rho"])
    page.get_by_role("button", name="Copy as").click()
    page.get_by_role("dialog").wait_for()
    assert "SeparatedTeacher(" in page.get_by_label("Python", exact=True).text_content()
    page.get_by_role("button", name="Close").click()
    for button, ending in (("SVG", "svg"), ("PNG", "png"), ("NetCDF", "nc")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {button}").click()
        assert download.value.suggested_filename == f"practicum-specialize.{ending}"
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert path.stat().st_size > 5000
    text = (tmp_path / "practicum-specialize.svg").read_text()
    assert text.count("data-rho=") == 100
    assert "class=" not in text


@pytest.mark.slow
def test_without_torch_the_view_explains_what_to_install(visit, tmp_path, monkeypatch):
    for thread in threading.enumerate():
        if thread.name == "practicum-trainer":
            thread.join()
    monkeypatch.setitem(sys.modules, "torch", None)
    with served(create_app(Store(tmp_path))) as client:
        page = visit(server=str(client.base_url), trained=False)
        page.get_by_text("pip install 'practicum[networks]'").wait_for()
        assert page.get_by_role("button", name="Train", exact=True).is_disabled()


def test_the_first_view_does_not_load_this_one(browser, url):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(url)
    page.wait_for_load_state("networkidle")
    assert not [path for path in asked if re.search("specialize|plane|strengths|train", path)]
    page.close()
