"""What each figure draws: the numbers it was given, and marks where they belong."""

from itertools import pairwise

import numpy as np
import pytest

from figures import drawable
from figures.reading import lines, same, words
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures._labels import spread
from practicum.figures._rule_map import edges
from practicum.figures.style import MANY, styles

# learning curves


def test_a_line_a_curve_with_its_numbers_and_its_name_at_the_end():
    data = drawable.curves(5)
    (axes,) = figures.learning_curves(data).axes
    drawn = lines(axes)
    assert list(drawn) == data["curve"].values.tolist()
    for i, line in enumerate(drawn.values()):
        assert same(line, drawable.ALPHA, data["generalization_error"].values[i])
    assert set(data["curve"].values) <= set(words(axes))
    assert axes.get_yscale() == "log"
    assert axes.get_xscale() == "linear"
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn.values()}) == 5


def test_a_result_without_curves_is_one_curve():
    data = drawable.curves(1).isel(curve=0, drop=True).assign_coords(status="diverged")
    (axes,) = figures.learning_curves(data).axes
    assert same(axes.lines[0], drawable.ALPHA, data["generalization_error"].values)
    assert words(axes) == ["diverged"]


def test_a_diverged_curve_ends_with_a_cross_and_says_so():
    data = drawable.curves().assign_coords(status=("curve", ["ok", "diverged", "diverged"]))
    data["generalization_error"][1, 17:] = np.nan
    data["generalization_error"][2] = np.nan
    (axes,) = figures.learning_curves(data).axes
    (cross,) = [line for line in axes.lines if line.get_label() == "_diverged"]
    assert cross.get_xdata() == [drawable.ALPHA[16]]
    assert cross.get_ydata() == [data["generalization_error"].values[1, 16]]
    said = words(axes)
    assert "η = 2 diverged" in said
    assert "no point to draw: η = 3 diverged" in said


def test_zero_and_negative_errors_are_left_out_of_a_logarithmic_axis():
    data = drawable.curves(1)
    data["generalization_error"][0, [3, 7]] = np.array([0.0, -1.0])
    (line,) = lines(figures.learning_curves(data).axes[0]).values()
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [3, 7]


def test_plateaus_and_their_ends_are_marked():
    data = drawable.curves().assign(plateau=("curve", [0.02, 0.02, 0.03]), escape_alpha=("curve", [30.0, np.nan, 50.0]))
    (axes,) = figures.learning_curves(data).axes
    levels = [line.get_ydata()[0] for line in axes.lines if line.get_label() == "_plateau"]
    assert levels == [0.02, 0.03]
    marks = [line for line in axes.lines if line.get_label() == "_escape"]
    assert [mark.get_xdata()[0] for mark in marks] == [30.0, 50.0]
    assert marks[0].get_ydata()[0] == pytest.approx(0.5 * np.exp(-3), rel=1e-12)
    assert [text.get_text() for text in axes.get_legend().texts] == ["plateau, theory", "end of the plateau"]


def test_a_band_of_one_standard_error():
    data = drawable.curves(1)
    data["standard_error"] = 0.1 * data["generalization_error"]
    (band,) = figures.learning_curves(data).axes[0].collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(0.55)


def test_a_logarithmic_alpha_leaves_out_zero():
    (axes,) = figures.learning_curves(drawable.curves(1), log_alpha=True).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[0] == drawable.ALPHA[1]


def test_a_single_point_is_a_dot():
    data = drawable.curves(1).isel(alpha=[4])
    (line,) = lines(figures.learning_curves(data).axes[0]).values()
    assert line.get_marker() != "None"


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_extreme_ranges_are_drawn(scale):
    data = drawable.curves()
    data["generalization_error"] = data["generalization_error"] ** 40 * scale
    assert figures.svg(figures.learning_curves(data))


def test_many_curves_have_many_looks_and_labels_that_do_not_overlap():
    data = drawable.curves(40)
    figure = figures.learning_curves(data)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert len(lines(axes)) == 40
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    assert len(boxes) >= 20
    for low, high in pairwise(boxes):
        assert high.y0 - low.y0 >= 0.9 * low.height


def test_styles_differ():
    for count in (1, 5, MANY - 1, MANY, 40):
        looks = styles(count)
        assert len({(str(look["color"]), str(look["linestyle"])) for look in looks}) == count


def test_spread_keeps_order_and_distance_and_moves_no_more_than_needed():
    rng = np.random.default_rng(3)
    for _ in range(200):
        wanted = np.sort(rng.random(rng.integers(1, 12)))
        found = np.array(spread(wanted.tolist(), 0.08, -0.05, 1.05))
        assert (np.diff(found) > 0.08 - 1e-9).all()
        assert found.min() > -0.05 - 1e-9
        assert found.max() < 1.05 + 1e-9
    assert spread([0.2, 0.8], 0.1, 0, 1) == [0.2, 0.8]
    assert spread([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])
    assert spread([0.98, 0.99], 0.1, 0, 1) == pytest.approx([0.9, 1.0])


