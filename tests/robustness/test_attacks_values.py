"""Attacks are values: written, compared, hashed, stored and read, also where PyTorch is missing."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

import practicum.robustness.attacks as attacks
from practicum.errors import ParameterError
from practicum.robustness.attacks import APGD, FGSM, PGD, AttackValue, RandomNoise, TargetedAPGD, Worst
from test_lightness import HEAVY, loaded_after

KINDS = {"pgd": PGD, "fgsm": FGSM, "noise": RandomNoise, "apgd": APGD, "targeted-apgd": TargetedAPGD}
VALUES = [
    *(kind() for kind in KINDS.values()),
    PGD(
        norm="l2",
        loss="margin",
        oracle=True,
        margin=0.5,
        side="outside",
        steps=7,
        restarts=2,
        step_size=0.1,
        keep="last",
    ),
    FGSM(box=(0, 1)),
    APGD(loss="mse", oracle=True, steps=3),
    TargetedAPGD(targets=3, oracle=True, margin=1.5),
    Worst(),
    Worst(norm="l2", oracle=True, box=(-1.0, 1.0)),
    Worst(loss="mse"),
    Worst(attacks=[PGD(norm="l2"), FGSM(norm="l2", loss="margin"), RandomNoise(norm="l2", tries=5)]),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_repr_makes_the_value_again(value):
    assert eval(repr(value), vars(attacks) | {name: getattr(attacks, name) for name in attacks.__all__}) == value
    assert str(value) == repr(value)


def test_reprs_say_what_is_not_usual_and_nothing_else():
    assert repr(PGD()) == "PGD()"
    assert repr(PGD(norm="l2", steps=40)) == "PGD(norm='l2', steps=40)"
    assert repr(PGD(norm="linf", steps=20)) == "PGD()"
    assert repr(Worst(norm="l2")) == "Worst(norm='l2', attacks=(APGD(norm='l2'), TargetedAPGD(norm='l2')))"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_through_json_and_back(value):
    table = json.loads(json.dumps(value.model_dump()))
    assert type(value)(**table) == value
    assert TypeAdapter(AttackValue).validate_python(table) == value
    assert TypeAdapter(AttackValue).validate_python(value) == value
    assert table["kind"] in {**KINDS, "worst": Worst}
    assert value.replace() == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_frozen_and_hashable(value):
    again = type(value)(**value.model_dump())
    assert hash(again) == hash(value)
    assert len({value, again}) == 1
    assert len({*VALUES, again}) == len(VALUES)
    with pytest.raises(ValueError, match="frozen"):
        value.norm = "l2"
    assert value != PGD(steps=123)


@given(
    st.builds(
        PGD,
        norm=st.sampled_from(["linf", "l2"]),
        loss=st.sampled_from(["cross-entropy", "margin", "dlr", "confidence", "kl", "mse"]),
        oracle=st.booleans(),
        box=st.none() | st.tuples(st.floats(-1e9, -1), st.floats(1, 1e300)),
        steps=st.integers(1, 10**6),
        step_size=st.none() | st.floats(1e-300, 1e300),
        keep=st.sampled_from(["best", "last"]),
    )
)
def test_any_value_is_read_as_it_was_written(value):
    assert eval(repr(value), {"PGD": PGD}) == value
    assert PGD(**json.loads(json.dumps(value.model_dump()))) == value


def test_the_attacks_of_worst_share_what_the_first_says():
    worst = Worst(
        attacks=(APGD(norm="l2", oracle=True, margin=0.3, loss="dlr"), TargetedAPGD(norm="l2", oracle=True, margin=0.3))
    )
    assert (worst.norm, worst.oracle, worst.margin, worst.loss) == ("l2", True, 0.3, "dlr")
    assert Worst(loss="margin").attacks == (APGD(loss="margin"), TargetedAPGD())
    tables = [{"kind": "apgd", "norm": "l2"}, {"kind": "fgsm", "norm": "l2"}]
    assert Worst(attacks=tables) == Worst(attacks=(APGD(norm="l2"), FGSM(norm="l2")))
    assert worst.outputs_needed == 4
    assert PGD(loss="mse").outputs_needed == 1


VALUES_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import practicum.robustness as r
from practicum.robustness.attacks import AttackValue
for value in (r.PGD(), r.FGSM(), r.APGD(), r.RandomNoise(), r.TargetedAPGD(), r.Worst()):
    assert type(value)(**value.model_dump()) == value
    hash(value), repr(value)
try:
    r.PGD(stps=3)
except ValueError as error:
    assert "Did you mean 'steps'" in str(error)
try:
    r.PGD()(None, None, 0.1)
except ImportError as error:
    assert "pip install 'practicum[networks]'" in str(error), error
else:
    raise AssertionError
"""


def test_values_need_no_torch():
    loaded_after(VALUES_WITHOUT_TORCH)
    code = "import practicum.robustness as r\nr.Worst(norm='l2'), r.PGD(steps=3), r.APGD, dir(r)"
    assert not loaded_after(code) & set(HEAVY)


