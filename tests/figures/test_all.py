"""What holds for every figure: labelled axes, no trace outside, the same bytes again, one sentence for bad data."""

import re
import subprocess
import sys
from functools import cache
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures import drawable
from practicum import figures
from practicum.errors import ParameterError, StorageError

REQUIRED = {
    "learning_curves": ["generalization_error"],
    "overlaps": ["Q", "R"],
    "escape": ["escape_rate"],
    "rule_map": ["value"],
    "theory_and_simulation": ["generalization_error_theory", "mean", "error"],
    "optima": ["gain_fixed", "gain_optimised", "best_beta_total"],
    "l_shape": ["alignment", "fan_out"],
    "success": ["success"],
    "training_curves": ["loss", "coverage"],
    "correlation_map": ["rho"],
    "winner_ranks": ["winner_rank"],
    "hyperplanes": ["student_weights", "student_biases", "teacher_weights", "teacher_biases", "rho"],
    "batchnorm_biases": ["negative", "zero", "positive"],
    "over_realization": ["coverage", "loss"],
    "sample_threshold": ["loss", "mean_best_correlation"],
    "data_strategies": ["mean_best_correlation"],
    "robustness_scatter": ["specialization", "robust_error"],
    "robustness_curves": ["robust_error"],
    "inside_outside": ["inside", "outside"],
    "adversarial_examples": ["input", "inside", "outside", "perturbed", "teacher_before", "student_after"],
    "predicted_and_measured": ["predicted", "measured"],
    "pruning_curves": ["error"],
    "pruning_region": ["log_ratio"],
    "kernels": ["kernel"],
    "survivors": ["serves", "kept"],
}


@cache
def svg(name):
    """The example of a figure as text."""
    return figures.svg(draw(name))


every = pytest.mark.parametrize("name", drawable.ALL)


def draw(name, data=None):
    return getattr(figures, name)(drawable.ALL[name]() if data is None else data)


@every
def test_panels_have_labels_in_words(name):
    figure = draw(name)
    assert isinstance(figure, Figure)
    panels = [axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]
    figure.draw_without_rendering()
    for axes in panels:
        below = [other for other in panels if other is axes or other.get_shared_x_axes().joined(axes, other)]
        beside = [other for other in panels if other is axes or other.get_shared_y_axes().joined(axes, other)]
        assert any(re.search(r"[a-z]{4}", other.get_xlabel()) for other in below)
        assert any(re.search(r"[a-z]{4}", other.get_ylabel()) for other in beside)


@every
def test_matplotlib_is_left_as_it_was(name):
    before = dict(matplotlib.rcParams)
    draw(name)
    assert dict(matplotlib.rcParams) == before


@every
def test_the_same_data_give_the_same_bytes_whatever_the_users_settings(name):
    first = svg(name)
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": False, "svg.fonttype": "none"}):
        second = figures.svg(draw(name))
    assert first == second
    assert not re.search(r"<dc:date>|20\d\d-\d\d-\d\d", first)


@every
def test_other_data_give_other_bytes(name):
    data = drawable.ALL[name]()
    wanted = REQUIRED[name][0]
    changed = data.assign({wanted: data[wanted] * np.linspace(1.0, 1.3, data.sizes[data[wanted].dims[-1]])})
    assert svg(name) != figures.svg(draw(name, changed))


@every
def test_svg_is_well_formed_and_asks_nobody(name):
    root = ElementTree.fromstring(svg(name))
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if attribute.endswith("href"):
                assert value.startswith(("#", "data:image/png;base64,")), value


@every
def test_a_missing_variable_is_named(name):
    data = drawable.ALL[name]()
    for variable in REQUIRED[name]:
        with pytest.raises(ParameterError, match=rf"figure {name} needs '{variable}' with dimensions \("):
            draw(name, data.drop_vars(variable))


@every
def test_a_surplus_dimension_is_named_with_a_remedy(name):
    data = drawable.ALL[name]()
    wanted = REQUIRED[name][0]
    with pytest.raises(ParameterError, match=r"replica.*isel\(replica=0\)"):
        draw(name, data.assign({wanted: data[wanted].expand_dims(replica=3)}))


@every
def test_what_is_no_dataset_is_refused(name):
    with pytest.raises(ParameterError, match=r"draws an xarray.Dataset. Got ndarray"):
        draw(name, np.ones(3))


@every
def test_data_without_a_number_are_drawn_too(name):
    data = drawable.ALL[name]()
    empty = data.map(lambda variable: xr.full_like(variable, np.nan, dtype=float))
    assert figures.svg(draw(name, empty.assign_attrs(data.attrs)))


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_a_figure_is_saved_by_the_ending_of_its_name(tmp_path, ending):
    files = [figures.save(draw("optima"), tmp_path / f"{i}{ending}").read_bytes() for i in range(2)]
    assert files[0] == files[1]
    assert files[0][:5] in (b"<?xml", b"%PDF-", b"\x89PNG\r")


def test_a_figure_is_not_saved_elsewhere(tmp_path):
    with pytest.raises(ParameterError, match=r"must end in .svg, .pdf or .png. Got 'a.docx'"):
        figures.save(draw("optima"), tmp_path / "a.docx")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot be written: (not a directory|file exists)"):
        figures.save(draw("optima"), tmp_path / "file" / "a.svg")


def test_every_public_name_is_there_and_unknown_ones_are_not():
    assert all(callable(getattr(figures, name)) for name in figures.__all__)
    assert set(drawable.ALL) | {"race", "save", "svg"} == set(figures.__all__) <= set(dir(figures))
    with pytest.raises(AttributeError, match="no attribute 'learning_curve'"):
        figures.learning_curve


def test_pyplot_is_not_loaded():
    code = (
        "import sys; from practicum import figures; [getattr(figures, name) for name in figures.__all__];"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
