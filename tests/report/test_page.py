"""The report of a study: everything is on it once, nothing is loaded, and it is drawn only when it must be."""

import dataclasses
import os
import stat

import pytest
from matplotlib.figure import Figure

from figures import drawable
from practicum import figures, report
from practicum.errors import StorageError
from practicum.report import document
from practicum.report.page import summary
from practicum.studies.claims import RULE, Claim, Picture, Result
from report.reading import check

CLAIMS = [
    Claim("west-saad", "a", "It is <sooner> & 'better' \"now\".", "sooner", 2.731, 0.0006, "holds", "5 < 6 <script>"),
    Claim("west-saad", "b.K2", "The optimum is 4K for two.", 8.0, 8.00012, 0.0003, "holds"),
    Claim("west-saad", "b.K3", "The optimum is 4K for three.", 12.0, 13.0, 0.1, "holds in part"),
    Claim("west-saad", "c", "The gain remains.", "0.770 K", 1.4465, 0.0002, "does not hold", "At two students."),
    Claim("west-saad", "e", "The best β scales.", "~ K", float("nan"), float("nan"), "undecided"),
]
CHIPS = ("holds", "holds in part", "does not hold", "undecided")


class Counted:
    """A drawing function that counts how often it is asked."""

    def __init__(self, draw):
        self.draw, self.times = draw, 0

    def __call__(self, data):
        self.times += 1
        return self.draw(data)


