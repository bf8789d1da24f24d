"""Selectors are values: written without PyTorch, checked, stored, and shown as the call that makes them."""

import subprocess
import sys

import pytest
from pydantic import TypeAdapter

from practicum import ParameterError
from practicum.networks._described import Described
from practicum.pruning import DPP, GreedyMAP, Importance, Magnitude, Random, SoftMagnitude
from practicum.pruning.select import SelectorValue

ALL = [Random(), Magnitude(), Importance(), SoftMagnitude(), DPP(), GreedyMAP()]
OTHERS = [DPP(similarity="linear", jitter=0.0), DPP(bandwidth=0.5), GreedyMAP(jitter=0.1)]


@pytest.mark.parametrize("selector", [*ALL, *OTHERS], ids=repr)
def test_a_selector_is_shown_as_its_call_and_comes_back_from_a_table(selector):
    assert eval(repr(selector)) == selector
    table = selector.model_dump()
    assert TypeAdapter(SelectorValue).validate_python(table) == selector
    assert hash(selector) == hash(eval(repr(selector)))


def test_kinds_differ_and_the_default_is_the_published_kernel():
    assert len({selector.kind for selector in ALL}) == len(ALL)
    assert (DPP().similarity, DPP().bandwidth, DPP().jitter) == ("gaussian", None, 0.01)


def test_a_configuration_holds_any_selector():
    class Holder(Described):
        selector: SelectorValue = DPP()

    assert Holder(selector={"kind": "greedy-map", "jitter": 0.5}).selector == GreedyMAP(jitter=0.5)
    with pytest.raises(ParameterError, match=r"A selector must have a 'kind'.*Got 'dp' instead. Did you mean 'dpp'\?"):
        Holder(selector={"kind": "dp"})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: DPP(jitter=-0.1), r"The 'jitter' parameter of DPP must be >= 0. Got -0.1 instead. 0 adds nothing"),
        (lambda: DPP(bandwidth=0), r"The 'bandwidth' parameter of DPP must be > 0. Got 0 instead. None takes 10"),
        (lambda: DPP(similarity="cosine"), r"The 'similarity' parameter of DPP must be one of 'gaussian' or 'linear'"),
        (
            lambda: GreedyMAP(similarity="linear", bandwidth=2.0),
            r"'bandwidth' .* of GreedyMAP belongs to.*Got 2",
        ),
        (lambda: Random(seed=1), r"Random has no parameter 'seed'"),
    ],
)
def test_a_slip_gets_one_sentence(make, sentence):
    with pytest.raises(ParameterError, match=sentence):
        make()


def test_writing_a_selector_loads_nothing_heavy():
    code = (
        "import sys\nfrom practicum.pruning import DPP, GreedyMAP, Random, Selector\nDPP(jitter=0.1), Random()\n"
        "print(sorted({'torch', 'numba', 'scipy', 'xarray'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "[]", run.stderr
