"""The report of stored trainings: facts, figure and settings, also where seeds diverged. Numbers are made up."""

import re

import numpy as np
import pytest
import xarray as xr

from made_up_training import train_config
from practicum.networks.teachers import BalancedTeacher
from practicum.report import of_runs
from practicum.runs import Store

DEEP = BalancedTeacher(inputs=6, hidden=(4, 5), outputs=3)


def made_up(layers: int, seeds: int, steps: int = 7, thresholds: int = 0, diverged: tuple[int, ...] = ()) -> xr.Dataset:
    rng = np.random.default_rng(layers)
    loss = np.exp(-np.arange(steps))[:, None] * (1 + 0.1 * rng.random((steps, seeds)))
    coverage = np.sort(rng.random((steps, seeds, layers)), axis=0)
    loss[2:, list(diverged)] = coverage[2:, list(diverged)] = np.nan
    status = np.array(["diverged" if seed in diverged else "ok" for seed in range(seeds)])
    axes, levels = ("step", "seed", "layer"), 0.95
    if thresholds:
        coverage = coverage[..., None] * np.linspace(1, 0.5, thresholds)
        axes, levels = (*axes, "threshold"), ("threshold", np.linspace(0.8, 0.95, thresholds))
    return xr.Dataset(
        {"loss": (("step", "seed"), loss), "coverage": (axes, coverage), "status": ("seed", status)},
        coords={
            "step": 10 * np.arange(steps),
            "epoch": ("step", np.arange(steps)),
            "seed": np.arange(seeds),
            "layer": np.arange(1, layers + 1),
            "threshold": levels,
        },
        attrs={"kind": "train", "cite": "tian2020student"},
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("config", "data"),
    [
        (train_config(), made_up(1, 3)),
        (train_config(seeds=1), made_up(1, 1)),
        (train_config(teacher=DEEP), made_up(2, 3, thresholds=2, diverged=(1,))),
        (train_config(teacher=DEEP, seeds=2), made_up(2, 2, diverged=(0, 1))),
        (train_config(observe_at=[6]), made_up(1, 3, steps=1)),
    ],
    ids=["two layers", "one seed", "deep", "all diverged", "one look"],
)
def test_a_training_has_facts_and_a_figure(tmp_path, config, data):
    store = Store(tmp_path)
    store.put(config, data)
    page = of_runs(store).read_text()
    facts = dict(re.findall(r'<tr><th scope="row">([^<]+)</th><td>([^<]*)</td></tr>', page))
    statuses = data["status"].values.tolist()
    assert facts["status"] == {0: "ok", 1: "ok 2, diverged 1", len(statuses): "diverged"}[statuses.count("diverged")]
    assert facts["ended after epoch"] == str(data.sizes["step"] - 1)
    last = data["loss"].values[-1]
    if np.isfinite(last).any():
        assert float(facts["median held-out loss"]) == pytest.approx(np.nanmedian(last), rel=1e-4)
    else:
        assert (facts["median held-out loss"], facts["mean coverage"]) == ("none", "none")
    assert facts["training.learning_rate"] == "0.05"
    assert ("Held-out loss and coverage" in page) is (data.sizes["step"] > 1)
    assert ("mean over layers" in page) is (data.sizes["layer"] > 1)
    kind = "balanced teacher of 4, 5 nodes" if config.teacher is DEEP else "separated teacher of 3 nodes"
    assert f"train, {kind}, students 2×, sgd η = 0.05" in page
    assert "Student Specialization in Deep Rectified Networks" in page
