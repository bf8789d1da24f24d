"""A local cluster that loses a worker while it starts is started again, but not for ever."""

import pytest

from practicum.runs.sweeps._local_cluster import started

distributed = pytest.importorskip("distributed", reason="sweeps need the extra [cluster]")


@pytest.mark.parametrize("losses", [0, 1, 4, 5])
def test_five_starts_are_tried(monkeypatch, losses):
    asked = []

    def start(**given):
        asked.append(given)
        if len(asked) <= losses:
            raise RuntimeError("Nanny failed to start.")
        return "the cluster"

    monkeypatch.setattr(distributed, "LocalCluster", start)
    if losses == 5:
        with pytest.raises(RuntimeError, match="Nanny failed"):
            started(2, "simulate")
    else:
        assert started(2, "simulate") == "the cluster"
    assert len(asked) == min(losses + 1, 5)
    assert {(given["n_workers"], given["threads_per_worker"]) for given in asked} == {(2, 1)}
