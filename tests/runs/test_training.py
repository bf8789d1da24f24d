"""The configuration of a training: one run, one id, however it was written; what does not fit is one sentence."""

import inspect
from typing import get_args

import pytest

from made_up_training import train_config
from practicum import ParameterError
from practicum.networks.inputs import (
    GaussianInputs,
    ImageInputs,
    LowRankInputs,
    PatchInputs,
    TeacherAgnosticInputs,
    TeacherAwareInputs,
    UniformInputs,
)
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import BalancedTeacher, ImageTeacher, SeparatedTeacher
from practicum.robustness.attacks import PGD
from practicum.robustness.regimes import CCAT, TRADES, AdversarialTraining, NoiseAugmentation, Standard
from practicum.runs import TrainConfig, config_from_json
from practicum.runs.training import Kept

IMAGES = ImageTeacher(widths=(3, 4))
COLOUR = ImageTeacher(inputs=ImageInputs(name="cifar-10", flat=False, mean=(0.5, 0.4, 0.3), deviation=0.2), widths=(3,))
CONFIGS = [
    train_config(),
    train_config(seeds=[5, 3, 11], dtype="float64", thresholds=(0.9, 0.95), observe_at=[6, 0]),
    train_config(teacher=BalancedTeacher(inputs=6, hidden=(4, 5), outputs=3), teacher_seed=4),
    train_config(teacher=IMAGES, inputs=IMAGES.inputs, students=Students(multiple=1)),
    train_config(teacher=COLOUR, inputs=COLOUR.inputs),
    train_config(teacher=COLOUR, inputs=PatchInputs(size=32, flat=False)),
    train_config(teacher=COLOUR, inputs=PatchInputs(size=32, flat=False, photographs=("china", "flower"))),
    *(
        train_config(inputs=law)
        for law in (
            UniformInputs(dimension=6),
            LowRankInputs(dimension=6, rank=2),
            TeacherAwareInputs(dimension=6),
            TeacherAgnosticInputs(dimension=6),
        )
    ),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.teacher.kind}-{config.inputs.kind}")
def test_json_round_trip(config):
    back = config_from_json(config.canonical())
    assert type(back) is TrainConfig
    assert back == config
    assert back.canonical() == config.canonical()


def test_all_different():
    assert len({config.id for config in CONFIGS}) == len(CONFIGS)


def test_defaults_are_those_of_train():
    pytest.importorskip("torch")
    from practicum.specialization import train

    parameters = inspect.signature(train).parameters
    elsewhere = {"save", "resume", "progress", "seeds"}  # seeds are kept in another form; the others change no number
    fields = TrainConfig.model_fields
    assert set(parameters) - elsewhere == set(fields) - {"kind", "revision", "seeds"}
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty and name not in elsewhere}
    assert defaults == {name: fields[name].default for name in defaults}
    assert fields["seeds"].default.list() == list(range(parameters["seeds"].default))


def test_everything_that_can_be_kept_is_known():
    pytest.importorskip("torch")
    from practicum.specialization.observers import KEEP

    assert set(get_args(Kept)) == set(KEEP)


@pytest.mark.parametrize(
    "changes",
    [
        {"students": Students(widths=(6,))},
        {"students": Students(multiple=2, activation="relu", slope=0.0)},
        {"students": Students(multiple=2, scale=0.1)},  # which only "normal" uses
        {"students": Students(multiple=2, output_bias=False)},  # as the teacher
        {"students": {"multiple": 2}},
        {"training": {"epochs": 6, "batch_size": 8, "momentum": 0.5, "learning_rate": 0.05}},
        {"teacher": {"kind": "separated", "inputs": 6, "hidden": 3, "outputs": 4, "output_bias": None}},
        {"seeds": [0, 1, 2]},
        {"seeds": {"first": 0, "count": 3}},
        {"keep": ["winner_rank", "alignment", "winner_rank"]},
        {"observe_at": 1},
    ],
    ids=str,
)
def test_two_spellings_one_id(changes):
    assert train_config(**changes).id == train_config().id


@pytest.mark.parametrize(
    "changes",
    [
        {"students": Students(multiple=3)},
        {"students": Students(multiple=2, activation="erf")},
        {"students": Students(multiple=2, output_bias=True)},
        {"students": Students(multiple=2, initial="normal")},
        {"students": Students(multiple=2, initial="normal", scale=0.1)},
        {"training": Training(epochs=7)},
        {"samples": 41},
        {"held_out": 51},
        {"teacher_seed": 0},
        {"thresholds": 0.9},
        {"thresholds": (0.95,)},
        {"keep": ()},
        {"observe_at": 2},
        {"observe_at": (6,)},
        {"dtype": "float64"},
        {"device": "cuda"},
    ],
    ids=str,
)
def test_what_changes_the_numbers_changes_the_id(changes):
    assert train_config(**changes).id != train_config().id


def test_a_leaky_student_of_another_teacher_keeps_its_slope():
    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4, output_bias=None, activation="leaky-relu", slope=0.1)
    same = train_config(teacher=teacher, students=Students(multiple=2, activation="leaky-relu", slope=0.1))
    assert same.id == train_config(teacher=teacher).id
    other = train_config(teacher=teacher, students=Students(multiple=2, slope=0.2))
    assert (other.students.slope, other.id == same.id) == (0.2, False)
    # ReLU beside a leaky teacher has slope 0, whether or not that is said.
    assert (
        train_config(teacher=teacher, students=Students(multiple=2, activation="relu", slope=0.0)).id
        == train_config(teacher=teacher, students=Students(multiple=2, activation="relu")).id
    )


def test_an_id_is_for_ever():
    """The golden id; see tests/runs/test_config.py."""
    assert train_config().id == "dd51c8d7b3d622e6"


