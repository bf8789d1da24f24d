"""What the figures of robustness draw: students, errors over epsilon, both subspaces, theory and measurement."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex, to_rgb

from figures import attacked
from figures.reading import corners, labelled, legend, lines, quantile, same, titles, words
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures._axes import value_axis
from practicum.figures._regimes import marks
from practicum.figures.style import COLOURS, INK, MANY, MARKERS, sheet, styles

ZEROS = "zeros stand beyond this line"
LONG = [f"a regime whose name goes on, and on, and on, and says little until its end, which is {i}" for i in range(3)]


def brightness(colour):
    return float(np.dot(to_rgb(colour), [0.299, 0.587, 0.114]))


# an axis with a place for zeros


@pytest.mark.parametrize("which", ["x", "y"])
def test_zeros_have_a_place_at_the_lower_edge_of_a_logarithmic_axis(which):
    axes = sheet(3.0).add_subplot()
    assert value_axis(axes, which, np.array([0.0, 1e-3, np.nan, 0.5, -1.0]), logarithmic=True) is True
    axis = getattr(axes, f"{which}axis")
    low, high = axis.get_view_interval()
    assert axis.get_scale() == "symlog"
    assert low < 0 < 1e-3 < 0.5 < high < 0.8
    assert axis.get_major_formatter()(0.0, 0) == "0"
    assert 0.0 in axis.get_majorticklocs()
    (edge,) = labelled(axes.lines, "_edge")
    at = (edge.get_xdata() if which == "x" else edge.get_ydata())[0]
    assert 0 < at < 1e-3
    share = axis.get_transform().transform([low, 0.0, at, 1e-3, high])
    place = (share - share[0]) / (share[-1] - share[0])
    assert 0 < place[1] < 0.05 < place[2] < place[3] < 0.25


def test_an_axis_without_zeros_is_plain_and_one_without_numbers_too():
    for values, scale in (([1e-3, 1.0], "log"), ([np.nan], "log")):
        axes = sheet(3.0).add_subplot()
        assert value_axis(axes, "y", np.array(values), logarithmic=True) is False
        assert axes.get_yscale() == scale
        assert not labelled(axes.lines, "_edge")
    axes = sheet(3.0).add_subplot()
    assert value_axis(axes, "y", np.zeros(3), logarithmic=True) is True
    value_axis(axes, "x", np.array([2.0, 2.0]))
    assert axes.get_xlim()[0] < 2.0 < axes.get_xlim()[1]


def test_marks_can_be_told_apart_with_colours_and_without():
    for count in (1, 6, 7, MANY - 1):
        looks = marks(styles(count))
        kinds = [(look["marker"], look["markerfacecolor"] == look["color"]) for look in looks]
        assert len(set(kinds)) == count
        assert [look["color"] for look in looks] == [COLOURS[i % 6] for i in range(count)]
    many = [brightness(look["color"]) for look in marks(styles(15))]
    assert many == sorted(many)
    assert many[-1] - many[0] > 0.3


# the scatter


def test_every_student_stands_at_its_specialization_and_its_error_in_the_colour_of_its_regime():
    data = attacked.scattered()
    figure = figures.robustness_scatter(data)
    assert titles(figure) == attacked.LAWS
    for panel, axes in enumerate(figure.axes):
        found = lines(axes)
        assert list(found) == attacked.REGIMES
        for i, (name, points) in enumerate(found.items()):
            x, y = data["specialization"].values[panel, i], data["robust_error"].values[i]
            assert same(points, x, y)
            assert to_hex(points.get_color()) == COLOURS[i], name
            assert points.get_marker() == MARKERS[i]
            assert points.get_linestyle() == "None"
        assert axes.get_yscale() == "log"
        assert axes.get_xscale() == "linear"
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert figure.axes[0].get_xlabel() == "specialization"
    assert figure.axes[0].get_ylabel() == "robust error"
    assert legend(figure) == [*attacked.REGIMES, "in brackets: 95 % confidence interval"]


def test_correlations_are_written_with_their_intervals():
    data = attacked.scattered()
    data["pearson"].attrs["label"] = "Pearson, log-error"
    data["specialization"].attrs["label"] = "mean best correlation"
    data["pearson_low"].attrs["confidence"] = 0.9
    left, right = figures.robustness_scatter(data).axes
    assert words(left) == ["Pearson, log-error −0.83 [−0.88, −0.68]\nSpearman −0.50 [−0.55, −0.35]"]
    assert words(right) == ["Pearson, log-error 0.10 [0.05, 0.25]"]  # Spearman is unknown there
    assert "in brackets: 90 % confidence interval" in legend(left.figure)
    assert right.get_xlabel() == "mean best correlation"
    alone = figures.robustness_scatter(data[["specialization", "robust_error", "spearman"]])
    assert words(alone.axes[0]) == ["Spearman −0.50"]
    assert legend(alone) == attacked.REGIMES
    one = figures.robustness_scatter(data.isel(law=0, drop=True))
    assert words(one.axes[0]) == words(left)


def test_correlations_cover_no_student():
    data = attacked.scattered()
    data["specialization"][:, 0, 0], data["robust_error"][0, 0] = 0.3, 3.0  # the upper left corner
    figure = figures.robustness_scatter(data)
    figure.draw_without_rendering()
    for axes in figure.axes:
        (text,) = axes.texts
        below = text.get_window_extent().y0
        top = max(axes.transData.transform(line.get_xydata())[:, 1].max() for line in lines(axes).values())
        assert top < below


def test_students_that_never_err_stand_at_the_lower_edge():
    data = attacked.scattered()
    data["robust_error"][1, 2] = 0.0
    figure = figures.robustness_scatter(data)
    for panel, axes in enumerate(figure.axes):
        points = lines(axes)["adversarial"]
        assert same(points, data["specialization"].values[panel, 1], data["robust_error"].values[1])
        assert axes.get_ylim()[0] < 0.0
    assert ZEROS in legend(figure)
    assert ZEROS not in legend(figures.robustness_scatter(attacked.scattered()))


def test_students_without_a_number_are_left_out_and_counted():
    data = attacked.scattered(seeds=5)
    data["robust_error"][0, 1] = np.nan
    data["robust_error"][0, 3] = np.inf
    data["specialization"][0, 1, 0] = np.nan  # the other panel still has this seed
    data["specialization"][:, 2] = np.nan
    left, right = figures.robustness_scatter(data).axes
    kept = [0, 2, 4]
    assert same(
        lines(left)["standard"], data["specialization"].values[0, 0, kept], data["robust_error"].values[0, kept]
    )
    assert [len(lines(axes)["adversarial"].get_xdata()) for axes in (left, right)] == [4, 5]
    assert legend(left.figure)[:3] == ["standard  (3 of 5 seeds)", "adversarial", "noise  (0 of 5 seeds)"]


def test_one_student_and_one_regime():
    data = attacked.scattered().isel(law=0, drop=True)
    one = data.isel(seed=0)
    (axes,) = figures.robustness_scatter(one).axes
    for i, name in enumerate(attacked.REGIMES):
        assert same(lines(axes)[name], one["specialization"].values[[i]], one["robust_error"].values[[i]])
    (axes,) = figures.robustness_scatter(data.isel(regime=1)).axes
    assert same(lines(axes)["adversarial"], *(data[name].values[1] for name in ("specialization", "robust_error")))
    (axes,) = figures.robustness_scatter(data.isel(regime=1, drop=True)).axes
    assert same(lines(axes)["student"], *(data[name].values[1] for name in ("specialization", "robust_error")))


def test_panels_may_be_errors_or_have_an_axis_each():
    data = attacked.scattered().isel(law=0, drop=True).drop_vars(["pearson", "spearman"])
    both = xr.concat([data["robust_error"], 2 * data["robust_error"]], xr.Variable("panel", ["fixed", "oracle"]))
    figure = figures.robustness_scatter(data.assign(robust_error=both))
    assert titles(figure) == ["fixed", "oracle"]
    assert same(lines(figure.axes[1])["noise"], data["specialization"].values[2], 2 * data["robust_error"].values[2])
    data = attacked.scattered()
    data["specialization"][0] = 0.99 + 0.01 * data["specialization"][0]
    left, right = figures.robustness_scatter(data, share_x=False).axes
    assert left.get_xlim()[0] > 0.99
    assert right.get_xlim()[0] < 0.9
    with pytest.raises(ParameterError, match=r"room for 1 to 6 panels. Got 7; select some with .isel\(law="):
        figures.robustness_scatter(data.isel(law=[0] * 7))


# errors over epsilon


def test_errors_are_medians_and_bands_over_epsilon():
    data = attacked.curves()
    shuffled = data.isel(epsilon=[3, 0, 4, 1, 2])
    figure = figures.robustness_curves(shuffled, label="share of students that err")
    assert titles(figure) == ["fixed label", "oracle"]
    for panel, axes in enumerate(figure.axes):
        for i, (name, line) in enumerate(lines(axes).items()):
            values = data["robust_error"].values[panel, i].T
            assert name == attacked.REGIMES[i]
            assert same(line, attacked.EPSILON, np.median(values, axis=-1))
            assert to_hex(line.get_color()) == COLOURS[i]
            low, high = corners(labelled(axes.collections, "_band")[i])
            assert low == pytest.approx(quantile(values, 0.1))
            assert high == pytest.approx(quantile(values, 0.9))
        assert axes.get_yscale() == axes.get_xscale() == "linear"
        assert axes.get_xlabel() == "ε: size of the perturbation"
    assert figure.axes[0].get_ylabel().replace("\n", " ") == "share of students that err"
    assert legend(figure) == [*attacked.REGIMES, "median of 4 seeds", "10–90 % of them"]


def test_logarithmic_errors_have_a_place_for_zero_on_both_axes():
    data = attacked.curves()
    figure = figures.robustness_curves(data, log=True, log_epsilon=True)
    assert data["robust_error"].values[..., 0].max() == 0.0
    for panel, axes in enumerate(figure.axes):
        assert axes.get_yscale() == axes.get_xscale() == "symlog"
        assert same(lines(axes)["noise"], attacked.EPSILON, np.median(data["robust_error"].values[panel, 2], axis=0))
        assert axes.get_ylim()[0] < 0
        assert axes.get_xlim()[0] < 0
    assert ZEROS in legend(figure)
    without = figures.robustness_curves(data.isel(epsilon=slice(1, None)), log=True, log_epsilon=True)
    assert without.axes[0].get_yscale() == without.axes[0].get_xscale() == "log"
    assert ZEROS not in legend(without)


def test_one_seed_has_no_band_and_settings_are_found_under_other_names():
    data = attacked.curves(panels=1).isel(panel=0, drop=True)
    for seeds in (data.isel(seed=0), data.isel(seed=[0])):
        (axes,) = figures.robustness_curves(seeds).axes
        assert not axes.collections
        assert legend(axes.figure) == attacked.REGIMES
        assert same(lines(axes)["noise"], attacked.EPSILON, data["robust_error"].values[2, 0])
    (axes,) = figures.robustness_curves(data.rename(setting="regime")).axes
    assert list(lines(axes)) == attacked.REGIMES
    (axes,) = figures.robustness_curves(data.rename(setting="multiple").assign_coords(multiple=[1, 2, 5])).axes
    assert list(lines(axes)) == ["1×", "2×", "5×"]
    (axes,) = figures.robustness_curves(data.isel(setting=1, drop=True)).axes
    assert same(axes.lines[0], attacked.EPSILON, np.median(data["robust_error"].values[1], axis=0))
    assert legend(axes.figure)[0] == "median of 4 seeds"


def test_seeds_without_a_number_are_in_no_median_and_counted():
    data = attacked.curves()
    data["robust_error"][:, 1, 2] = np.nan
    figure = figures.robustness_curves(data, share_y=False)
    rest = data["robust_error"].values[1, 1][[0, 1, 3]]
    assert same(lines(figure.axes[1])["adversarial"], attacked.EPSILON, np.median(rest, axis=0))
    assert legend(figure)[1] == "adversarial  (3 of 4 seeds)"
    assert figure.axes[0].get_ylim()[1] > 1.5 * figure.axes[1].get_ylim()[1]


# inside and outside


def test_inside_is_solid_and_outside_dashed_in_the_colour_of_the_setting():
    data = attacked.subspaces()
    data["setting"].attrs["label"] = "initial scale"
    figure = figures.inside_outside(data, log_epoch=True)
    (axes,) = figure.axes
    names = ["initial scale 1", "initial scale 0.1", "initial scale 0.01"]
    for i, name in enumerate(names):
        pair = [lines(axes)[f"{place} {name}"] for place in ("inside", "outside")]
        for place, line in zip(("inside", "outside"), pair):
            assert same(line, attacked.EPOCH, np.median(data[place].values[i], axis=-1))
            assert to_hex(line.get_color()) == COLOURS[i]
            assert line.get_marker() == MARKERS[i]
        assert [line.is_dashed() for line in pair] == [False, True]
        low, _ = corners(labelled(axes.collections, "_band")[2 * i + 1])
        assert low == pytest.approx(quantile(data["outside"].values[i], 0.1))
    assert axes.get_xscale() == "symlog"
    assert axes.get_ylim()[0] < -0.1
    places = ["inside the data subspace", "outside the data subspace"]
    assert legend(figure) == [*names, *places, "median of 4 seeds", "10–90 % of them"]
    handles = {handle.get_label(): handle for handle in figure.legends[0].legend_handles}
    assert [handles[place].is_dashed() for place in places] == [False, True]


def test_many_scales_have_an_order_and_no_bands():
    data = attacked.subspaces(settings=14)
    (axes,) = figures.inside_outside(data).axes
    assert not axes.collections
    shades = [brightness(lines(axes)[f"outside {value:g}"].get_color()) for value in data["setting"].values]
    assert shades == sorted(shades)
    assert "10–90 % of them" not in legend(axes.figure)


def test_one_setting_and_one_moment_and_lost_seeds():
    data = attacked.subspaces()
    (axes,) = figures.inside_outside(data.isel(setting=0, drop=True)).axes
    assert list(lines(axes)) == ["inside", "outside"]
    exact = data.assign(outside=data["outside"].isel(seed=0))
    (axes,) = figures.inside_outside(exact).axes
    assert same(lines(axes)["outside 0.1"], attacked.EPOCH, exact["outside"].values[1])
    assert same(lines(axes)["inside 0.1"], attacked.EPOCH, np.median(data["inside"].values[1], axis=-1))
    data["inside"][1, :, :3], data["outside"][1, :, :3] = np.nan, np.nan
    data["inside"][2, 1:], data["outside"][2, 1:] = np.nan, np.nan
    (axes,) = figures.inside_outside(data).axes
    assert same(lines(axes)["inside 0.1"], attacked.EPOCH, data["inside"].values[1, :, 3])
    assert lines(axes)["inside 0.01"].get_marker() == MARKERS[2]
    assert "0.1  (1 of 4 seeds)" in legend(axes.figure)
    layers = xr.concat([data, data], xr.Variable("layer", [1, 2]))
    assert titles(figures.inside_outside(layers)) == ["layer 1", "layer 2"]


def test_a_line_of_many_steps_has_markers_and_a_single_known_one_among_them_too():
    epoch = np.arange(60.0)
    inside = np.full((2, 60), np.nan)
    inside[0], inside[1, 41] = 0.9, 0.7
    data = xr.Dataset(
        dict.fromkeys(("inside", "outside"), (("setting", "step"), inside)),
        {"epoch": ("step", epoch), "setting": ["a", "b"]},
    )
    (axes,) = figures.inside_outside(data).axes
    assert lines(axes)["inside a"].get_markevery() == (0, 8)
    assert lines(axes)["inside b"].get_markevery() is None


# theory and measurement


def test_predictions_are_lines_and_measurements_points_with_bars():
    data = attacked.predictions()
    (axes,) = figures.predicted_and_measured(data, label="robust MSE/2").axes
    drawn = {line.get_label(): line for line in axes.lines}
    for i, (name, container) in enumerate(zip(data["setting"].values, axes.containers)):
        line, points = drawn[f"theory {name}"], container.lines[0]
        assert same(line, attacked.ALPHA, data["predicted"].values[i])
        measured = data["measured"].values[i]
        assert same(points, attacked.ALPHA, np.median(measured, axis=-1))
        assert to_hex(line.get_color()) == to_hex(points.get_color()) == COLOURS[i]
        assert (line.get_marker(), points.get_marker()) == ("None", MARKERS[i])
        bars = np.array(container.lines[2][0].get_segments())
        assert bars[:, 0, 0].tolist() == attacked.ALPHA.tolist()
        assert bars[:, 0, 1] == pytest.approx(quantile(measured, 0.1))
        assert bars[:, 1, 1] == pytest.approx(quantile(measured, 0.9))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("α = updates / N", "robust MSE/2")
    said = ["theory", "measured: median of 5 seeds, bars 10–90 % of them"]
    assert legend(axes.figure) == [*data["setting"].values, *said]


def test_means_have_bars_of_a_standard_error():
    data = attacked.predictions(seeds=6)
    data["measured"][0, 2, 4:] = np.nan
    data["measured"][1, 3, 1:] = np.nan
    (axes,) = figures.predicted_and_measured(data, centre="mean").axes
    for i, container in enumerate(axes.containers):
        bars = container.lines[2][0].get_segments()
        for k, values in enumerate(data["measured"].values[i]):
            known = values[np.isfinite(values)]
            assert container.lines[0].get_ydata()[k] == pytest.approx(known.mean())
            if known.size > 1:
                low, high = bars[k][:, 1]
                assert high - low == pytest.approx(2 * np.std(known, ddof=1) / np.sqrt(known.size))
            else:
                assert not np.isfinite(bars[k]).all() or len(bars[k]) == 0
    assert "measured: mean of 6 seeds, bars ± standard error" in legend(axes.figure)


def test_several_theories_have_a_dash_each():
    data = attacked.predictions()
    both = xr.concat([data["predicted"], 0.5 * data["predicted"]], xr.Variable("theory", ["exact", "first order"]))
    (axes,) = figures.predicted_and_measured(data.assign(predicted=both)).axes
    drawn = {line.get_label(): line for line in axes.lines}
    for i, name in enumerate(data["setting"].values):
        assert same(drawn[f"first order {name}"], attacked.ALPHA, 0.5 * data["predicted"].values[i])
        assert [drawn[f"{theory} {name}"].is_dashed() for theory in ("exact", "first order")] == [False, True]
    assert legend(axes.figure)[:4] == [*data["setting"].values, "exact", "first order"]
    six = data.assign(predicted=both.isel(theory=[0] * 6))
    with pytest.raises(ParameterError, match=r"room for 5 theories.* Got 6; select some with .isel\(theory="):
        figures.predicted_and_measured(six)


def test_one_prediction_for_all_is_dark_and_one_seed_has_no_bars():
    data = attacked.predictions(seeds=1).isel(seed=0)
    data["predicted"] = data["predicted"].isel(setting=0, drop=True)
    data["predicted"][1::2] = np.nan  # the line goes on to the next point
    (axes,) = figures.predicted_and_measured(data).axes
    (line,) = labelled(axes.lines, "theory")
    assert same(line, attacked.ALPHA[::2], data["predicted"].values[::2])
    assert to_hex(line.get_color()) == INK
    segments = [segment for container in axes.containers for segment in container.lines[2][0].get_segments()]
    assert not any(np.isfinite(segment).all() and len(segment) for segment in segments)
    assert legend(axes.figure) == [*data["setting"].values, "theory", "measured, one seed"]


@pytest.mark.parametrize("dim", ["epsilon", "alpha", "epoch"])
def test_the_horizontal_axis_is_found_by_its_dimension(dim):
    data = attacked.predictions().rename(alpha=dim)
    (axes,) = figures.predicted_and_measured(data).axes
    assert same(axes.containers[0].lines[0], attacked.ALPHA, np.median(data["measured"].values[0], axis=-1))
    label = {"epsilon": "ε: size of the perturbation", "alpha": "α = updates / N", "epoch": "epoch"}[dim]
    assert axes.get_xlabel() == label


def test_axes_are_logarithmic_where_values_ask_for_it_or_the_caller_does():
    data = attacked.predictions(settings=1)
    (axes,) = figures.predicted_and_measured(data).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    (axes,) = figures.predicted_and_measured(data, log=True, log_x=True).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("symlog", "log")
    factors = data.isel(alpha=slice(1, None)).assign_coords(alpha=np.geomspace(0.1, 100, 8)) ** 2
    (axes,) = figures.predicted_and_measured(factors.assign(predicted=factors["predicted"] * 1e-3)).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    (axes,) = figures.predicted_and_measured(factors, log=False, log_x=False).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")


def test_measured_zeros_are_drawn_on_a_logarithmic_axis():
    data = attacked.predictions(settings=1)
    data["measured"][0, :3] = 0.0
    data["predicted"][0, 0] = -1.0
    (axes,) = figures.predicted_and_measured(data, log=True).axes
    assert axes.containers[0].lines[0].get_ydata()[:3].tolist() == [0.0, 0.0, 0.0]
    assert same(labelled(axes.lines, "theory")[0], attacked.ALPHA[1:], data["predicted"].values[0, 1:])
    assert axes.get_ylim()[0] < 0
    assert ZEROS in legend(axes.figure)


def test_panels_settings_and_seeds_of_measurements():
    data = attacked.predictions()
    data["measured"][1, :, 3:] = np.nan
    panels = xr.concat([data, 2 * data], xr.Variable("panel", ["noise", "direction"]))
    figure = figures.predicted_and_measured(panels, share_y=False)
    assert titles(figure) == ["noise", "direction"]
    expected = 2 * np.median(data["measured"].values[1, :, :3], axis=-1)
    assert figure.axes[1].containers[1].lines[0].get_ydata() == pytest.approx(expected)
    assert figure.axes[1].get_ylim()[1] > 1.5 * figure.axes[0].get_ylim()[1]
    assert legend(figure)[1] == "init × 1  (3 of 5 seeds)"
    same_theory = panels.assign(predicted=data["predicted"])
    line = labelled(figures.predicted_and_measured(same_theory).axes[1].lines, "theory init × 1")[0]
    assert same(line, attacked.ALPHA, data["predicted"].values[1])


def test_what_cannot_be_drawn_is_said():
    data = attacked.predictions()
    with pytest.raises(ParameterError, match=r"'centre' parameter .* must be 'median' or 'mean'. Got 'mode'"):
        figures.predicted_and_measured(data, centre="mode")
    with pytest.raises(ParameterError, match=r"needs 'measured' with dimensions \(setting, alpha, seed\)"):
        figures.predicted_and_measured(data.assign(measured=data["measured"].isel(setting=0, drop=True)))
    with pytest.raises(ParameterError, match=r"needs 'epsilon' with dimensions \(epsilon\)"):
        figures.robustness_curves(attacked.curves().drop_vars("epsilon"))


# legends


@pytest.mark.parametrize(
    "name", ["robustness_scatter", "robustness_curves", "inside_outside", "predicted_and_measured"]
)
@pytest.mark.parametrize("many", [False, True])
def test_names_that_are_long_or_many_stay_on_the_sheet_and_off_the_panels(name, many):
    data = attacked.ALL[name]()
    dim = "regime" if name == "robustness_scatter" else "setting"
    if many:
        index = np.arange(16) % data.sizes[dim]
        data = data.isel({dim: index}).assign_coords({dim: [f"weight decay {2.0**-i:.3g}" for i in range(16)]})
    else:
        data = data.assign_coords({dim: LONG[: data.sizes[dim]]})
    figure = getattr(figures, name)(data, label="an error that has a name of more than one line, and much more to say")
    figure.draw_without_rendering()
    (found,) = figure.legends
    box, page = found.get_window_extent(), figure.bbox
    assert box.x0 >= page.x0
    assert box.x1 <= page.x1
    assert box.y1 <= page.y1
    for axes in figure.axes:
        panel = axes.get_tightbbox()
        assert panel.y1 <= box.y0 + 1
        assert panel.x0 >= -1
        assert panel.y0 >= -1
        assert axes.get_window_extent().height > 100
        label = axes.yaxis.label.get_window_extent()
        assert label.y1 <= box.y0 + 1
    assert len(legend(figure)) == len(set(legend(figure)))
