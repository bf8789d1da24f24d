"""The faults of a sweep, each a function of ``benchmarks/reliability/sweeps.py`` that prints its figures."""

import pytest
from benchmarks.reliability.sweeps import FAULTS, faults_in


@pytest.mark.slow
def test_a_few_kills(tmp_path):
    figures = FAULTS["kills"](tmp_path, 3)
    assert faults_in(figures) == [], figures


@pytest.mark.soak
@pytest.mark.parametrize("fault", list(FAULTS))
def test_every_fault(tmp_path, fault):
    """50 kills at random moments; workers and schedulers lost; two and three processes at once; bits."""
    figures = FAULTS[fault](tmp_path, 50) if fault == "kills" else FAULTS[fault](tmp_path)
    print(figures)
    assert faults_in(figures) == [], figures


def test_a_figure_that_must_be_zero_is_noticed():
    """The judge itself: it must be able to say no."""
    assert faults_in({"kills": 50, "lost": 0, "twice": 0, "2 processes: different": 0}) == []
    assert faults_in({"lost": 1, "corrupt": 0}) == ["lost"]
    assert faults_in({"3 processes: different": 1, "3 processes: shares": "1 + 2"}) == ["3 processes: different"]
