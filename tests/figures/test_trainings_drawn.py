"""What the figures of trainings draw: medians and bands over seeds, winners, successes, sample sizes."""

import numpy as np
import pytest

from figures import trained
from figures.reading import corners, labelled, legend, lines, quantile, same, titles, words
from practicum import figures
from practicum.errors import ParameterError
from practicum.figures._seeds import summary

# seeds


def test_a_summary_takes_what_is_finite_and_knows_nothing_of_the_rest():
    values = np.array([[1.0, 2.0, 4.0, np.nan], [np.inf, 3.0, np.nan, np.nan], [np.nan] * 4])
    found = summary(values)
    assert found.median[:2].tolist() == [2.0, 3.0]
    assert found.low[0] == pytest.approx(1.2)
    assert found.high[0] == pytest.approx(3.6)
    assert np.isnan(found.median[2])
    assert found.seeds == 3
    assert np.isnan(summary(np.empty((3, 0))).median).all()


# training curves


def test_lines_are_medians_and_bands_quantiles_over_seeds():
    data = trained.trainings()
    upper, lower = figures.training_curves(data).axes
    assert list(lines(upper)) == ["1×", "2×", "5×"]
    for i, name in enumerate(lines(upper)):
        loss, coverage = data["loss"].values[i].T, data["coverage"].values[i].T
        assert same(lines(upper)[name], trained.EPOCH, np.median(loss, axis=-1))
        assert same(lines(lower, hidden=True)[f"_{name}"], trained.EPOCH, np.median(coverage, axis=-1))
        low, high = corners(labelled(upper.collections, "_band")[i])
        assert low == pytest.approx(quantile(loss, 0.1))
        assert high == pytest.approx(quantile(loss, 0.9))
    assert {"1×", "2×", "5×"} <= set(words(upper))
    assert upper.get_yscale() == "log"
    assert legend(upper.figure) == ["median of 5 seeds", "10–90 % of them"]


def test_diverged_seeds_are_in_no_median_but_drawn_and_counted():
    data = trained.trainings()
    data["status"][1, [0, 3]] = "diverged"
    data["loss"][1, 3, 4:] = np.nan
    data["loss"][1, 0] = np.inf
    upper, _ = figures.training_curves(data).axes
    rest = data["loss"].values[1][[1, 2, 4]]
    assert same(lines(upper)["2×"], trained.EPOCH, np.median(rest, axis=0))
    seeds = labelled(upper.lines, "_diverged seed")
    assert same(seeds[1], trained.EPOCH, data["loss"].values[1, 3])
    ends = labelled(upper.lines, "_diverged")
    assert (ends[1].get_xdata()[0], ends[1].get_ydata()[0]) == (1.0, data["loss"].values[1, 3, 3])
    assert "2×  2/5 diverged" in words(upper)
    assert legend(upper.figure)[-1] == "a seed that diverged, in no median"


def test_a_setting_whose_seeds_all_diverged_is_named_where_the_last_one_ended():
    data = trained.trainings().isel(multiple=[0])
    data["status"][:] = "diverged"
    data["loss"][..., 4:] = np.nan
    upper, _ = figures.training_curves(data).axes
    assert np.isnan(lines(upper)["1×"].get_ydata()).all()
    assert words(upper) == ["1×  5/5 diverged"]


def test_one_run_is_one_line_without_a_band_or_a_legend():
    data = trained.trainings().isel(multiple=0, seed=0, drop=True).assign_coords(status="ok")
    figure = figures.training_curves(data.drop_vars("status").assign_coords(status="ok"), below="mean_best_correlation")
    upper, lower = figure.axes
    assert same(upper.lines[0], trained.EPOCH, data["loss"].values)
    assert same(lower.lines[0], trained.EPOCH, data["mean_best_correlation"].values)
    assert not upper.collections
    assert not figure.legends


def test_settings_keep_their_names_and_may_end_early():
    data = trained.trainings().rename(multiple="setting").assign_coords(setting=["a", "noise 0.1", "c"])
    data["loss"][1, :, 4:] = np.nan
    (line,) = [line for line in figures.training_curves(data).axes[0].lines if line.get_label() == "noise 0.1"]
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [4, 5]


def test_a_logarithmic_axis_of_epochs_has_a_place_for_the_start():
    upper, lower = figures.training_curves(trained.trainings(), log_epoch=True).axes
    assert upper.get_xscale() == lower.get_xscale() == "symlog"
    assert lower.get_xlim() == (0.0, 10.0)
    assert [tick for tick in lower.get_xticks() if 0 <= tick <= 10] == [0, 0.1, 1, 10]
    assert lower.xaxis.get_major_formatter()(0, 0) == "0"
    later = trained.trainings().isel(step=slice(1, None))
    assert figures.training_curves(later, log_epoch=True).axes[0].get_xscale() == "log"


def test_what_the_lower_panel_shows_must_be_known():
    with pytest.raises(
        ParameterError, match=r"'below' parameter of training_curves must be 'coverage' or .* Got 'rho'"
    ):
        figures.training_curves(trained.trainings(), below="rho")


# success


