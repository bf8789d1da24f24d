"""What the figures of pruned errors draw: curves over what is kept, theory on them, and where which selector wins."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex, to_rgb

from figures import pruned
from figures.reading import corners, labelled, legend, lines, quantile, same, titles
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures.style import COLOURS, INK, MARKERS

ZEROS = "zeros stand beyond this line"
LONG = [f"a selector whose name goes on, and on, and on, and says little until its end, which is {i}" for i in range(3)]
NAMES = ("random edges", "DPP nodes")


def brightness(colour):
    return float(np.dot(to_rgb(colour), [0.299, 0.587, 0.114]))


# curves


def test_errors_are_medians_and_bands_over_what_is_kept_in_the_colour_of_the_selector():
    data = pruned.errors()
    shuffled = data.isel(kept=[3, 0, 4, 1, 2])
    figure = figures.pruning_curves(shuffled, label="test error")
    assert titles(figure) == ["as pruned", "reweighted"]
    for panel, axes in enumerate(figure.axes):
        found = lines(axes)
        assert list(found) == ["unpruned", *pruned.SELECTORS]
        for i, name in enumerate(pruned.SELECTORS):
            values = data["error"].values[panel, i].T
            assert same(found[name], pruned.SHARES, np.median(values, axis=-1))
            assert to_hex(found[name].get_color()) == COLOURS[i]
            assert found[name].get_marker() == MARKERS[i]
            low, high = corners(labelled(axes.collections, "_band")[i])
            assert low == pytest.approx(quantile(values, 0.1))
            assert high == pytest.approx(quantile(values, 0.9))
        assert found["unpruned"].get_ydata() == [data["unpruned"].values[panel]] * 2
        assert to_hex(found["unpruned"].get_color()) == INK
        assert axes.get_yscale() == axes.get_xscale() == "linear"
        assert axes.get_ylim()[0] < 0
        assert axes.get_xlabel().replace("\n", " ") == "share of parameters that stay"
    assert figure.axes[0].get_ylabel() == "test error"
    assert legend(figure) == [*pruned.SELECTORS, "median of 5 seeds", "10–90 % of them", "unpruned"]


def test_percent_is_of_errors_and_of_shares():
    data = pruned.errors(panels=1).isel(panel=0)
    (axes,) = figures.pruning_curves(data, percent=True, label="test error").axes
    median = np.median(100 * data["error"].values[1], axis=0)
    assert same(lines(axes)["DPP node"], 100 * pruned.SHARES, median)
    assert lines(axes)["unpruned"].get_ydata() == [100 * float(data["unpruned"])] * 2
    assert axes.get_ylabel() == "test error\u00a0\u00a0(%)"
    assert axes.get_xlabel() == "share of parameters that stay\u00a0\u00a0(%)"
    counts = data.assign_coords(kept=[1, 2, 3, 5, 6])
    counts["kept"].attrs["label"] = "k: nodes that stay"
    (axes,) = figures.pruning_curves(counts, percent=True).axes
    assert same(lines(axes)["DPP node"], [1, 2, 3, 5, 6], median)
    assert axes.get_xlabel() == "k: nodes that stay"
    axes.figure.draw_without_rendering()
    assert all(tick == round(tick) for tick in axes.get_xticks())
    factors = data.assign_coords(kept=[1, 10, 100, 1000, 10000])
    assert figures.pruning_curves(factors).axes[0].get_xscale() == "log"
    assert figures.pruning_curves(factors, log_x=False).axes[0].get_xscale() == "linear"
    assert data["kept"].values.tolist() == pruned.SHARES.tolist()  # the caller's data are as they were


def test_one_seed_has_no_band_and_selectors_are_found_under_other_names():
    data = pruned.errors(panels=1).isel(panel=0, drop=True).drop_vars("unpruned")
    for seeds in (data.isel(seed=0), data.isel(seed=[0])):
        (axes,) = figures.pruning_curves(seeds).axes
        assert not axes.collections
        assert legend(axes.figure) == pruned.SELECTORS
        assert same(lines(axes)["DPP edge"], pruned.SHARES, data["error"].values[2, 0])
    (axes,) = figures.pruning_curves(data.rename(setting="selector")).axes
    assert list(lines(axes)) == pruned.SELECTORS
    (axes,) = figures.pruning_curves(data.rename(setting="selector").isel(selector=1)).axes
    assert same(lines(axes)["DPP node"], pruned.SHARES, np.median(data["error"].values[1], axis=0))
    (axes,) = figures.pruning_curves(data.isel(setting=1, drop=True)).axes
    assert same(axes.lines[0], pruned.SHARES, np.median(data["error"].values[1], axis=0))
    assert legend(axes.figure)[0] == "median of 5 seeds"


def test_lost_seeds_are_in_no_median_and_counted_and_lines_go_on_over_what_is_not_there():
    data = pruned.errors(panels=1).isel(panel=0)
    data["error"][1, 2] = np.nan
    data["error"][0, :, 1::2] = np.nan
    data["error"][2] = np.inf
    (axes,) = figures.pruning_curves(data).axes
    rest = data["error"].values[1][[0, 1, 3, 4]]
    assert same(lines(axes)["DPP node"], pruned.SHARES, np.median(rest, axis=0))
    assert same(lines(axes)["random edge"], pruned.SHARES[::2], np.median(data["error"].values[0], axis=0)[::2])
    assert legend(axes.figure)[:3] == ["random edge", "DPP node  (4 of 5 seeds)", "DPP edge  (0 of 5 seeds)"]


def test_errors_of_zero_have_a_place_on_a_logarithmic_axis_and_decades_ask_for_one():
    data = pruned.errors(panels=1).isel(panel=0)
    data["error"][1, :, 3:] = 0.0
    (axes,) = figures.pruning_curves(data, log=True).axes
    assert axes.get_yscale() == "symlog"
    assert axes.get_ylim()[0] < 0
    assert lines(axes)["DPP node"].get_ydata()[3:].tolist() == [0.0, 0.0]
    assert ZEROS in legend(axes.figure)
    data = pruned.errors(panels=1).isel(panel=0)
    assert figures.pruning_curves(data).axes[0].get_yscale() == "linear"
    data["error"][2] *= 1e-3
    (axes,) = figures.pruning_curves(data).axes
    assert axes.get_yscale() == "log"
    assert ZEROS not in legend(axes.figure)
    (axes,) = figures.pruning_curves(data.assign(unpruned=0.0), log=True).axes
    assert lines(axes)["unpruned"].get_ydata() == [0.0, 0.0]
    assert ZEROS in legend(axes.figure)


def test_twelve_selectors_have_an_order_of_colours_and_no_bands():
    data = pruned.errors(selectors=12, panels=1).isel(panel=0)
    (axes,) = figures.pruning_curves(data).axes
    assert not axes.collections
    found = [lines(axes)[f"selector {i}"] for i in range(12)]
    shades = [brightness(line.get_color()) for line in found]
    assert shades == sorted(shades)
    assert len({(line.get_marker(), line._dash_pattern[1] and tuple(line._dash_pattern[1])) for line in found}) == 12
    assert "10–90 % of them" not in legend(axes.figure)


def test_the_unpruned_error_may_have_seeds_or_be_one_for_all_panels():
    data = pruned.errors()
    seeds = np.array([0.02, 0.05, np.nan, 0.03, 0.04])
    for unpruned, expected in ((("seed", seeds), 0.035), (((), 0.031), 0.031)):
        figure = figures.pruning_curves(data.drop_vars("unpruned").assign(unpruned=unpruned))
        assert [lines(axes)["unpruned"].get_ydata()[0] for axes in figure.axes] == pytest.approx([expected] * 2)
    nowhere = figures.pruning_curves(data.assign(unpruned=("panel", [np.nan, np.nan])))
    assert "unpruned" not in legend(nowhere)
    high = figures.pruning_curves(data.assign(unpruned=("panel", [0.03, 0.9])), share_y=False)
    assert high.axes[0].get_ylim()[1] < 0.9 < high.axes[1].get_ylim()[1]


# theory over curves


def test_predictions_are_lines_and_errors_points_with_bars_on_them():
    data = pruned.expected()
    (axes,) = figures.pruning_curves(data, label="generalization error").axes
    for i, (name, container) in enumerate(zip(pruned.SELECTORS, axes.containers, strict=True)):
        line, points = labelled(axes.lines, f"theory {name}")[0], container.lines[0]
        assert same(line, np.arange(1, 5), data["predicted"].values[i])
        measured = data["error"].values[i].T
        assert same(points, np.arange(1, 5), np.median(measured, axis=-1))
        assert to_hex(line.get_color()) == to_hex(points.get_color()) == COLOURS[i]
        bars = np.array(container.lines[2][0].get_segments())
        assert bars[:, 0, 1] == pytest.approx(quantile(measured, 0.1))
        assert bars[:, 1, 1] == pytest.approx(quantile(measured, 0.9))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("number of parameters that stay", "generalization error")
    said = ["theory", "measured: median of 5 seeds, bars 10–90 % of them"]
    assert legend(axes.figure) == [*pruned.SELECTORS, *said]
    other = figures.predicted_and_measured(data.rename(error="measured"), label="generalization error")
    for line, again in zip(axes.lines, other.axes[0].lines, strict=True):
        assert same(line, again.get_xdata(), again.get_ydata())
    assert other.axes[0].get_xlabel() == "what stays"


def test_a_selector_without_theory_has_no_line_and_zeros_are_predicted_too():
    data = pruned.expected()
    data["predicted"][0] = np.nan
    data["predicted"][1, 2:] = 0.0
    figure = figures.pruning_curves(data, log=True)
    assert lines(figure.axes[0])["theory random edge"].get_xdata().size == 0
    assert same(lines(figure.axes[0])["theory DPP node"], np.arange(1, 5), data["predicted"].values[1])
    handles = figure.legends[0].legend_handles
    assert [handle.get_linestyle() == "None" for handle in handles[:3]] == [True, False, False]
    assert ZEROS in legend(figure)


def test_panels_may_be_of_the_theory_alone():
    data = pruned.expected().drop_vars("predicted")
    lines_ = pruned.expected()["predicted"]
    both = xr.concat([lines_, 0.5 * lines_], xr.Variable("panel", ["no refit", "refit"]))
    figure = figures.pruning_curves(data.assign(predicted=both, unpruned=("panel", [0.1, 0.2])))
    assert titles(figure) == ["no refit", "refit"]
    for axes, factor, unpruned in zip(figure.axes, (1.0, 0.5), (0.1, 0.2)):
        assert same(lines(axes)["theory DPP edge"], np.arange(1, 5), factor * lines_.values[2])
        assert lines(axes)["unpruned"].get_ydata()[0] == unpruned


def test_curves_say_what_they_cannot_draw():
    data = pruned.errors()
    with pytest.raises(ParameterError, match=r"figure pruning_curves has room for 1 to 6 panels. Got 7; select some"):
        figures.pruning_curves(data.isel(panel=[0] * 7))
    with pytest.raises(ParameterError, match=r"needs 'kept' with dimensions \(kept\)"):
        figures.pruning_curves(data.drop_vars("kept"))
    with pytest.raises(ParameterError, match=r"needs 'predicted' with dimensions \(kept\).*isel\(alpha=0\)"):
        figures.pruning_curves(data.assign(predicted=(("kept", "alpha"), np.ones((5, 2)))))
    with pytest.raises(ParameterError, match=r"needs 'unpruned', a single number.*isel\(setting=0\)"):
        figures.pruning_curves(data.assign(unpruned=("setting", np.ones(3))))


# the region


def cells(axes):
    """The value of each rectangle by its left, right, lower and upper border."""
    (found,) = labelled(axes.collections, "_cells")
    boxes = [(*path.vertices[[0, 2], 0], *path.vertices[[0, 2], 1]) for path in found.get_paths()]
    return dict(zip(boxes, found.get_array().data, strict=True))


def pieces(axes, label):
    return sorted(np.round(piece, 6).tolist() for piece in labelled(axes.collections, label)[0].get_segments())


def hatched(axes):
    (found,) = labelled(axes.collections, "_first")
    assert found.get_hatch()
    return [(*path.vertices[[0, 2], 0], *path.vertices[[0, 2], 1]) for path in found.get_paths()]


def test_each_cell_has_the_colour_of_its_ratio_at_its_copies_and_what_is_kept():
    data = pruned.ratios()
    figure = figures.pruning_region(data.isel(copies=[2, 0, 3, 1], kept=np.r_[4:8, 0:4]), names=NAMES)
    axes, bar = figure.axes
    values = data["log_ratio"].values
    assert cells(axes) == {
        (Z - 0.5, Z + 0.5, k - 0.5, k + 0.5): values[Z - 1, k - 1] for Z in range(1, 5) for k in range(1, 2 * Z + 1)
    }
    low, high = labelled(axes.collections, "_cells")[0].get_clim()
    assert low == -high == pytest.approx(-np.log(2.0))  # the next round factor over exp(0.6)
    assert axes.get_xlim() == (0.5, 4.5)
    assert axes.get_ylim() == (0.5, 8.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Z: copies of each teacher node", "k: nodes that stay")
    assert bar.get_ylabel() == "error of random edges\n/ error of DPP nodes"
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0.5", "0.667", "1", "1.5", "2"]
    assert bar.get_yticks() == pytest.approx(np.log([0.5, 2 / 3, 1, 1.5, 2]))


def test_the_first_side_is_hatched_and_both_are_named_in_their_colours():
    figure = figures.pruning_region(pruned.ratios(), names=NAMES)
    axes = figure.axes[0]
    # The first selector has the smaller error where k < Z.
    assert hatched(axes) == [(Z - 0.5, Z + 0.5, 0.5, Z - 0.5) for Z in range(2, 5)]
    said = ["smaller error: random edges", "smaller error: DPP nodes", "equal errors", "border between them"]
    assert legend(figure) == said
    first, second, equal, _ = figure.legends[0].legend_handles
    assert first.get_hatch()
    assert not second.get_hatch()
    image = labelled(axes.collections, "_cells")[0]
    for handle, sign in ((first, -1), (second, 1), (equal, 0)):
        assert to_rgb(handle.get_facecolor()) == pytest.approx(to_rgb(image.cmap(0.5 + 0.25 * sign)))
    assert brightness(equal.get_facecolor()) > brightness(first.get_facecolor()) + 0.2


def test_the_border_runs_between_cells_of_different_sides():
    data = xr.Dataset(
        {"log_ratio": (("copies", "kept"), [[1.0, -1.0, np.nan], [-1.0, 1.0, 1.0], [-1.0, -1.0, 1e-14]])},
        {"copies": [1, 2, 3], "kept": [1, 2, 3]},
    )
    (axes, _) = figures.pruning_region(data).axes
    expected = [
        [[0.5, 1.5], [1.5, 1.5]],
        [[1.5, 0.5], [1.5, 1.5]],  # between the first and the second column
        [[1.5, 1.5], [1.5, 2.5]],
        [[1.5, 1.5], [2.5, 1.5]],
        [[2.5, 1.5], [2.5, 2.5]],
        [[2.5, 2.5], [3.5, 2.5]],
        [[2.5, 2.5], [2.5, 3.5]],  # equal errors are nobody's side
    ]
    assert pieces(axes, "_border") == sorted(expected)


def test_shares_divide_each_column_at_its_own():
    shares = np.array([0.25, 1 / 3, 0.5, 2 / 3, 0.75])
    values = [[-1.0, np.nan, -1.0, np.nan, 1.0], [np.nan, -1.0, np.nan, 1.0, np.nan]]
    data = xr.Dataset({"log_ratio": (("copies", "kept"), values)}, {"copies": [2, 3], "kept": shares})
    axes = figures.pruning_region(data).axes[0]
    boxes = sorted(cells(axes))
    assert np.array(boxes)[:, 2:] == pytest.approx(
        np.array([[0.125, 0.375], [0.375, 0.625], [0.625, 0.875], [1 / 6, 0.5], [0.5, 5 / 6]])
    )
    assert np.array(hatched(axes)) == pytest.approx(np.array([[1.5, 2.5, 0.125, 0.625], [2.5, 3.5, 1 / 6, 0.5]]))
    between = [[[1.5, 0.625], [2.5, 0.625]], [[2.5, 0.5], [2.5, 0.625]], [[2.5, 0.5], [3.5, 0.5]]]
    assert np.array(pieces(axes, "_border")) == pytest.approx(np.array(sorted(between)), abs=1e-5)
    assert axes.get_ylabel() == "k / K: share of the nodes that stay"


def test_panels_of_teachers_share_a_scale_and_extremes_end_at_a_factor_of_ten():
    data = pruned.ratios(teachers=3)
    data["log_ratio"][2, 3, :2] = [-np.inf, 40.0]
    figure = figures.pruning_region(data)
    assert titles(figure) == ["M = 2", "M = 3", "M = 4"]
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    found = [labelled(axes.collections, "_cells")[0] for axes in panels]
    assert len({image.get_clim() for image in found}) == 1
    assert found[0].get_clim()[1] == pytest.approx(np.log(10))
    assert cells(panels[2])[3.5, 4.5, 0.5, 1.5] == pytest.approx(-np.log(10))
    assert cells(panels[2])[3.5, 4.5, 1.5, 2.5] == pytest.approx(np.log(10))
    assert (3.5, 4.5, 0.5, 1.5) in hatched(panels[2])
    assert cells(panels[0])[0.5, 1.5, 1.5, 2.5] == data["log_ratio"].values[0, 0, 1]


def test_ties_one_column_and_copies_by_factors():
    figure = figures.pruning_region(0 * pruned.ratios(), names=NAMES)
    assert legend(figure) == ["equal errors"]
    assert pieces(figure.axes[0], "_border") == []
    one = figures.pruning_region(pruned.ratios().isel(copies=[2])).axes[0]
    assert [tick for tick in one.get_xticks() if one.get_xlim()[0] <= tick <= one.get_xlim()[1]] == [3]
    doubled = figures.pruning_region(pruned.ratios().assign_coords(copies=[1, 2, 4, 8])).axes[0]
    assert doubled.get_xscale() == "log"
    assert doubled.get_xticks().tolist() == [1, 2, 4, 8]


def test_many_cells_are_an_image_and_light():
    Z, k = np.arange(1, 41), np.linspace(0.02, 0.98, 60)
    data = xr.Dataset({"log_ratio": (("copies", "kept"), k - 0.02 * Z[:, None])}, {"copies": Z, "kept": k})
    text = figures.svg(figures.pruning_region(data))
    assert text.count("<image") >= 1
    assert len(text) < 200_000


def test_a_region_says_what_it_cannot_draw():
    with pytest.raises(ParameterError, match=r"'names' parameter of pruning_region must be two texts.* Got 'ab'"):
        figures.pruning_region(pruned.ratios(), names="ab")
    with pytest.raises(ParameterError, match=r"must be two texts.* Got \('a',\)"):
        figures.pruning_region(pruned.ratios(), names=("a",))
    with pytest.raises(ParameterError, match=r"room for 1 to 6 panels. Got 7; select some with .isel\(teachers="):
        figures.pruning_region(pruned.ratios(teachers=2).isel(teachers=[0] * 7))


# names


@pytest.mark.parametrize("panels", [1, 3])
@pytest.mark.parametrize("theory", [False, True])
def test_long_names_stay_on_the_sheet_and_off_each_other(panels, theory):
    data = pruned.errors(panels=panels).assign_coords(setting=LONG)
    if theory:
        data = data.assign(predicted=data["error"].mean("seed"))
    check(figures.pruning_curves(data, label="an error that has a name of more than one line, and much more to say"))


@pytest.mark.parametrize("teachers", [1, 3])
def test_long_names_of_a_region_stay_on_the_sheet(teachers):
    check(figures.pruning_region(pruned.ratios(teachers=teachers), names=LONG[:2]))


def check(figure):
    figure.draw_without_rendering()
    (found,) = figure.legends
    box, page = found.get_window_extent(), figure.bbox
    assert box.x0 >= page.x0
    assert box.x1 <= page.x1
    assert box.y1 <= page.y1
    labels = [axes.xaxis.label.get_window_extent() for axes in figure.axes if axes.get_xlabel()]
    assert not any(one.overlaps(other) for i, one in enumerate(labels) for other in labels[:i])
    for axes in figure.axes:
        panel = axes.get_tightbbox()
        assert panel.y1 <= box.y0 + 1
        assert panel.x0 >= -1
        assert panel.y0 >= -1
        assert panel.x1 <= page.x1 + 1
        assert axes.get_window_extent().height > 100
    assert len(legend(figure)) == len(set(legend(figure)))