def test_trainings_from_before_there_were_regimes_keep_their_ids():
    """Computed at the last commit without them; "regime" stands in no canonical JSON that has none."""
    before = {
        "dd51c8d7b3d622e6", "ee3cecd2d9c79555", "ccc976c4f4c21286", "52a4dd9b960fb6ba", "c4234f53c30f32be",
        "ff9873120b0f59cf", "6bee6ed54af9823d", "509fc8eb143b65b1",
    }  # fmt: skip
    assert before <= {config.id for config in CONFIGS}
    assert all("regime" not in config.canonical() for config in CONFIGS)
    assert train_config(regime=None).id == train_config().id


CLASSES = Training(epochs=6, batch_size=8, learning_rate=0.05, loss="cross-entropy")
REGIMES = [
    AdversarialTraining(epsilon=0.1),
    AdversarialTraining(epsilon=0.1, labels="fixed"),
    AdversarialTraining(epsilon=0.1, attack=PGD(norm="l2", steps=10, keep="last")),
    NoiseAugmentation(scale=0.1),
    TRADES(epsilon=0.1),
    CCAT(epsilon=0.1, power=5),
]


def test_a_regime_is_part_of_the_run():
    configs = [train_config(training=CLASSES, regime=regime) for regime in (None, *REGIMES)]
    assert len({config.id for config in configs}) == len(configs)
    for config in configs:
        assert config_from_json(config.canonical()) == config
        assert config.replace(samples=41).regime == config.regime


@pytest.mark.parametrize("training", [Training(epochs=6), CLASSES, CLASSES.replace(loss="kl")], ids=lambda t: t.loss)
def test_what_a_regime_takes_from_the_training_is_one_run_with_it_written_out(training):
    one = train_config(training=training, regime=AdversarialTraining(epsilon=0.1))
    attack = PGD(steps=10, keep="last", loss=training.loss, oracle=True)
    assert one.id == train_config(training=training, regime=AdversarialTraining(epsilon=0.1, attack=attack)).id
    assert one.id == train_config(training=training, regime={"kind": "adversarial", "epsilon": 0.1}).id
    assert one.regime.attack == attack


def test_the_standard_regime_is_none():
    assert train_config(regime=Standard()).id == train_config(regime={"kind": "standard"}).id == train_config().id
    assert train_config(regime=Standard()).regime is None


def test_widths():
    assert (train_config().teacher_widths, train_config().student_widths) == ((3,), (6,))
    deep = train_config(teacher=BalancedTeacher(inputs=6, hidden=(4, 5)), students=Students(widths=(9, 5)))
    assert (deep.teacher_widths, deep.student_widths, deep.students.multiple) == ((4, 5), (9, 5), None)
    assert train_config(teacher=IMAGES, inputs=IMAGES.inputs).student_widths == (6, 8)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"inputs": GaussianInputs(dimension=3)}, "The teacher has 6 inputs, and the input law draws 3"),
        ({"inputs": {"kind": "gausian"}}, "Did you mean 'gaussian'?"),
        ({"regime": {"kind": "adversary"}}, "A regime must have a 'kind', one of 'standard', 'adversarial'"),
        ({"regime": "adversarial"}, "A regime must be one of Standard, AdversarialTraining"),
        ({"regime": {"kind": "adversarial"}}, "AdversarialTraining needs the parameter 'epsilon'"),
        ({"regime": {"kind": "noise", "scale": -1}}, "'scale' parameter of NoiseAugmentation must be >= 0"),
        ({"regime": TRADES(epsilon=0.1)}, "TRADES needs a training with loss 'cross-entropy' or 'kl'"),
        ({"teacher": {"kind": "separated", "hiden": 3}}, "Did you mean 'hidden'?"),
        ({"teacher": 3}, "A teacher must be one of SeparatedTeacher, BalancedTeacher, ImageTeacher"),
        ({"students": Students(widths=(3, 4))}, "'widths' parameter of Students must have 1 number(s)"),
        ({"students": {"multiple": 0}}, "'multiple' parameter of Students must be >= 1"),
        ({"training": {"epoch": 3}}, "Did you mean 'epochs'?"),
        ({"training": {"learning_rate": -1}}, "'learning_rate' parameter of Training must be > 0"),
        ({"seeds": 0}, "at least one seed"),
        ({"samples": 0}, "'samples' parameter of TrainConfig must be >= 1. Got 0 instead. It is N"),
        ({"samples": 2.5}, "'samples' parameter of TrainConfig must be a whole number"),
        ({"keep": ["ro"]}, "'keep' parameter of TrainConfig must be one of 'activity', 'alignment'"),
        ({"thresholds": 1}, "The threshold of a coverage must be"),
        ({"thresholds": [0.9, "high"]}, "The threshold of a coverage must be"),
        ({"observe_at": 0}, "a number of epochs >= 1 between two looks"),
        ({"observe_at": [0, 7]}, "must name epochs from 0 to 6, at which the training ends"),
        ({"observe_at": []}, "must name epochs from 0 to 6"),
        ({"dtype": "float16"}, "'dtype' parameter of TrainConfig must be one of"),
        (
            {"teacher": IMAGES, "inputs": ImageInputs()},
            "The teacher takes images, so its inputs must have flat = false",
        ),
        (
            {"teacher": IMAGES, "inputs": PatchInputs(size=28, colour=False)},
            "The teacher takes images, so its inputs must have flat = false",
        ),
        ({"inputs": PatchInputs(size=8)}, "The teacher has 6 inputs, and the input law draws 192"),
        ({"epochs": 3}, "TrainConfig has no parameter 'epochs'"),
    ],
)
def test_bad_values_are_one_sentence(changes, sentence):
    with pytest.raises(ParameterError) as caught:
        train_config(**changes)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