def test_success_and_its_interval_and_who_was_never_found():
    data = trained.successes()
    above, below = figures.success(data).axes
    teacher = data["teacher"].values
    for i, name in enumerate(["1×", "2×", "5×"]):
        assert same(lines(above)[name], teacher, data["success"].values[i])
        low, high = corners(labelled(above.collections, "_interval")[i])
        assert low == pytest.approx(data["low"].values[i])
        assert high == pytest.approx(data["high"].values[i])
        covered = data["epoch_covered"].values[i]
        never = labelled(below.lines, "_never")[i].get_xdata()
        assert never.tolist() == teacher[np.isinf(covered)].tolist()
        assert same(lines(below, hidden=True)[f"_{name}"], teacher, np.where(np.isinf(covered), np.nan, covered))
    assert len({line.get_ydata()[0] for line in labelled(below.lines, "_never")}) == 3
    assert legend(above.figure) == ["95 % confidence interval", "not found by most of the seeds"]


def test_success_alone_and_of_one_teacher():
    data = trained.successes()[["success"]]
    (axes,) = figures.success(data).axes
    assert not axes.collections
    data = trained.successes(1)
    data["low"].attrs["confidence"] = 0.9
    above, _ = figures.success(data).axes
    assert legend(above.figure)[0] == "90 % confidence interval"
    assert above.get_xlim() == (-1.0, 1.0)


def test_many_teachers_have_lines_without_markers():
    (axes,) = figures.success(trained.successes(60)[["success"]]).axes
    assert {line.get_marker() for line in lines(axes).values()} == {"None"}


# winners


def test_ranks_of_winners_over_nodes_and_seeds():
    data = trained.winners()
    figure = figures.winner_ranks(data, log_epoch=True)
    assert titles(figure) == ["layer 1", "layer 2"]
    for panel, axes in enumerate(figure.axes):
        values = data["winner_rank"].isel(layer=panel).values.reshape(len(trained.EPOCH), -1)
        assert lines(axes)["mean"].get_ydata() == pytest.approx(values.mean(axis=1))
        assert lines(axes)["median"].get_ydata() == pytest.approx(np.median(values, axis=1))
        low, high = corners(labelled(axes.collections, "_band")[0])
        assert low == pytest.approx(quantile(values, 0.1))
        assert high == pytest.approx(quantile(values, 0.9))
        assert words(axes) == [f"{values[0].mean():.0f} % → < 0.1 %"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_nodes_without_a_winner_do_not_count():
    data = trained.winners(1, 1, 4).isel(layer=0, seed=0)
    data["winner_rank"][:, 2] = np.nan
    (axes,) = figures.winner_ranks(data).axes
    assert lines(axes)["mean"].get_ydata() == pytest.approx(np.nanmean(data["winner_rank"].values, axis=1))


# over-realization


def test_over_realization_draws_both_ends_of_training():
    data = trained.over_realizations()
    left, right = figures.over_realization(data).axes
    assert titles(left.figure) == ["coverage at epoch 5", "loss at epoch 100"]
    for i, name in enumerate(["p = 0", "p = 2"]):
        assert same(lines(left)[name], trained.MULTIPLES, np.median(data["coverage"].values[i], axis=-1))
        assert same(lines(right)[name], trained.MULTIPLES, np.median(data["loss"].values[i], axis=-1))
    assert [label.get_text() for label in right.get_xticklabels()] == ["1×", "2×", "5×"]
    assert {"p = 0", "p = 2"} <= set(words(right))


# samples


def test_the_threshold_is_drawn_for_the_loss_and_each_layer():
    data = trained.samples()
    above, *layers = figures.sample_threshold(data).axes
    assert [axes.get_title(loc="left") for axes in layers] == ["layer 1", "layer 2"]
    for i, name in enumerate(["1×", "2×", "5×"]):
        assert same(lines(above)[name], data["samples"].values, np.median(data["loss"].values[i], axis=-1))
        for layer, axes in enumerate(layers):
            values = data["mean_best_correlation"].values[i, layer]
            assert same(lines(axes, hidden=True)[f"_{name}"], data["samples"].values, np.median(values, axis=-1))
    assert above.get_xscale() == "log"


def test_sample_figures_refuse_what_they_have_no_room_for():
    with pytest.raises(ParameterError, match=r"room for 6 layers. Got 7"):
        figures.sample_threshold(trained.samples(layers=7))
    with pytest.raises(ParameterError, match=r"'measure' parameter .* Got 'rho'"):
        figures.sample_threshold(trained.samples(), measure="rho")
    seven = trained.strategies().isel(multiple=[0, 1, 2, 0, 1, 2, 0])
    with pytest.raises(ParameterError, match=r"room for 6 panels. Got 7"):
        figures.data_strategies(seven)


def test_a_panel_a_multiple_and_a_line_a_strategy():
    data = trained.strategies()
    figure = figures.data_strategies(data)
    assert titles(figure) == ["1× students", "2× students", "5× students"]
    for panel, axes in enumerate(figure.axes):
        for i, name in enumerate(data["strategy"].values):
            values = data["mean_best_correlation"].values[panel, i]
            assert same(lines(axes)[name], data["samples"].values, np.median(values, axis=-1))
    assert legend(figure)[:2] == ["teacher-aware", "random"]
    (alone,) = figures.data_strategies(data.isel(multiple=0, seed=0)).axes
    assert same(lines(alone)["random"], data["samples"].values, data["mean_best_correlation"].values[0, 1, :, 0])