def result(**changes):
    pictures = [
        Picture("optima", "Gains & <optima>.", Counted(figures.optima), drawable.gains(), ("b", "c")),
        Picture("rule-map", "A map.", Counted(figures.rule_map), drawable.rules(1), ("e",)),
        Picture("curves", "Curves.", Counted(figures.learning_curves), drawable.curves(2)),
    ]
    made = Result(
        study="west-saad", title="West & Saad <1995>", scale="quick", claims=CLAIMS, pictures=pictures,
        runs=["0123456789abcdef", "fedcba9876543210"], config={"seeds": 3, "rule": {"learning_rate": 0.01}},
        cite=("west1995adaptive", "saad1995online"), seconds=12.3, notes=["A <note>."],
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def quick(**changes):
    """The same with pictures that cost next to nothing."""

    def blank(data):
        return Figure(figsize=(1, 1))

    pictures = [Picture(name, "Blank.", Counted(blank), drawable.gains()) for name in ("one", "two")]
    return result(**{"pictures": pictures, **changes})


def times(made):
    return [picture.draw.times for picture in made.pictures]


def test_the_page_is_sound_and_loads_nothing(tmp_path):
    path = report.write(result(), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "west-saad-quick.html"
    page = check(path.read_text(encoding="utf-8"))
    assert page.texts("h1") == ["West & Saad <1995>"]
    assert page.texts("h2") == ["Claims", "Figures", "How this was made"]


def test_each_claim_is_on_it_once_with_its_numbers_and_verdict_in_words(tmp_path):
    text = report.write(result(), tmp_path).read_text(encoding="utf-8").replace("\u00a0", " ")
    page = check(text)
    assert page.texts("span", class_="statement") == [claim.statement for claim in CLAIMS]
    cells = {name: page.texts("td", **{"data-label": name}) for name in ("published", "measured", "verdict")}
    assert cells["published"] == ["sooner", "8", "12", "0.770 K", "~ K"]
    assert cells["measured"] == ["2.7310 ± 0.0006", "8.0001 ± 0.0003", "13.0 ± 0.1", "1.4465 ± 0.0002", "not measured"]
    assert cells["verdict"] == [claim.verdict for claim in CLAIMS]
    counts = (2, 1, 1, 1)
    for verdict, count in zip(CHIPS, counts):
        chips = page.texts("span", class_=f"chip {verdict.replace(' ', '-')}")
        assert chips == [f"{verdict} · {count}"] + [verdict] * count
    assert RULE in page.texts("p", class_="rule")[0]


def test_what_is_written_by_others_is_escaped(tmp_path):
    text = report.write(result(), tmp_path).read_text(encoding="utf-8")
    assert "<sooner>" not in text
    assert "<script>" not in text
    assert "It is &lt;sooner&gt; &amp; &#39;better&#39;" in text
    assert "A &lt;note&gt;." in text
    assert "Gains &amp; &lt;optima&gt;." in text


def test_figures_and_claims_point_to_each_other(tmp_path):
    page = check(report.write(result(), tmp_path).read_text(encoding="utf-8"))
    links = {(e[1]["href"], " ".join(e[2].split())) for e in page.all("a")}
    assert links == {
        ("#claim-b-k2", "b.K2"), ("#claim-b-k3", "b.K3"), ("#claim-c", "c"), ("#claim-e", "e"),
        ("#figure-optima", "Figure 1"), ("#figure-rule-map", "Figure 2"),
    }  # fmt: skip
    pictures = page.all("svg", role="img")
    assert [e[1]["aria-label"] for e in pictures] == ["Figure 1: optima", "Figure 2: rule map", "Figure 3: curves"]


def test_how_it_was_made_is_told(tmp_path):
    page = check(report.write(result(), tmp_path).read_text(encoding="utf-8"))
    assert "practicum reproduce west-saad --scale quick" in page.texts("code")
    assert {"0123456789abcdef", "fedcba9876543210"} <= set(page.texts("code"))
    assert any("@inproceedings{west1995adaptive" in text for text in page.texts("code"))
    rows = dict(zip(page.texts("th", scope="row"), [""] * 99))
    assert {"seeds", "rule.learning_rate", "numpy", "python", "practicum"} <= rows.keys()


def test_two_writings_give_the_same_bytes(tmp_path):
    first = report.write(result(), tmp_path / "a").read_bytes()
    assert report.write(result(seconds=99.0), tmp_path / "b").read_bytes() == first


def test_a_page_that_shows_the_same_is_not_drawn_again(tmp_path):
    first, second = quick(), quick()
    path = report.write(first, tmp_path)
    before = path.stat().st_mtime_ns
    report.write(second, tmp_path)
    assert times(first) == [1, 1]
    assert times(second) == [0, 0]
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": [dataclasses.replace(CLAIMS[0], measured=2.7311), *CLAIMS[1:]]},
        {"claims": [dataclasses.replace(CLAIMS[0], verdict="undecided"), *CLAIMS[1:]]},
        {"runs": ["0123456789abcdef"]},
        {"title": "Another"},
        {"notes": []},
        {"config": {"seeds": 4}},
        {"cite": ("west1995adaptive",)},
        {"pictures": []},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_page_that_would_show_something_else_is_written_anew(tmp_path, changes):
    path = report.write(quick(), tmp_path)
    before = path.read_bytes()
    report.write(quick(**changes), tmp_path)
    assert path.read_bytes() != before


def test_other_numbers_behind_a_figure_are_drawn(tmp_path):
    first, second = quick(), quick()
    report.write(first, tmp_path)
    second.pictures[0].data["gain_fixed"][0] += 1e-9
    report.write(second, tmp_path)
    assert times(second) == [1, 1]


def test_another_version_writes_the_page_anew(tmp_path, monkeypatch):
    report.write(quick(), tmp_path)
    monkeypatch.setattr(document, "__version__", "99.0")
    second = quick()
    report.write(second, tmp_path)
    assert times(second) == [1, 1]


def test_a_page_that_is_cut_off_is_written_anew(tmp_path):
    path = report.write(quick(), tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    report.write(quick(), tmp_path)
    assert path.read_bytes() == whole


def test_a_figure_that_fails_leaves_the_older_page(tmp_path):
    path = report.write(quick(), tmp_path)
    before = path.read_bytes()

    def fail(data):
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        report.write(result(pictures=[Picture("x", "X.", fail, drawable.gains())]), tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_write_that_fails_leaves_the_older_page_and_no_litter(tmp_path, monkeypatch):
    path = report.write(result(pictures=[]), tmp_path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"west-saad-quick.html cannot be written: no space left"):
        report.write(result(pictures=[], title="Another"), tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "here").write_text("")
    with pytest.raises(StorageError, match=r"cannot be written: (not a directory|file exists).*name another folder"):
        report.write(result(pictures=[]), tmp_path / "here")


def test_the_page_can_be_read_by_others(tmp_path):
    mode = report.write(result(pictures=[]), tmp_path).stat().st_mode
    assert mode & stat.S_IRUSR
    assert mode & stat.S_IROTH or os.umask(os.umask(0o022)) & stat.S_IROTH


def test_a_study_without_claims_or_figures_has_a_page(tmp_path):
    empty = result(claims=[], pictures=[], runs=[], config={}, cite=(), notes=[])
    page = check(report.write(empty, tmp_path).read_text(encoding="utf-8"))
    assert page.texts("p", class_="summary") == ["No claim was measured."]


def test_the_summary_counts_verdicts():
    assert summary(CLAIMS) == "Of 5 claims measured, 2 hold, 1 holds in part, 1 does not hold and 1 is undecided."
    assert summary(CLAIMS[:2]) == "Of 2 claims measured, 2 hold."
    assert summary(CLAIMS[4:]) == "The one claim measured is undecided."
    assert summary([CLAIMS[4]] * 2) == "Of 2 claims measured, 2 are undecided."


def test_the_reader_of_these_tests_sees_faults(tmp_path):
    text = report.write(result(pictures=[]), tmp_path).read_text(encoding="utf-8")
    for wrong in (
        text.replace("</main>", "", 1),
        text.replace("</h1>", "</h2>", 1),
        text.replace("<main>", '<main><img src="https://example.org/x.png">'),
        text.replace("<main>", '<main><a href="https://example.org">x</a>'),
        text.replace("<main>", '<main><p id="claims">'),
        text.replace('<html lang="en">', "<html>"),
    ):
        with pytest.raises((AssertionError, KeyError)):
            check(wrong)
