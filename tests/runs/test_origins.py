"""Which runs of a folder were made by other versions, and on another architecture."""

import json

import numpy as np
import pytest

from made_up import compute, simulate_config, solve_config
from practicum.cli._machine import examine
from practicum.runs import Store
from practicum.runs import store as store_module
from practicum.runs.origins import Foreign, foreign
from practicum.runs.provenance import architecture, vectors


def stored_by(store, monkeypatch, configs, changes, place=None):
    own = store_module.versions()
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "versions", lambda *_: {**own, **changes})
        if place:
            patch.setattr(store_module, "architecture", lambda: place)
        for config in configs:
            store.run(config, compute)


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = Store(tmp_path / "runs")
    configs = [simulate_config(seeds=k) for k in range(1, 8)]
    stored_by(store, monkeypatch, configs[:2], {"numpy": "1.0"})
    stored_by(store, monkeypatch, configs[2:5], {"numpy": "1.5", "other": "3"}, "Plan9 vax")
    stored_by(store, monkeypatch, configs[5:], {})
    return store


def test_runs_of_other_versions_are_counted(store):
    assert foreign(store.folder) == [
        Foreign("architecture", "Plan9 vax", architecture(), 3),
        Foreign("numpy", "1.0", np.__version__, 2),
        Foreign("numpy", "1.5", np.__version__, 3),
        Foreign("other", "3", "absent", 3),
    ]


def test_the_doctor_says_what_would_differ(store, tmp_path):
    checks = {check.name: check for check in examine(store.folder)}
    assert checks["origin of runs"].state == "warning"
    assert f"2 run(s) by numpy 1.0, now {np.__version__}" in checks["origin of runs"].found
    assert "may differ in rounding" in checks["origin of runs"].remedy
    assert checks["vector registers"].found.startswith(f"{vectors()} bits")
    assert "origin of runs" not in {check.name for check in examine(tmp_path / "empty")}


def test_runs_made_here_are_no_finding(tmp_path):
    store = Store(tmp_path)
    store.run(solve_config(), compute)
    assert foreign(store.folder) == []


def test_the_width_of_vectors_is_that_of_the_processor():
    """As NumPy finds it, by instructions of its own."""
    from numpy._core._multiarray_umath import __cpu_features__ as features  # pyright: ignore

    widths = {"AVX512F": 512, "AVX2": 256, "SSE2": 128, "NEON": 128}
    assert vectors() == next((bits for name, bits in widths.items() if features.get(name)), 0)


def test_what_is_no_run_is_left_out(store):
    before = foreign(store.folder)
    (store.folder / f"{'0' * 16}.nc").write_bytes(b"no run")
    (store.folder / f"{'1' * 16}.nc").mkdir()
    assert foreign(store.folder) == before
    assert json.dumps([one._asdict() for one in before])
