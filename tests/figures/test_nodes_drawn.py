"""What the figures of single nodes draw: students by class, maps of rho, lines in the plane, biases of BatchNorm."""

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from figures import trained
from figures.reading import labelled, legend, lines, titles, words
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures._l_shape import classes
from practicum.figures._plane import clipped, fading
from practicum.figures.style import COLOURS

# the L-shape


def points(axes, kind):
    """Where the students of a class stand."""
    (found,) = [group for group in axes.collections if group.get_label().startswith(f"{kind} ")]
    return found.get_offsets()


def test_every_student_stands_where_it_belongs_and_classes_are_counted():
    data = trained.students()
    figure = figures.l_shape(data)
    assert titles(figure) == ["layer 1", "layer 2"]
    for panel, axes in enumerate(figure.axes):
        part = data.isel(layer=panel)
        rho, x, fires = (part[name].values.ravel() for name in ("alignment", "fan_out", "activity"))
        members = {
            "aligned": (fires > 0) & (rho > 0.95),
            "dead": fires == 0,
            "linear": (fires == 1) & (rho <= 0.95),
            "unaligned": (fires > 0) & (fires < 1) & (rho <= 0.95),
        }
        assert sum(m.sum() for m in members.values()) == rho.size
        for kind, chosen in members.items():
            if chosen.any():
                found, given = points(axes, kind), np.column_stack([x[chosen], rho[chosen]])
                assert np.array_equal(found[np.lexsort(found.T)], given[np.lexsort(given.T)])
                percent = f"{100 * chosen.sum() / rho.size:.0f}"
                assert f"{kind}  {chosen.sum()} ({percent} %)" in legend(axes)


def test_a_dead_student_is_dead_and_a_linear_one_may_be_aligned():
    found = classes(np.array([0.99, 0.99, 0.5, 0.95]), np.array([0.0, 1.0, 1.0, 0.5]), 0.95)
    assert {kind: np.flatnonzero(chosen).tolist() for kind, chosen in found.items()} == {
        "aligned": [1],
        "unaligned": [3],
        "linear": [2],
        "dead": [0],
    }


def test_without_activity_there_are_two_classes_and_nan_is_nobody():
    data = trained.students(1).isel(layer=0, seed=0).drop_vars("activity")
    data["alignment"][:] = [0.9, np.nan, 0.6, 0.8, 0.3]
    (axes,) = figures.l_shape(data, against="contribution", threshold=0.75).axes
    rho, x = data["alignment"].values, data["contribution"].values
    assert sorted(points(axes, "aligned")[:, 0]) == sorted(x[rho > 0.75])
    assert sorted(points(axes, "unaligned")[:, 0]) == sorted(x[rho <= 0.75])
    assert "contribution" in axes.get_xlabel()


def test_on_a_logarithmic_axis_zero_stands_at_the_left_end():
    data = trained.students(1).isel(layer=0, seed=0).drop_vars("activity")
    data["fan_out"][0] = 0.0
    (axes,) = figures.l_shape(data, log=True, threshold=-1).axes
    x = data["fan_out"].values
    assert points(axes, "aligned")[:, 0].min() == pytest.approx(x[1:].min() / 1.5)
    assert axes.get_xlim()[0] < x[1:].min() / 1.5


def test_thousands_of_students_are_an_image_and_light():
    rng = np.random.default_rng(1)
    dims, shape = ("layer", "seed", "student"), (3, 16, 200)
    alignment, fan_out = 1 - rng.beta(0.5, 3, shape), rng.gamma(1.0, 1.0, shape)
    data = xr.Dataset({"alignment": (dims, alignment), "fan_out": (dims, fan_out)})
    figure = figures.l_shape(data)
    text = figures.svg(figure)
    assert len(text) < 300_000
    assert text.count("<image") >= 3
    assert len(points(figure.axes[0], "aligned")) == (alignment[0] > 0.95).sum()


def test_an_l_shape_refuses_what_it_does_not_know():
    with pytest.raises(ParameterError, match=r"'against' parameter of l_shape must be 'fan_out' or 'contribution'"):
        figures.l_shape(trained.students(), against="rho")
    with pytest.raises(ParameterError, match=r"'threshold' parameter of l_shape must be from -1 to 1. Got 95"):
        figures.l_shape(trained.students(), threshold=95)
    with pytest.raises(ParameterError, match=r"room for 1 to 6 panels. Got 7; select some with .isel\(layer="):
        figures.l_shape(trained.students(7))


# maps of rho


