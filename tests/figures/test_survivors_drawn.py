"""What the figures of nodes before and after pruning draw: their kernels, and whom those that are left serve."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex, to_rgb

from figures import pruned
from figures.reading import labelled, legend, titles, words
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures.style import COLOURS, PAPER

LONG = "a selector whose name goes on, and on, and on, and says little until its end, which is"


def brightness(colour):
    return float(np.dot(to_rgb(colour), [0.299, 0.587, 0.114]))


# kernels


def matrices(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>" and axes.get_visible()]


def shown(axes):
    return np.asarray(axes.images[0].get_array())


def separators(axes):
    """Places of the vertical and of the horizontal lines between groups."""
    vertical, horizontal = (group.get_segments() for group in labelled(axes.collections, "_group"))
    return [piece[0][0] for piece in vertical], [piece[0][1] for piece in horizontal]


def test_kernels_are_ordered_by_teacher_with_a_line_between_groups():
    data = pruned.alike()
    figure = figures.kernels(data)
    before, first, second = matrices(figure)
    assert titles(figure) == ["before pruning", "selector 0", "selector 1"]
    order = [1, 3, 7, 2, 0, 5, 6, 4]  # teachers 0 0 0, 1, 2 2 2 and none
    kernel = data["kernel"].values
    assert np.array_equal(shown(before), kernel[np.ix_(order, order)])
    assert separators(before) == ([3.5, 4.5, 7.5], [3.5, 4.5, 7.5])
    for selector, axes in enumerate((first, second)):
        teacher = data["kept_teacher"].values[selector]
        known = np.flatnonzero(np.isfinite(teacher))
        assert known.size == 4 - selector
        ranked = sorted(known, key=lambda i: teacher[i] if teacher[i] >= 0 else np.inf)
        assert np.array_equal(shown(axes), data["kept_kernel"].values[selector][np.ix_(ranked, ranked)])
        groups = np.unique(teacher[known], return_counts=True)[1].size
        assert len(separators(axes)[0]) == groups - 1
        assert axes.get_xlabel() == f"{known.size} of 8 nodes"
    assert before.get_xlabel() == "8 nodes"
    assert {axes.images[0].get_clim() for axes in (before, first, second)} == {(0.0, kernel.max())}


def test_groups_are_named_in_their_middles_and_the_first_node_stands_above():
    axes = matrices(figures.kernels(pruned.alike()))[0]
    axes.figure.draw_without_rendering()
    for axis in (axes.xaxis, axes.yaxis):
        named = {tick.get_loc(): tick.label1.get_text() for tick in axis.get_major_ticks()}
        assert named == {2.0: "0", 4.0: "1", 6.0: "2", 8.0: "none"}
    assert axes.get_ylim() == (8.5, 0.5)
    assert axes.get_xlim() == (0.5, 8.5)
    low, *_, bottom, top = (*axes.images[0].get_extent(),)
    assert (low, bottom, top) == (0.5, 8.5, 0.5)  # the first row of the matrix is drawn at node 1, above


def test_darker_is_larger_and_negative_numbers_lower_the_scale():
    data = pruned.alike()
    (image,) = matrices(figures.kernels(data - 0.5))[0].images
    assert image.get_clim()[0] == pytest.approx(float(data["kernel"].min()) - 0.5)
    shades = [brightness(image.cmap(place)) for place in np.linspace(0, 1, 12)]
    assert shades == sorted(shades, reverse=True)
    assert shades[-1] > 0.2  # where a dark separator is still seen
    data["kernel"].attrs["label"] = "similarity of the students"
    assert figures.kernels(data).axes[-1].get_ylabel().replace("\n", " ") == "similarity of the students"


def test_without_teachers_nodes_keep_their_order_and_after_may_be_one_or_none():
    data = pruned.alike().drop_vars(["teacher", "kept_teacher"])
    one = data.isel(setting=0, drop=True)
    before, after = matrices(figures.kernels(one))
    assert titles(before.figure) == ["before pruning", "after pruning"]
    assert np.array_equal(shown(before), data["kernel"].values)
    assert np.array_equal(shown(after), data["kept_kernel"].values[0])
    assert not labelled(before.collections, "_group")
    assert titles(figures.kernels(data.isel(setting=1))) == ["before pruning", "selector 1"]
    assert titles(figures.kernels(data.rename(setting="selector"))) == ["before pruning", "selector 0", "selector 1"]
    (alone,) = matrices(figures.kernels(data[["kernel"]]))
    assert np.array_equal(shown(alone), data["kernel"].values)


def test_nodes_without_a_number_are_left_out_and_single_numbers_blank():
    data = pruned.alike().copy(deep=True)
    data["kernel"][2], data["kernel"][:, 2] = np.nan, np.nan
    data["kernel"][0, 1] = np.inf
    data["kept_kernel"][1] = np.nan
    before, _, lost = matrices(figures.kernels(data))
    assert before.get_xlabel() == "7 nodes"
    found = before.images[0].get_array()
    assert found.shape == (7, 7)
    assert np.argwhere(np.ma.getmaskarray(found)).tolist() == [[3, 0]]  # node 0 serves teacher 2, node 1 teacher 0
    assert words(lost) == ["no finite number"]
    assert lost.get_xlabel() == "0 of 7 nodes"


def test_hundreds_of_nodes_are_an_image_and_light():
    rng = np.random.default_rng(35)
    teacher = rng.integers(0, 30, 500)
    kernel = np.where(teacher[:, None] == teacher, 0.9, 0.05) + 0.1 * np.eye(500)
    data = xr.Dataset({"kernel": (("node", "node_"), kernel)}, {"teacher": ("node", teacher)})
    text = figures.svg(figures.kernels(data))
    assert text.count("<image") >= 1
    assert len(text) < 300_000
    many = data.assign_coords(teacher=("node", np.arange(500) // 5))
    (axes,) = matrices(figures.kernels(many))
    assert not labelled(axes.collections, "_group")
    axes.figure.draw_without_rendering()
    assert 3 <= len(axes.get_xticks()) <= 10


def test_kernels_say_what_they_cannot_draw():
    data = pruned.alike()
    with pytest.raises(ParameterError, match=r"kernels has room for 1 to 15 selectors. Got 16; select some with"):
        figures.kernels(data.isel(setting=[0] * 16))
    with pytest.raises(ParameterError, match=r"needs 'kept_kernel' with dimensions \(setting, kept, kept_\)"):
        figures.kernels(data.assign(kept_kernel=data["kept_kernel"].isel(kept_=0, drop=True)))
    with pytest.raises(ParameterError, match=r"needs 'teacher' with dimensions \(node\)"):
        figures.kernels(data.drop_vars("teacher").assign(teacher=("other", [1, 2])))


# survivors


def marks(axes, label):
    (found,) = labelled(axes.lines, label)
    return found


def placed(axes, label):
    return sorted(map(tuple, marks(axes, label).get_xydata().tolist()))


def test_students_stand_on_their_teacher_survivors_below_and_filled():
    data = pruned.left(aligned=False)
    figure = figures.survivors(data)
    assert titles(figure) == pruned.SELECTORS
    for kept, axes in zip(data["kept"].values, figure.axes):
        for teacher in range(-1, 3):
            place = teacher if teacher >= 0 else 3
            members = teacher == pruned.SERVES
            alive, all_ = int((kept & members).sum()), int(members.sum())
            for label, heights in (("survives", range(1, alive + 1)), ("pruned", range(alive + 1, all_ + 1))):
                assert [y for x, y in placed(axes, label) if x == place] == list(heights)
        assert len(placed(axes, "survives")) == 4
        assert len(placed(axes, "pruned")) == 4
        assert to_hex(marks(axes, "survives").get_markerfacecolor()) == COLOURS[0]
        assert to_hex(marks(axes, "pruned").get_markerfacecolor()) == PAPER
    assert legend(figure) == ["survives", "pruned"]
    assert [to_hex(handle.get_markerfacecolor()) for handle in figure.legends[0].legend_handles] == [COLOURS[0], PAPER]
    assert figure.axes[0].get_ylabel() == "students"


def test_teachers_are_named_below_and_those_who_serve_none_stand_beyond_a_line():
    data = pruned.left(1, aligned=False)
    (axes,) = figures.survivors(data).axes
    axes.figure.draw_without_rendering()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1", "2", "none"]
    assert labelled(axes.lines, "_none")[0].get_xdata() == [2.5, 2.5]
    (axes,) = figures.survivors(data.assign_coords(teacher=["a", "b", "c", "d"])).axes
    axes.figure.draw_without_rendering()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c", "d", "none"]
    assert max(x for x, _ in placed(axes, "survives") + placed(axes, "pruned")) == 4
    served = figures.survivors(data.isel(student=data["serves"].values >= 0)).axes[0]
    assert not labelled(served.lines, "_none")
    assert served.get_xlim()[1] == pytest.approx(2.6)


@pytest.mark.parametrize("selectors", [1, 2, 3])
def test_teachers_and_students_that_are_left_are_counted(selectors):
    data = pruned.left(selectors, aligned=False).assign_coords(teacher=range(5))
    figure = figures.survivors(data)
    for kept, axes in zip(data["kept"].values, figure.axes):
        found = set(pruned.SERVES[kept]) - {-1}
        said = f"{len(found)} of 5 teachers, 4 of 8 students"
        assert words(axes) == [said.replace(" of ", "/") if selectors == 3 else said]


def test_the_height_may_be_the_alignment_and_students_of_a_teacher_stand_side_by_side():
    data = pruned.left()
    data["alignment"].attrs["label"] = "correlation ρ"
    figure = figures.survivors(data)
    values = data["alignment"].values
    for kept, axes in zip(data["kept"].values, figure.axes):
        for label, chosen in (("survives", kept), ("pruned", ~kept)):
            points = placed(axes, label)
            expected = sorted(zip(np.where(pruned.SERVES < 0, 3, pruned.SERVES)[chosen].tolist(), values[chosen]))
            assert sorted((round(x), y) for x, y in points) == expected
        places = [x for label in ("survives", "pruned") for x, _ in placed(axes, label)]
        assert len(set(places)) == 8
        assert max(abs(x - round(x)) for x in places) < 0.35
    assert figure.axes[0].get_ylabel() == "correlation ρ"
    assert figure.axes[0].get_ylim() == pytest.approx((-0.03, 1.03))


def test_too_many_students_are_counted_by_bars():
    rng = np.random.default_rng(36)
    serves, kept = rng.integers(0, 4, 500), rng.random((2, 500)) < 0.3
    data = xr.Dataset(
        {"serves": ("student", serves), "kept": (("selector", "student"), kept)}, {"selector": ["a", "b"]}
    )
    figure = figures.survivors(data)
    for one, axes in zip(kept, figure.axes):
        pruned_, alive = axes.containers
        assert [bar.get_height() for bar in alive] == [int((one & (serves == m)).sum()) for m in range(4)]
        assert [bar.get_height() for bar in pruned_] == [int((serves == m).sum()) for m in range(4)]
        assert [bar.get_x() + bar.get_width() / 2 for bar in alive] == pytest.approx([0, 1, 2, 3])
        assert to_hex(alive[0].get_facecolor()) == COLOURS[0]
        assert to_hex(pruned_[0].get_facecolor()) == PAPER
        assert alive[0].get_zorder() > pruned_[0].get_zorder()
    assert legend(figure) == ["survives", "pruned"]


def test_unknown_fates_are_nobodys_and_one_selector_needs_no_name():
    data = pruned.left(aligned=False)
    fates = data["kept"].astype(float)
    fates[0, :3], fates[1] = np.nan, np.nan
    figure = figures.survivors(data.assign(kept=fates))
    first, second, third = figure.axes
    assert len(placed(first, "survives")) + len(placed(first, "pruned")) == 5
    assert len(placed(first, "survives")) == int(data["kept"].values[0, 3:].sum())
    assert words(second)[-1] == "no student to draw"
    assert len(placed(third, "survives")) == 4
    (axes,) = figures.survivors(data.isel(setting=2, drop=True)).axes
    assert placed(axes, "survives") == placed(third, "survives")
    assert titles(figures.survivors(data.isel(setting=2))) == ["DPP edge"]
    unknown = pruned.left(1)
    unknown["alignment"][0] = np.nan
    (axes,) = figures.survivors(unknown).axes
    assert len(placed(axes, "survives")) + len(placed(axes, "pruned")) == 7


def test_survivors_say_what_they_cannot_draw():
    data = pruned.left()
    with pytest.raises(ParameterError, match=r"survivors has room for 1 to 15 selectors. Got 16; select some with"):
        figures.survivors(data.isel(setting=[0] * 16))
    with pytest.raises(ParameterError, match=r"needs 'kept' with dimensions \(setting, student\).*isel\(seed=0\)"):
        figures.survivors(data.assign(kept=data["kept"].expand_dims(seed=2)))


# names


@pytest.mark.parametrize("selectors", [1, 2, 4, 12])
@pytest.mark.parametrize("name", ["kernels", "survivors"])
def test_long_titles_stay_in_their_columns_and_leave_the_panels_their_height(name, selectors):
    data = pruned.ALL[name](selectors)
    figure = getattr(figures, name)(data.assign_coords(setting=[f"{LONG} {i}" for i in range(selectors)]))
    usual = getattr(figures, name)(data)
    for one in (figure, usual):
        one.draw_without_rendering()
    panels = matrices(figure)
    height = matrices(usual)[0].get_window_extent().height
    spaces = [axes.get_tightbbox() for axes in panels]
    assert not any(one.overlaps(other) for i, one in enumerate(spaces) for other in spaces[:i])
    for axes, space in zip(panels, spaces):
        assert figure.bbox.x0 - 1 <= space.x0 < space.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 - 1 <= space.y0 < space.y1 <= figure.bbox.y1 + 1
        assert axes.get_window_extent().height == pytest.approx(height, rel=0.1)
    assert len(set(titles(figure))) == len(panels)