def test_without_torch_a_call_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for value in VALUES:
        with pytest.raises(ParameterError, match=r"'torch', which is not installed; run pip install"):
            value(None, None, 0.1)


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'PDG'"):
        attacks.PDG
    assert {"PGD", "Worst"} <= set(dir(attacks))


SLIPS = [
    (lambda: PGD(stps=3), "PGD has no parameter 'stps'", "Did you mean 'steps'"),
    (lambda: Worst(atacks=()), "Worst has no parameter 'atacks'", "Did you mean 'attacks'"),
    (lambda: PGD("l2"), "PGD takes its parameters by name", "norm="),
    (lambda: PGD(norm="l1"), "'norm' parameter of PGD", "'linf' or 'l2'"),
    (lambda: PGD(loss="ce"), "'loss' parameter of PGD", "'cross-entropy'"),
    (lambda: TargetedAPGD(loss="margin"), "'loss' parameter of TargetedAPGD", "'dlr'"),
    (lambda: PGD(steps=0), "'steps' parameter of PGD must be >= 1", "Got 0"),
    (lambda: PGD(steps=2.5), "'steps' parameter of PGD must be a whole number", "Got 2.5"),
    (lambda: PGD(steps=True), "'steps' parameter of PGD must be a whole number", "Got True"),
    (lambda: PGD(restarts=-1), "'restarts' parameter of PGD must be >= 1", "Got -1"),
    (lambda: PGD(step_size=0), "'step_size' parameter of PGD must be > 0", "None is 2.5 / steps"),
    (lambda: PGD(step_size=float("nan")), "'step_size' parameter of PGD must be a finite number", "nan"),
    (lambda: PGD(keep="worst"), "'keep' parameter of PGD", "'best' or 'last'"),
    (lambda: RandomNoise(tries=0), "'tries' parameter of RandomNoise must be >= 1", "Got 0"),
    (lambda: TargetedAPGD(targets=0), "'targets' parameter of TargetedAPGD must be >= 1", "Got 0"),
    (lambda: PGD(margin=-1, oracle=True), "'margin' parameter of PGD must be >= 0", "0 counts every"),
    (lambda: PGD(margin=1), "'margin' parameter of PGD must be 0 unless oracle=True", "Got 1"),
    (lambda: PGD(margin=1, oracle=True, loss="mse"), "'margin' parameter of PGD belongs to classes", "mse"),
    (lambda: PGD(side="left"), "'side' parameter of PGD", "'inside' or 'outside'"),
    (lambda: PGD(side="inside", box=(0, 1)), "PGD takes a 'box' or a 'side'", "drop one of them"),
    (lambda: PGD(box=(1, 0)), "'box' parameter of PGD must be (lowest, highest)", "(1.0, 0.0)"),
    (lambda: PGD(box=(0,)), "'box' parameter of PGD must be two numbers", "Got (0,)"),
    (lambda: PGD(box=("0", "1")), "'box' parameter of PGD must be two numbers", "Got ('0', '1')"),
    (lambda: PGD(box=0.5), "'box' parameter of PGD", "Got 0.5"),
    (lambda: PGD(box=(0, float("inf"))), "'box' parameter of PGD must be a finite number", "inf"),
    (lambda: Worst(attacks=PGD()), "'attacks' parameter of Worst must be a list", "PGD()"),
    (lambda: Worst(attacks={"kind": "pgd"}), "'attacks' parameter of Worst must be a list", "kind"),
    (lambda: Worst(attacks="pgd"), "'attacks' parameter of Worst must be a list", "'pgd'"),
    (lambda: Worst(attacks=["pgd"]), "An attack must be one of PGD", "Got 'pgd'"),
    (lambda: Worst(attacks=[{"kind": "pdg"}]), "An attack must have a 'kind'", "Did you mean 'pgd'"),
    (lambda: Worst(attacks=[{"steps": 3}]), "An attack must have a 'kind'", "Got None"),
    (lambda: Worst(attacks=[{"kind": "pgd", "stps": 3}]), "PGD has no parameter 'stps'", "Did you mean 'steps'"),
    (lambda: Worst(attacks=(Worst(),)), "An attack must be one of PGD", "Worst("),
    (lambda: Worst(attacks=(PGD(), PGD(norm="l2"))), "must share their 'norm'", "'linf' and 'l2'"),
    (lambda: Worst(norm="l2", attacks=(PGD(),)), "must share their 'norm'", "'l2' and 'linf'"),
    (lambda: Worst(attacks=(PGD(), PGD(oracle=True))), "must share their 'oracle'", "False and True"),
    (lambda: Worst(attacks=(PGD(), PGD(loss="mse"))), "all compare classes or all have loss='mse'", "'cross-entropy'"),
    (lambda: Worst(loss="margin", attacks=(PGD(),)), "'loss' parameter of Worst is that of its first", "leave it out"),
]


@pytest.mark.parametrize("slip, bound, rest", SLIPS)
def test_slips_are_one_sentence(slip, bound, rest):
    with pytest.raises(ParameterError) as caught:
        slip()
    assert bound in str(caught.value)
    assert rest in str(caught.value)
    assert "\n" not in str(caught.value)