# overlaps


def test_overlaps_draw_every_pair_once():
    data = drawable.order_parameters(2, K=3, M=2)
    panels = np.array(figures.overlaps(data).axes).reshape(2, 2)
    for column in range(2):
        Q, R = data["Q"].values[column], data["R"].values[column]
        above, below = lines(panels[0, column]), lines(panels[1, column])
        assert len(above) == 6
        assert len(below) == 6
        assert all(same(above[f"Q_{i}{k}"], drawable.ALPHA, Q[:, i, k]) for i in range(3) for k in range(i, 3))
        assert all(same(below[f"R_{i}{n}"], drawable.ALPHA, R[:, i, n]) for i in range(3) for n in range(2))
    assert [axes.get_title(loc="left") for axes in panels[0]] == ["β = 1", "β = 2"]


def test_the_best_match_is_thick_also_where_the_run_ends_early_or_points_away():
    data = drawable.order_parameters(1, K=2, M=3)
    data["R"][:] = 0.1
    data["R"][0, 20, 0, 2] = 0.9
    data["R"][0, 20, 1, 1] = -0.9
    data["R"][0, 21:] = np.nan
    drawn = lines(figures.overlaps(data).axes[1])
    widths = {name: line.get_linewidth() for name, line in drawn.items()}
    assert {name for name, width in widths.items() if width == max(widths.values())} == {"R_02", "R_11"}


def test_overlaps_refuse_more_columns_than_fit():
    with pytest.raises(ParameterError, match=r"room for 4 curves. Got 5"):
        figures.overlaps(drawable.order_parameters(5))


# escape


def test_escape_draws_theory_measurements_and_optima():
    data = drawable.escapes()
    (axes,) = figures.escape(data).axes
    drawn = lines(axes)
    for i, K in enumerate(data["students"].values):
        assert same(drawn[f"K = {K}"], data["inverse_temperature"].values, data["escape_rate"].values[i])
    stars = {line.get_label(): line for line in axes.lines if line.get_label().startswith("_best")}
    assert [star.get_xdata()[0] for star in stars.values()] == [8.0, 12.0, 20.0]
    assert len(axes.containers) == 3
    points = axes.containers[1].lines[0]
    assert same(points, data["measured_beta"].values, data["measured"].values[1])


def test_escape_over_beta_by_K_puts_all_optima_at_four():
    (axes,) = figures.escape(drawable.escapes(), scaled=True).axes
    assert [line.get_xdata()[0] for line in axes.lines if line.get_label().startswith("_best")] == [4.0] * 3


def test_escape_needs_theory_alone():
    (axes,) = figures.escape(drawable.escapes()[["escape_rate"]]).axes
    assert [text.get_text() for text in axes.get_legend().texts] == ["theory, η → 0"]


# rule map


