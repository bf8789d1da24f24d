"""What the table of adversarial examples shows: each pixel as it is, one scale for both parts, and who errs."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from figures import attacked
from figures.reading import words
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures.style import COLOURS

KINDS = ("input", "inside", "outside", "perturbed")


def cells(figure):
    """Panels by kind and row."""
    return {axes.get_label(): axes for axes in figure.axes if axes.get_label() != "<colorbar>"}


def image(axes):
    return axes.images[0]


def framed(axes):
    return to_hex(axes.spines["left"].get_edgecolor()) == COLOURS[1]


def test_each_picture_stands_in_its_row_and_column():
    data = attacked.examples()
    figure = figures.adversarial_examples(data)
    table = cells(figure)
    assert list(table) == [f"{kind} {row}" for row in range(3) for kind in KINDS]
    for row in range(3):
        for kind in KINDS:
            assert np.array_equal(image(table[f"{kind} {row}"]).get_array(), data[kind].values[row])
            assert table[f"{kind} {row}"].get_ylim() == (5.5, -0.5)  # the first line of pixels is the upper one
        places = [table[f"{kind} {row}"].get_position() for kind in KINDS]
        assert [place.x0 for place in places] == sorted(place.x0 for place in places)
        assert len({round(place.y0, 9) for place in places}) == 1
    below = [table[f"input {row}"].get_position().y0 for row in range(3)]
    assert below == sorted(below, reverse=True)
    headings = [table[f"{kind} 0"].get_title(loc="left") for kind in KINDS]
    assert headings == ["input", "perturbation\nin subspace", "perturbation\noff subspace", "perturbed\ninput"]
    assert table["input 1"].get_ylabel() == "example 2\nε = 0.2"
    assert table["input 2"].get_xlabel() == "6 × 6 pixels\nblack 0, white 1"


def test_both_parts_of_all_perturbations_share_a_symmetric_scale_and_it_is_stated():
    data = attacked.examples()
    largest = max(np.abs(data["inside"].values).max(), np.abs(data["outside"].values).max())
    figure = figures.adversarial_examples(data)
    for name, axes in cells(figure).items():
        limits = (-largest, largest) if name.startswith(("inside", "outside")) else (0.0, 1.0)
        assert image(axes).get_clim() == limits
    (bar,) = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert [label.get_text() for label in bar.get_xticklabels()] == ["−0.3", "0", "0.3"]
    assert bar.get_xlim() == (-largest, largest)
    # Below zero is blue and dark, zero nearly white, above zero orange and bright: grey printers tell them apart.
    colours = image(cells(figure)["outside 1"]).cmap
    low, middle, high = (np.dot(to_rgb(colours(x)), [0.299, 0.587, 0.114]) for x in (0.0, 0.5, 1.0))
    assert (to_hex(colours(0.0)), to_hex(colours(1.0))) == (COLOURS[0], COLOURS[4])
    assert low < high - 0.2
    assert high < middle - 0.2
    assert "zero" in words(cells(figure)["outside 0"])
    assert "zero" not in words(cells(figure)["inside 0"])


def test_each_row_may_have_a_scale_of_its_own():
    data = attacked.examples()
    data["inside"][2] = 0.1 * data["inside"][2]
    data["outside"][2] = 0.1 * data["outside"][2]
    figure = figures.adversarial_examples(data, own_scale=True)
    table = cells(figure)
    assert len(table) == len(figure.axes)
    for row in range(3):
        largest = max(np.abs(data[name].values[row]).max() for name in ("inside", "outside"))
        assert image(table[f"inside {row}"]).get_clim() == image(table[f"outside {row}"]).get_clim()
        assert image(table[f"outside {row}"]).get_clim() == pytest.approx((-largest, largest))
        assert f"scale ± {largest:.2g}" in words(table[f"perturbed {row}"])


def test_who_errs_is_marked_with_a_cross_and_a_dashed_frame():
    data = attacked.examples()  # rows: all agree; the student was moved; the teacher was moved, and the student was not
    figure = figures.adversarial_examples(data)
    table = cells(figure)
    assert words(table["perturbed 0"]) == ["teacher", "7", "student", "7"]
    assert words(table["perturbed 1"]) == ["teacher", "2", "student", "✗ 3"]
    assert words(table["perturbed 2"]) == ["teacher", "8", "student", "✗ 1"]
    assert words(table["input 2"]) == ["teacher", "1", "student", "1"]
    assert [framed(table[f"perturbed {row}"]) for row in range(3)] == [False, True, True]
    assert not any(framed(axes) for name, axes in table.items() if not name.startswith("perturbed"))
    solid, dashed = (table[f"perturbed {row}"].spines["top"] for row in (0, 1))
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("solid", (0, (2.4, 1.6)))
    assert dashed.get_linewidth() > 2 * solid.get_linewidth()
    assert [text.get_text() for text in figure.texts] == ["✗ the student errs: its label\nis not the teacher's"]
    assert not figures.adversarial_examples(data.isel(example=[0])).texts


def test_long_labels_are_compared_before_they_are_cut_and_unknown_ones_are_no_mistake():
    data = attacked.examples()
    long = "a label that goes on {} until it ends"
    data = data.assign(
        teacher_after=("example", [long.format("and on"), 3, ""]),
        student_after=("example", [long.format("or not"), 3, "1"]),
        teacher_before=("example", [np.nan, 1.0, 2.0]),
        student_before=("example", [0, 1, 3]),
    )
    table = cells(figures.adversarial_examples(data))
    teacher, student = words(table["perturbed 0"])[1::2]
    assert teacher.startswith("a la")
    assert teacher.endswith("ends")
    assert "…" in teacher
    assert student.startswith("✗ a l")
    assert [framed(table[f"perturbed {row}"]) for row in range(3)] == [True, False, False]
    moved = attacked.examples(1).assign(teacher_after=("example", ["truck"]), student_after=("example", ["automobile"]))
    assert "✗ automobile" in words(cells(figures.adversarial_examples(moved))["perturbed 0"])
    assert words(table["perturbed 2"])[1] == "–"
    assert words(table["input 0"]) == ["teacher", "–", "student", "0"]
    assert words(table["input 2"])[3] == "✗ 3"


def test_words_are_inside_the_sheet_and_on_no_picture():
    data = attacked.examples(8, side=28)
    names = ("teacher_before", "student_before", "teacher_after", "student_after")
    wide = data.assign({name: ("example", [f"mmmmmmmmmmmmm {name}"] * 8) for name in names})
    for own_scale in (False, True):
        figure = figures.adversarial_examples(wide, own_scale=own_scale)
        figure.draw_without_rendering()
        pictures = [axes.get_window_extent() for axes in figure.axes]
        written = [text for axes in cells(figure).values() for text in axes.texts if text.get_text() != "zero"]
        boxes = [text.get_window_extent() for text in [*written, *figure.texts]]
        boxes += [axes.xaxis.label.get_window_extent() for axes in figure.axes if axes.get_xlabel()]
        boxes += [axes.yaxis.label.get_window_extent() for axes in figure.axes if axes.get_ylabel()]
        boxes += [label.get_window_extent() for axes in figure.axes for label in axes.get_xticklabels()]
        for i, box in enumerate(boxes):
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.x1
            assert not any(box.overlaps(other) for other in [*pictures, *boxes[:i]])


def test_coloured_perturbations_are_grey_at_zero_and_signed_by_channel():
    data = attacked.examples(2, channels=3)
    data["inside"][0] = 0.0
    data["inside"][0, 0, 1, 2], data["inside"][0, 2, 3, 4] = 0.15, -0.3
    table = cells(figures.adversarial_examples(data))
    shown = np.array(image(table["inside 0"]).get_array())
    assert shown.shape == (6, 6, 4)
    assert shown[0, 0].tolist() == [0.5, 0.5, 0.5, 1.0]
    assert shown[1, 2] == pytest.approx([0.75, 0.5, 0.5, 1.0])
    assert shown[3, 4] == pytest.approx([0.5, 0.5, 0.0, 1.0])
    assert np.array_equal(image(table["input 1"]).get_array()[..., :3], data["input"].values[1].transpose(1, 2, 0))
    assert table["input 1"].get_xlabel() == "6 × 6 pixels\nchannels 0 to 1"
    grey = attacked.examples(2, channels=1)
    one = cells(figures.adversarial_examples(grey))
    assert np.array_equal(image(one["input 1"]).get_array(), grey["input"].values[1, 0])


def test_standardised_inputs_are_not_clipped():
    data = attacked.examples()
    data["perturbed"] = 4 * data["perturbed"] - 1.5
    table = cells(figures.adversarial_examples(data))
    low, high = float(data["perturbed"].min()), float(max(data["perturbed"].max(), data["input"].max()))
    assert image(table["input 0"]).get_clim() == image(table["perturbed 2"]).get_clim() == (low, high)
    assert table["input 2"].get_xlabel().endswith(f"black −{-low:.2g}, white {high:.2g}")


def test_one_example_has_no_dimension_and_what_is_unknown_is_empty():
    data = attacked.examples().isel(example=1)
    data["inside"][:] = np.nan
    table = cells(figures.adversarial_examples(data))
    assert list(table) == [f"{kind} 0" for kind in KINDS]
    assert "none" in words(table["inside 0"])
    assert np.array_equal(image(table["outside 0"]).get_array(), data["outside"].values)


def test_there_is_a_limit_of_rows_and_channels():
    with pytest.raises(ParameterError, match=r"room for 1 to 8 examples. Got 9; select some with .isel\(example="):
        figures.adversarial_examples(attacked.examples(9))
    with pytest.raises(ParameterError, match=r"must have 1 or 3 channels, all as many. Got 2\."):
        figures.adversarial_examples(attacked.examples(channels=2))
    coloured = attacked.examples(channels=3)
    with pytest.raises(ParameterError, match=r"all as many. Got 1 and 3\."):
        figures.adversarial_examples(coloured.assign(inside=coloured["inside"].mean("channel")))


@pytest.mark.parametrize(("channels", "side"), [(0, 28), (3, 32)])
def test_a_table_is_light(channels, side):
    text = figures.svg(figures.adversarial_examples(attacked.examples(6, channels, side)))
    assert len(text) < 400_000
    assert text.count("<image") >= 24
