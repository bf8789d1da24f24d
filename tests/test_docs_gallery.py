"""Every public figure has an entry in the gallery: a script, a sentence, a picture; the page is made of these."""

import importlib.util
import re
from types import ModuleType
from xml.etree import ElementTree

import pytest

from pages import ROOT
from practicum import figures

GALLERY = ROOT / "docs/gallery"
FIGURES = sorted(set(figures.__all__) - {"save", "svg"})
LARGEST = 60_000
"""Bytes of a picture, of which the repository keeps one a figure."""


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery_draw", GALLERY / "draw.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(svg: str) -> list[str]:
    """What is written in a picture, numbers apart: they may differ by machine, as trainings do."""
    texts = ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")]
    return sorted(text for text in (re.sub(r"[\d.,%×−+\s-]+", " ", text).strip() for text in texts) if text)


def test_every_public_figure_has_a_script_and_no_script_is_left_over(gallery):
    scripts = {path.stem for path in GALLERY.glob("*.py")} - {"draw", *gallery.SHARED}
    assert scripts == set(FIGURES) == set(gallery.names())


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_a_sentence_its_own_code_and_a_picture(name, gallery):
    assert re.fullmatch(r"[A-Z].*\.", gallery.sentence(name)), "the first line of the script is one sentence"
    assert f"figures.{name}(" in (GALLERY / f"{name}.py").read_text()
    picture = gallery.PICTURES / gallery.file_of(name)
    assert picture.stat().st_size <= LARGEST
    if picture.suffix == ".svg":
        root = ElementTree.fromstring(picture.read_text())
        links = [value for node in root.iter() for key, value in node.attrib.items() if key.endswith("href")]
        assert all(link.startswith(("#", "data:")) for link in links)
        assert words(picture.read_text())


def test_the_page_is_made_of_the_scripts(gallery):
    assert gallery.PAGE.read_text() == gallery.page(), "make gallery writes the page anew"
    assert set(re.findall(r"gallery/pictures/(\w+)\.", gallery.page())) == set(FIGURES)


def test_light_pictures_are_the_figure_with_its_words(gallery):
    from figures import drawable

    figure = figures.optima(drawable.ALL["optima"]())
    light, usual = gallery.light(figure), figures.svg(figure)
    assert len(light) < 0.6 * len(usual)
    assert "gain on the plateau" in words(light)

    roots = [ElementTree.fromstring(svg) for svg in (light, usual)]
    lines = [[node for node in root.iter() if node.get("clip-path") and node.get("d")] for root in roots]
    assert len(lines[0]) == len(lines[1]) > 2
    for ours, theirs in zip(*lines):
        numbers = [[float(n) for n in re.findall(r"-?\d+\.?\d*", node.get("d"))] for node in (ours, theirs)]
        assert numbers[0] == pytest.approx(numbers[1], abs=0.006)


@pytest.mark.soak
def test_the_pictures_can_be_drawn_anew(gallery, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("PRACTICUM_RUNS", str(tmp_path / "runs"))
    monkeypatch.syspath_prepend(str(GALLERY))
    for name in FIGURES:
        drawn = gallery.draw(name, tmp_path / "pictures")
        assert drawn.stat().st_size <= LARGEST
        if drawn.suffix == ".svg":
            assert words(drawn.read_text()) == words((gallery.PICTURES / drawn.name).read_text()), name
