"""Pruning as a study: pieces against independent computations, verdicts that can fall either way, stored runs."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from practicum import OrderParameters, pruned
from practicum.runs import parallel
from practicum.runs.store import Store
from practicum.studies.pruning import committees, measurements, network_verdicts, pictures, verdicts
from practicum.studies.pruning.settings import SCALES, Committee, Images, Settings, Specialists

torch = pytest.importorskip("torch")

SMALL = Committee(2, 4, seeds=3, dimension=60, until=60.0, draws=20)
TINY = Settings(
    committees=(SMALL, replace(SMALL, noise=0.25, seeds=2)),
    dense=replace(SMALL, students=2),
    regions=((2, 4),),
    specialists=Specialists(seeds=2, inputs=10, hidden=3, outputs=6, epochs=2, steps=50, compared=200, draws=3),
    images=(Images("digits", hidden=(12, 8), epochs=2, used=200, fractions=(0.2, 0.5), seeds=2, tested=100),),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    pytest.importorskip("sklearn")
    store = Store(tmp_path_factory.mktemp("runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "cores", lambda: 1)
        fractions = []
        result = measurements.measure(TINY, store, lambda _, fraction: fractions.append(fraction))
        assert fractions == sorted(fractions)
        assert set(store.ids()) == set(result.runs)

        def never(*_, **__):
            raise AssertionError("computed again")

        patch.setattr(Store, "compute", never)
        again = measurements.measure(TINY, store, lambda *_: None)
    assert again.runs == result.runs
    both = ([claim.to_dict() for claim in verdicts.judge(one)] for one in (again, result))
    assert next(both) == next(both)
    return result


@pytest.fixture(scope="module")
def claims(found):
    return {claim.claim: claim for claim in verdicts.judge(found)}


def test_every_letter_is_judged(claims):
    assert {name[0] for name in claims} == set("abcdefg")
    assert claims["b.M2.Z3"].measured == pytest.approx(1 / 5)  # the reference: only k = 1 of M = 2, Z = 3
    assert claims["b.M2.Z3"].verdict == "holds in part"
    assert claims["e.copies"].verdict == "holds"


def test_every_picture_can_be_drawn(found, claims):
    drawn = pictures.draw(found)
    assert len({picture.name for picture in drawn}) == len(drawn)
    for picture in drawn:
        assert isinstance(picture.draw(picture.data), Figure)
        assert set(picture.claims) & set(claims), picture.name


def test_verdicts_turn_when_the_measurement_does(found):
    """Power: claims are refused where the numbers are wrong."""

    def verdict(name, **changes):
        return {c.claim: c.verdict for c in verdicts.judge(replace(found, **changes))}[name]

    first = found.committees[0]
    wobble = xr.DataArray([1.0, 1.01, 0.99], dims="seed", coords={"seed": first.seed})

    def with_factors(**factors):
        values = first.predicted * wobble
        for selector, factor in factors.items():
            values = values.where(values.selector != selector, values * factor)
        return {"committees": [first.assign(measured=values), *found.committees[1:]]}

    assert verdict("g.2.4", **with_factors()) == "holds"
    assert verdict("g.2.4", **with_factors(random_edge=1.3)) == "holds in part"
    everything = dict.fromkeys(first.selector.values.tolist(), 2.0)
    assert verdict("g.2.4", **with_factors(**everything)) == "does not hold"

    def of_nodes(factor):
        ratio = xr.ones_like(first.measured) * (1 + 0.01 * first.seed)
        return {"committees": [first.assign(measured=ratio.where(ratio.selector != "dpp_node", factor * wobble))]}

    assert verdict("a.random", **of_nodes(0.1)) == "holds"
    assert verdict("a.random", **of_nodes(10.0)) == "does not hold"
    assert verdict("c.pruned", **of_nodes(10.0)) == "holds"
    assert verdict("c.pruned", **of_nodes(0.1)) == "does not hold"
    region = found.regions[2]
    always = {2: region.assign(edges_beat_nodes=xr.ones_like(region.edges_beat_nodes))}
    never = {2: region.assign(edges_beat_nodes=xr.zeros_like(region.edges_beat_nodes))}
    assert verdict("b.M2.Z3", regions=always) == "holds"
    assert verdict("b.M2.Z3", regions=never) == "does not hold"

    name, data = next(iter(found.images.items()))
    key = name.replace(", ", ".")
    seeds = xr.DataArray([0.0, 0.001], dims="seed", coords={"seed": data.seed})
    flat = xr.zeros_like(data.error) + 0.1 + seeds
    worse = flat.where(flat.selector != "random edge", flat + 0.2 + seeds)
    assert verdict(f"d.{key}.random-edge", images={name: data.assign(error=worse)}) == "holds"
    better = flat.where(flat.selector != "random edge", flat - 0.05 - seeds)
    assert verdict(f"d.{key}.random-edge", images={name: data.assign(error=better)}) == "does not hold"
    assert verdict(f"d.{key}.reweighted", images={name: data.assign(error=flat)}) == "holds"
    assert verdict(f"d.{key}.reweighted", images={name: data.assign(error=worse)}) == "does not hold"

    who = found.specialists
    removed = xr.zeros_like(who.removed_unaligned) + who.unaligned + 0.3 + 0.01 * who.seed
    assert verdict("f.dpp", specialists=who.assign(removed_unaligned=removed)) == "holds"
    assert verdict("f.dpp", specialists=who.assign(removed_unaligned=removed - 0.5)) == "does not hold"


def test_turning_weights_around_changes_no_error():
    rng = np.random.default_rng(0)
    J, B = rng.standard_normal((2, 4, 30)) / 5
    v = np.array([1.0, -2.0, 0.5, -0.1])
    op = OrderParameters.from_weights(J, B[:2], v, np.array([1.0, 2.0]))
    state = xr.Dataset(
        {"Q": (("a", "b"), op.Q), "R": (("a", "c"), op.R), "T": (("c", "d"), op.T), "v": ("a", op.v)}
        | {"v_star": ("c", op.v_star)}
    )
    turned = committees.upright(state)
    assert (turned.v >= 0).all()
    everybody = np.ones(4, bool)
    assert pruned.subset_error(turned, everybody) == pytest.approx(pruned.subset_error(op, everybody), rel=1e-12)
    assert not np.allclose(turned.Q, op.Q)


def test_drawn_nodes_follow_the_expected_errors():
    """Masks of weights against the sum over all subsets, in standard errors of the draws; a biased draw fails."""
    rng = np.random.default_rng(1)
    J, B = rng.standard_normal((6, 200)) / 14, rng.standard_normal((2, 200)) / 14
    student = OrderParameters.from_weights(J, B, np.linspace(0.5, 2.0, 6), np.array([2.0, 2.0]))
    for selector in ("random_node", "dpp_node"):
        masks = committees._nodes(student, selector, 3, 4000, (0, 0, 0))
        errors = pruned.subset_error(student, masks)
        expected = pruned.node_error(student, 3, selector.removesuffix("_node"), kernel="outputs")
        z = (errors.mean() - expected) / (errors.std() / np.sqrt(len(errors)))
        assert abs(z) < 4
        biased = errors[masks[:, 5]]  # draws that keep the most important node
        assert abs(biased.mean() - expected) / (biased.std() / np.sqrt(len(biased))) > 6


def test_nodes_cost_their_outgoing_weights_too():
    """Whole-network parameters, counted by removing nodes for good."""
    from practicum.pruning import Random, compact, select_nodes
    from practicum.studies.pruning.images import _cut

    network = torch.nn.Sequential(
        torch.nn.Linear(7, 6), torch.nn.ReLU(), torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    )
    kept = select_nodes(network, "0", 4, Random())
    left = sum(p.numel() for p in compact(network, kept).parameters())
    assert sum(p.numel() for p in network.parameters()) - _cut(network, "0", kept) == left


def test_notes_name_the_share_of_the_whole_network(found):
    (told,) = [note for note in network_verdicts.noted(found) if note.startswith("digits")]
    assert "% of the parameters of the whole network" in told


@pytest.mark.soak
def test_quick_committees_agree_with_theory_and_closed_forms(tmp_path):
    quick = SCALES["quick"]
    found = measurements.measure(replace(quick, images=()), Store(tmp_path), lambda *_: None)
    claims = {claim.claim: claim for claim in verdicts.judge(found)}
    wanted = (
        "a.random",
        "c.pruned",
        "e.copies",
        "e.trained",
        "g.2.6",
        "g.2.6.noise",
        "g.5.20",
        "g.5.20.noise",
        "g.copies",
    )
    assert {name: claims[name].verdict for name in wanted} == dict.fromkeys(wanted, "holds")