def test_a_rule_map_shows_each_cell_and_masks_what_was_never_reached():
    data = drawable.rules(2)
    panels = [axes for axes in figures.rule_map(data).axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["K = 2", "K = 3"]
    for k, axes in enumerate(panels):
        mesh = axes.collections[0]
        shown, given = mesh.get_array(), np.where(np.isfinite(data["value"][k]), data["value"][k], np.nan).T
        assert np.array_equal(np.ma.filled(shown, np.nan), given, equal_nan=True)
        assert shown.mask.sum() == 3
        (star,) = [line for line in axes.lines if line.get_label() == "_best"]
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (4.0, 1.5)
        (ring,) = [line for line in axes.lines if line.get_label() == "_gradient descent"]
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (1.0, 1.4)


def test_a_rule_map_does_not_care_for_the_order_of_its_axes():
    data = drawable.rules(1)
    shuffled = data.isel(inverse_temperature=slice(None, None, -1)).transpose(..., "inverse_temperature")
    assert figures.svg(figures.rule_map(data)) == figures.svg(figures.rule_map(shuffled))


def test_a_rule_map_takes_one_panel_and_scalar_marks():
    data = drawable.rules(1).isel(students=0, drop=True)
    for given in (data, data.set_coords(["best_learning_rate", "gd_learning_rate"])):
        figure = figures.rule_map(given)
        assert len([line for line in figure.axes[0].lines if line.get_label() == "_best"]) == 1
    bar = figure.axes[-1]
    assert bar.get_ylabel() == "α to the target  (updates / N)"


@pytest.mark.parametrize(("betas", "etas"), [(1, 1), (1, 4), (2, 2), (5, 1)])
def test_a_rule_map_of_few_cells(betas, etas):
    data = drawable.rules(1).isel(inverse_temperature=slice(betas), learning_rate=slice(etas))
    assert figures.svg(figures.rule_map(data))


def test_contours_are_level_lines_and_each_is_named_once():
    data = drawable.rules(1)
    data["value"][0, ::3, -3:] = np.nan  # a ragged border
    axes = figures.rule_map(data).axes[0]
    names = words(axes)
    assert len(names) >= 3
    assert len(names) == len(set(names))
    best = float(np.nanmin(data["value"]))
    for line in axes.lines:
        if line.get_label().removeprefix("_")[0].isdigit():
            points = data["value"][0].interp(
                inverse_temperature=("point", line.get_xdata()), learning_rate=("point", line.get_ydata())
            )
            level = float(line.get_label().removeprefix("_"))
            # Lines are straight between grid lines, and so is the interpolation along them.
            assert np.nanmedian(points) / best == pytest.approx(level, rel=1e-6)


def test_plateaus_that_differ_invisibly_share_a_line():
    data = drawable.curves(2).assign(plateau=("curve", [0.020296, 0.020297]))
    (axes,) = figures.learning_curves(data).axes
    assert len([line for line in axes.lines if line.get_label() == "_plateau"]) == 1


def test_a_rule_map_refuses_more_panels_than_fit():
    with pytest.raises(ParameterError, match=r"room for 6 panels. Got 7"):
        figures.rule_map(drawable.rules(7))


def test_edges_stand_half_way_on_the_scale_of_the_grid():
    assert edges(np.array([1.0, 2.0, 3.0])) == pytest.approx([0.5, 1.5, 2.5, 3.5])
    assert edges(np.array([1.0, 4.0, 16.0])) == pytest.approx([0.5, 2.0, 8.0, 32.0])
    assert edges(np.array([3.0])) == pytest.approx([1.5, 4.5])


# theory and simulation


def test_points_stand_on_the_means_with_their_errors_and_z_below():
    data = drawable.comparison().isel(alpha=slice(0, None, 4))
    above, below = figures.theory_and_simulation(data).axes
    theory, mean, error = (data[name].values for name in ("generalization_error_theory", "mean", "error"))
    assert same(lines(above)["theory, N → ∞"], data["alpha"].values, theory)
    for i, container in enumerate(above.containers):
        assert container.get_label() == data["setting"].values[i]
        assert same(container.lines[0], data["alpha"].values, mean[i])
        bar = container.lines[2][0].get_segments()[3]
        assert bar[1, 1] - bar[0, 1] == pytest.approx(2 * error[i, 3])
        z = below.containers[i].lines[0].get_ydata()
        assert z == pytest.approx((mean[i] - theory) / error[i])


def test_no_z_score_without_an_error():
    data = drawable.comparison().isel(alpha=slice(0, None, 4))
    data["error"][0, :2] = np.array([0.0, 1e-18])
    _, below = figures.theory_and_simulation(data).axes
    assert np.isnan(below.containers[0].lines[0].get_ydata()[:2]).all()
    assert np.isfinite(below.containers[0].lines[0].get_ydata()[2:]).all()


def test_a_scaled_difference_takes_the_place_of_z():
    data = drawable.comparison().isel(alpha=slice(0, None, 4))
    scaled = (data["mean"] - data["generalization_error_theory"]) * 100.0
    _, below = figures.theory_and_simulation(data.assign(scaled=scaled.assign_attrs(label="difference × N"))).axes
    assert below.get_ylabel() == "difference × N"
    assert below.containers[1].lines[0].get_ydata() == pytest.approx(scaled.values[1])


def test_settings_may_have_points_of_their_own():
    data = drawable.comparison().isel(alpha=slice(0, None, 4))
    data["mean"][1, ::2] = np.nan
    above, _ = figures.theory_and_simulation(data).axes
    assert above.containers[1].lines[0].get_xdata().tolist() == data["alpha"].values[1::2].tolist()


def test_huge_z_scores_have_a_logarithmic_part():
    data = drawable.comparison()
    _, below = figures.theory_and_simulation(data.assign(error=data["error"] * 1e-4)).axes
    assert below.get_yscale() == "symlog"


# optima


def test_optima_draw_both_gains_and_the_line_of_4K():
    data = drawable.gains()
    left, right = figures.optima(data).axes
    assert same(lines(left)["η fixed and small"], data["students"].values, data["gain_fixed"].values)
    assert same(lines(left)["η optimised too"], data["students"].values, data["gain_optimised"].values)
    line = lines(right)["4K: plateau, η → 0"]
    assert line.get_ydata() == pytest.approx(4 * line.get_xdata())
    assert same(right.containers[0].lines[0], data["students"].values, data["best_beta_total"].values)
