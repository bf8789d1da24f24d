"""The two-layer experiment at full size against numbers measured with other code: coverages and losses.

m = 20 teacher nodes, d = 100, 16 seeds, 100 epochs of 1000 updates. The losses of the table are means of log10 over 32
seeds.
"""

import math

import numpy as np
import pytest

pytest.importorskip("torch")

from practicum.runs.store import Store
from practicum.studies.catalyst.measurements import sweep_runs
from practicum.studies.catalyst.settings import SCALES
from practicum.studies.catalyst.statistics import at_epoch, log_loss, mean_error
from practicum.studies.catalyst.width_verdicts import COVERAGE, LATER, LOSSES

RUNS = sweep_runs(SCALES["paper"].sweep)
BAR = 0.3
# Seeds differ by 0.8 in log10 at p = 0 and 2x (from -9.3 to -6.5), so that a mean of 16 is known to 0.2 only and one of
# 32, as published, to 0.14: a bar of 0.3 would be failed by one of five correct programs. There the difference is
# compared with three standard errors of its own; the other losses of the column, -6.6 or below -8, are beyond them.
SCATTERED = {(0.0, 2)}


def check_losses(run, decay, multiple):
    """The held-out losses at epoch 100."""
    values, published = log_loss(run, 100), LOSSES[decay][multiple]
    assert (run.status == "ok").all()
    if (decay, multiple) == (0.0, 1):
        # One teacher node in 320 is never found; its seed stays where it is, and the median does not see it.
        assert np.median(values) < published
    elif (decay, multiple) in SCATTERED:
        error = mean_error(values)[1] * math.sqrt(1 + values.size / 32)
        assert abs(values.mean() - published) < 3 * error < 0.9
    else:
        assert abs(values.mean() - published) < BAR


def check_coverages(run, multiple):
    """The teacher nodes covered at epochs 5 and 60, p = 1."""
    for epoch, published in ((5, COVERAGE[multiple]), (60, LATER[multiple])):
        covered = 20 * float(at_epoch(run.coverage.isel(layer=0), epoch).mean())
        assert abs(covered - published) < 0.1 * published


@pytest.mark.slow
@pytest.mark.parametrize("multiple", [1, 2, 5])
def test_coverages_and_losses_at_a_decay_of_one(multiple, tmp_path):
    run = Store(tmp_path).run(RUNS[1.0, multiple])
    check_coverages(run, multiple)
    check_losses(run, 1.0, multiple)
    with pytest.raises(AssertionError):  # power: the numbers of another multiple are not met
        check_coverages(run, {1: 2, 2: 5, 5: 1}[multiple])
    with pytest.raises(AssertionError):
        check_losses(run, 1.0, {1: 2, 2: 5, 5: 10}[multiple])


@pytest.mark.soak
@pytest.mark.parametrize(("decay", "multiple"), [key for key in RUNS if key not in {(1.0, 1), (1.0, 2), (1.0, 5)}])
def test_losses_of_the_whole_table(decay, multiple, tmp_path):
    check_losses(Store(tmp_path).run(RUNS[decay, multiple]), decay, multiple)