def maps(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def shown(axes):
    return axes.collections[0].get_array()


def test_a_map_orders_students_by_their_teacher_at_the_end_in_all_steps():
    data = trained.rho(3)
    panels = maps(figures.correlation_map(data))
    values = data["rho"].values
    # Students 0..4 are like teachers 0, 1, 2, 3, 0; number 5 is dead and stands last.
    order = [0, 4, 1, 2, 3, 5]
    best = values[-1, 0, [0, 4]]
    order[:2] = [0, 4] if best[0] >= best[1] else [4, 0]
    for step, axes in enumerate(panels):
        assert np.array_equal(shown(axes), values[step][:, order])
        assert axes.collections[0].get_clim() == (-1.0, 1.0)
    assert titles(panels[0].figure) == ["start", "epoch 0.1", "epoch 0.5"]
    assert titles(panels[0].figure, "right") == ["0/4 > 0.95", "0/4 > 0.95", "4/4 > 0.95"]


def test_teachers_from_strong_to_weak():
    data = trained.rho(1).isel(step=0).assign(strength=("teacher", [1.0, 4.0, 2.0, 3.0]))
    (axes,) = maps(figures.correlation_map(data, by_strength=True))
    given = data["rho"].values[[1, 3, 2, 0]]
    found = shown(axes)
    assert sorted(map(tuple, found.T)) == sorted(map(tuple, given.T))
    assert [axes.yaxis.get_major_formatter()(i, 0) for i in range(4)] == ["1", "3", "2", "0"]


def test_layers_have_an_order_each_and_no_padding():
    data = trained.rho(2, 4, 6).rename_dims(step="layer").drop_vars("epoch")
    data["rho"][0, 3:] = np.nan
    data["rho"][0, :, 4:] = np.nan
    panels = maps(figures.correlation_map(data))
    assert [shown(axes).shape for axes in panels] == [(3, 4), (4, 6)]
    assert titles(panels[0].figure) == ["layer 1", "layer 2"]


def test_of_very_many_students_the_best_of_every_teacher_are_drawn():
    rng = np.random.default_rng(2)
    values = rng.uniform(-0.5, 0.9, (5, 1000))
    values[3] -= 0.3
    data = xr.Dataset({"rho": (("teacher", "student"), values)})
    (axes,) = maps(figures.correlation_map(data))
    assert shown(axes).shape == (5, 240)
    assert axes.get_xlabel() == "best 240 of 1000 students"
    owner = values.argmax(axis=0)
    drawn = {tuple(column) for column in shown(axes).T}
    for teacher in range(5):
        mine = values[:, owner == teacher]
        best = mine[:, np.argsort(-mine[teacher])[: min(40, mine.shape[1])]]
        assert {tuple(column) for column in best.T} <= drawn
    assert len(figures.svg(axes.figure)) < 300_000


# the plane


def test_lines_are_cut_at_the_window():
    rng = np.random.default_rng(3)
    weights, biases = rng.normal(size=(300, 2)), rng.normal(size=300) * 3
    weights[0], weights[1], weights[2], weights[3] = 0.0, [np.nan, 1], [1, 0], [0, 2]
    biases[2:4] = 0.5
    ends, normals, nodes = clipped(weights, biases, 2.0)
    assert np.einsum("nei,ni->ne", ends, weights[nodes]) + biases[nodes, None] == pytest.approx(0, abs=1e-9)
    assert np.abs(ends).max(axis=-1) == pytest.approx(2.0)
    assert np.einsum("ni,ni->n", normals, weights[nodes]) == pytest.approx(np.hypot(*weights[nodes].T))
    # Who has no line: the sign of w x + b is the same in all four corners, or there is no line at all.
    square = np.array([[-2, -2], [-2, 2], [2, -2], [2, 2]])
    sides = np.sign(weights @ square.T + biases[:, None])
    passing = [k for k in range(300) if len(set(sides[k])) > 1 and k > 1]
    assert nodes == passing
    assert 0 < len(nodes) < 298


def test_students_have_the_colour_of_their_teacher_and_fade():
    data = trained.plane(2)
    data["rho"][1] = np.array([[0.97, 0.1, 0.2, 0.3, 0.5], [0.1, 0.96, 0.1, 0.1, 0.6], [0.2, 0.2, 0.2, 0.94, 0.1]])
    data["student_biases"][:] = 0.0
    figure = figures.hyperplanes(data, window=3.0)
    assert titles(figure) == ["start", "epoch 0.1"]
    axes = figure.axes[1]
    (students,) = labelled(axes.collections, "_student")
    owner, height = [0, 1, 0, 2, 1], [0.97, 0.96, 0.2, 0.94, 0.6]
    assert [to_hex(colour) for colour in students.get_colors()] == [COLOURS[k] for k in owner]
    assert students.get_colors()[:, 3] == pytest.approx([fading(value) for value in height])
    numbers = {text.get_text(): text for text in axes.texts}
    filled = {name for name, text in numbers.items() if to_hex(text.get_bbox_patch().get_facecolor()) != "#ffffff"}
    assert set(numbers) == {"0", "1", "2"}
    assert filled == {"0", "1"}
    assert axes.get_xlim() == (-3.0, 3.0)
    assert [fading(0.0), fading(1.0)] == pytest.approx([0.18, 1.0])


def test_students_out_of_sight_are_counted():
    data = trained.plane(1).isel(step=0)
    data["student_biases"][:3] = 1e3
    (axes,) = figures.hyperplanes(data).axes
    assert "3 not in sight" in words(axes)
    assert len(labelled(axes.collections, "_student")[0].get_segments()) == 2


def test_a_plane_has_two_inputs_and_a_window():
    data = trained.plane(1)
    with pytest.raises(ParameterError, match=r"must have 2 inputs. Got 1 instead"):
        figures.hyperplanes(data.isel(input=[0]))
    for window in (0, -1.0, np.inf, "wide", True):
        with pytest.raises(ParameterError, match=r"'window' parameter of hyperplanes must be a number > 0"):
            figures.hyperplanes(data, window=window)


# BatchNorm


def test_shares_chance_and_rates_stand_in_one_row():
    data = trained.biases()
    shares, rates, histogram = figures.batchnorm_biases(data).axes
    bars = np.array([[bar.get_width() for bar in group] for group in shares.containers])
    assert bars == pytest.approx(np.stack([data[name].values for name in ("negative", "zero", "positive")]))
    assert [bar.get_x() for bar in shares.containers[2]] == pytest.approx(1 - data["positive"].values)
    assert [label.get_text() for label in shares.get_yticklabels()] == data["layer"].values.tolist()
    (chance,) = labelled(shares.collections, "_null")
    assert np.array(chance.get_segments())[:, :, 0].tolist() == [[0.3, 0.7]] * 4
    found = [line for line in rates.lines if line.get_label() == "_rate"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in found] == [(0.3, 0), (0.3, 2)]
    assert legend(histogram) == ["before-relu", "before-sum"]
    written = [word for word in words(shares) if word.endswith("%")]
    assert written == [f"{100 * share:.0f} %" for share in data["negative"].values if share >= 0.12]


def test_the_histogram_counts_every_channel_once():
    data = trained.biases()
    data["beta"][0, 0], data["gamma"][0, 1] = -1e6, 0.0
    histogram = figures.batchnorm_biases(data).axes[2]
    for name, rows in (("before-relu", [0, 2]), ("before-sum", [1, 3])):
        (steps,) = labelled(histogram.patches, name)
        counts, edges, _ = steps.get_data()
        with np.errstate(divide="ignore"):
            ratio = (data["beta"] / np.abs(data["gamma"])).values[rows].ravel()
        ratio = ratio[~np.isnan(ratio)]
        assert counts.sum() == pytest.approx(1)
        inner = np.clip(ratio, -4, np.nextafter(4, 0))
        assert counts == pytest.approx([np.mean((inner >= low) & (inner < high)) for low, high in pairwise(edges)])


def test_layers_added_up_by_position_leave_out_what_does_not_exist():
    nan = np.nan
    data = xr.Dataset(
        {
            "negative": ("position", [0.8, nan, 0.7]),
            "zero": ("position", [0.0, nan, 0.1]),
            "positive": ("position", [0.2, nan, 0.2]),
            "null_low_layers": ("position", [0.2, nan, 0.3]),
            "null_high_layers": ("position", [0.8, nan, 0.7]),
        },
        {"position": ["before-relu", "linear", "all"]},
    )
    figure = figures.batchnorm_biases(data)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["before-relu", "all"]
    assert "by chance, layers as one" in legend(figure)


def test_more_rows_than_fit_are_refused_and_long_names_cut():
    data = trained.biases(200)
    with pytest.raises(ParameterError, match=r"room for 160 rows. Got 200"):
        figures.batchnorm_biases(data)
    data = trained.biases(4).assign_coords(layer=["a" * 60, "b", "c", "d"])
    shares = figures.batchnorm_biases(data).axes[0]
    assert [len(label.get_text()) for label in shares.get_yticklabels()] == [26, 1, 1, 1]
    assert "β = 0" in legend(shares.figure)


def test_marks_of_positions_stand_beside_the_names():
    shares = figures.batchnorm_biases(trained.biases().drop_vars(["beta", "gamma"])).axes[0]
    marks = [line for line in shares.lines if line.get_label().startswith("_before")]
    assert [line.get_label() for line in marks] == ["_before-relu", "_before-sum"] * 2
    assert len({(line.get_color(), line.get_marker()) for line in marks}) == 2
    assert {"before-relu", "before-sum"} <= set(legend(shares.figure))
    assert lines(shares) == {}
