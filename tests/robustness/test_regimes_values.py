"""Regimes as values, noise and the standard regime; and one sentence for what does not fit."""

import json
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, LowRankInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD  # noqa: E402
from practicum.robustness.regimes import CCAT, TRADES, AdversarialTraining, NoiseAugmentation, Standard  # noqa: E402
from practicum.robustness.regimes.kinds import KINDS  # noqa: E402
from robustness.linear_students import ROWS, SEEDS, batch_for, drawn, nonlinear  # noqa: E402

REGIMES = [
    Standard(),
    AdversarialTraining(epsilon=0.1),
    AdversarialTraining(epsilon=0.1, labels="fixed", attack=APGD(steps=3, norm="l2")),
    TRADES(epsilon=0.2, beta=1.0),
    CCAT(epsilon=0.2, power=3.0, attack=FGSM()),
    NoiseAugmentation(scale=0.5, labels="fixed"),
]


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.kind)
def test_a_regime_is_a_value(regime):
    made = {kind.model_fields["kind"].default: kind for kind in KINDS}
    again = made[regime.kind](**json.loads(json.dumps(regime.model_dump())))
    assert again == regime
    assert hash(again) == hash(regime)
    assert len({str(one.model_dump()) for one in REGIMES}) == len(REGIMES)


def test_writing_a_regime_needs_no_torch():
    code = "from practicum.robustness.regimes import CCAT, TRADES, AdversarialTraining, NoiseAugmentation, Standard\n"
    code += (
        "CCAT(epsilon=1), TRADES(epsilon=1), AdversarialTraining(epsilon=1), NoiseAugmentation(scale=1), Standard()\n"
    )
    code += "import sys; print([n for n in ('torch', 'scipy', 'xarray', 'numba') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.strip() == "[]"


def test_a_table_without_a_kind_changes_the_usual_attack():
    regime = AdversarialTraining(epsilon=0.1, attack={"norm": "l2", "steps": 3})
    assert regime.attack == PGD(norm="l2", steps=3, keep="last")
    assert AdversarialTraining(epsilon=0.1, attack={"kind": "pgd", "steps": 3}).attack == PGD(steps=3)


@pytest.mark.parametrize("loss", ["mse", "cross-entropy", "kl"])
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_what_a_training_leaves_open_is_written_out(loss, labels):
    """And changes nothing: the resolved regime perturbs the same, and is its own resolved one."""
    regime, training = AdversarialTraining(epsilon=0.1, labels=labels), Training(loss=loss)
    resolved = regime.resolved(training)
    assert (resolved.attack.loss, resolved.attack.oracle) == (loss, labels == "oracle")
    assert resolved.resolved(training) == resolved
    student, teacher = nonlinear(3), nonlinear(3, seed=2)
    ends = [each(student, teacher, batch_for(teacher, loss)) for each in (regime, resolved)]
    assert all(torch.equal(p, q) for p, q in zip(*ends))
    if loss != "mse":
        margin = regime.replace(attack=PGD(loss="margin"))
        assert margin.resolved(training).attack.loss == "margin"


def test_standard_is_the_batch():
    batch = batch_for(nonlinear(3, seed=2))
    assert Standard()(nonlinear(3), nonlinear(3, seed=2), batch) == (batch.inputs, batch.targets)


# ---- noise


@pytest.mark.parametrize("loss", ["mse", "cross-entropy", "kl"])
def test_noise_is_normal_and_its_labels_are_the_oracles_or_fixed(loss):
    teacher = nonlinear(3, seed=2)
    found = {}
    for labels in ("oracle", "fixed"):
        batch = batch_for(teacher, loss, rows=2000)
        found[labels] = NoiseAugmentation(scale=0.7, labels=labels)(None, teacher, batch)
    noise = (found["oracle"][0] - batch.inputs) / 0.7
    assert abs(float(noise.mean())) < 4 / noise.numel() ** 0.5  # standard errors
    assert float(noise.var()) == pytest.approx(1, abs=4 * (2 / noise.numel()) ** 0.5)
    covariance = (noise[0].T @ noise[0]) / 2000 - torch.eye(5)
    assert covariance.abs().max() < 4 * (2 / 2000) ** 0.5  # in every direction
    assert abs(float((noise[0] * noise[1]).mean())) < 4 / noise[0].numel() ** 0.5
    assert torch.equal(found["oracle"][0], found["fixed"][0])
    assert torch.equal(found["fixed"][1], batch.targets)
    outputs = teacher(found["oracle"][0]).detach()
    wanted = {"mse": outputs, "cross-entropy": outputs.argmax(-1), "kl": outputs.softmax(-1)}[loss]
    torch.testing.assert_close(found["oracle"][1], wanted)
    assert not torch.equal(found["oracle"][1], batch.targets)


def test_noise_in_single_precision_and_of_images():
    teacher = nonlinear(3, seed=2)
    batch = batch_for(teacher)
    single = batch._replace(inputs=drawn(SEEDS, ROWS, 1, 4, 4).float())
    inputs, _ = NoiseAugmentation(scale=1.0, labels="fixed")(None, teacher, single)
    assert (inputs.dtype, inputs.shape) == (torch.float32, single.inputs.shape)


def test_an_oracle_teaches_what_lies_off_the_data_and_fixed_labels_do_not():
    """Inputs of rank 3 in 8 dimensions: on full-rank inputs noise helps with an oracle, and not without."""
    seeds = range(2)
    teacher = SeparatedTeacher(inputs=8, hidden=3, outputs=4, decay=0.0).build(seeds)
    data = make_data(LowRankInputs(dimension=8, rank=3, scale=1.0), teacher, seeds, 500, 100)
    everywhere = make_data(GaussianInputs(dimension=8), teacher, seeds, 1, 2000).held_out
    errors = {}
    for name in ("none", "oracle", "fixed"):
        students = Students(multiple=2).build(teacher, seeds)
        regime = None if name == "none" else NoiseAugmentation(scale=0.7, labels=name)
        fit(teacher, students, data, Training(epochs=10, learning_rate=0.05), seeds=seeds, regime=regime)
        errors[name] = (students(everywhere) - teacher(everywhere)).square().mean((1, 2)).detach()
    assert (errors["oracle"] < 0.5 * errors["none"]).all()
    assert (errors["oracle"] < 0.5 * errors["fixed"]).all()


# ---- one sentence


@pytest.mark.parametrize(
    "make, match",
    [
        (
            lambda: AdversarialTraining(epsilon=-0.1),
            "'epsilon' parameter of AdversarialTraining must be >= 0",
        ),
        (lambda: AdversarialTraining(), "AdversarialTraining needs the parameter 'epsilon'"),
        (lambda: AdversarialTraining(epsilon=0.1, labels="clean"), "'labels' parameter .* must be one of 'oracle' or"),
        (
            lambda: AdversarialTraining(epsilon=0.1, attack=PGD(oracle=True), labels="fixed"),
            "attack and update have one",
        ),
        (lambda: AdversarialTraining(epsilon=0.1, attack=PGD(side="outside")), "no 'side'"),
        (lambda: AdversarialTraining(epsilon=0.1, attack=TargetedAPGD()), "The attack of a regime must be one of PGD"),
        (lambda: AdversarialTraining(epsilon=0.1, attack={"kind": "pdg"}), "Did you mean 'pgd'"),
        (lambda: AdversarialTraining(epsilon=0.1, attack={"stepps": 3}), "Did you mean 'steps'"),
        (lambda: TRADES(epsilon=0.1, attack=FGSM()), "must be a PGD"),
        (lambda: TRADES(epsilon=0.1, attack=PGD(loss="margin")), "makes 'kl' large"),
        (lambda: TRADES(epsilon=0.1, attack=PGD(loss="kl", oracle=True)), "must have oracle=False"),
        (lambda: TRADES(epsilon=0.1, beta=-1), "'beta' parameter of TRADES must be >= 0"),
        (lambda: CCAT(epsilon=0.0), "'epsilon' parameter of CCAT must be > 0"),
        (lambda: CCAT(epsilon=0.1, power=0), "'power' parameter of CCAT must be > 0"),
        (lambda: CCAT(epsilon=0.1, attack=PGD(loss="kl")), "makes 'confidence' large"),
        (lambda: NoiseAugmentation(scale=-1), "'scale' parameter of NoiseAugmentation must be >= 0"),
        (lambda: NoiseAugmentation(scale=np.nan), "must be a finite number"),
    ],
)
def test_values_that_are_none(make, match):
    with pytest.raises(ParameterError, match=match) as raised:
        make()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "regime, changes, match",
    [
        (TRADES(epsilon=0.1), {}, "TRADES needs a training with loss 'cross-entropy' or 'kl'.* Got 'mse'"),
        (CCAT(epsilon=0.1), {}, "CCAT needs a training with loss 'cross-entropy'.* Got 'mse'"),
        (CCAT(epsilon=0.1), {"loss": "kl"}, "CCAT needs a training with loss 'cross-entropy'.* Got 'kl'"),
        (CCAT(epsilon=0.1), {"loss": "cross-entropy", "batch_size": 1}, "CCAT needs a training with batch_size >= 2"),
        (AdversarialTraining(epsilon=0.1, attack=PGD(loss="margin")), {}, "must have a loss of outputs"),
        (AdversarialTraining(epsilon=0.1, attack=PGD(loss="mse")), {"loss": "kl"}, "must have a loss of classes"),
        (AdversarialTraining(epsilon=0.1, attack=PGD(box=(0.0, 1.0))), {}, "must lie in the box"),
    ],
)
def test_trainings_that_do_not_fit(regime, changes, match):
    """Said when a configuration is resolved, if the values alone tell, and by fit in any case."""
    teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4).build(range(2))
    students = Students(multiple=2).build(teacher, range(2))
    data = make_data(GaussianInputs(dimension=6), teacher, range(2), 20, 20)
    training = Training(epochs=1, **changes)
    with pytest.raises(ParameterError, match=match) as raised:
        fit(teacher, students, data, training, seeds=range(2), regime=regime)
    assert "\n" not in str(raised.value)
    if "box" not in match:
        with pytest.raises(ParameterError, match=match):
            regime.resolved(training)


def test_dlr_needs_three_classes():
    student, teacher = nonlinear(2), nonlinear(2, seed=2)
    regime = AdversarialTraining(epsilon=0.1, attack=PGD(loss="dlr"))
    with pytest.raises(ParameterError, match="Got a student with 2"):
        regime(student, teacher, batch_for(teacher, "cross-entropy"))
    regime(nonlinear(3), nonlinear(3, seed=2), batch_for(nonlinear(3, seed=2), "cross-entropy"))


def test_only_students_side_by_side_can_be_attacked():
    class Wrapped(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, inputs):
            return self.inner(inputs)

    teacher = nonlinear(3, seed=2)
    with pytest.raises(ParameterError, match="Got Wrapped instead"):
        AdversarialTraining(epsilon=0.1)(Wrapped(nonlinear(3)), teacher, batch_for(teacher))


# ---- convolutions, and seeds that diverge


@pytest.mark.parametrize("regime", [AdversarialTraining(epsilon=0.1), TRADES(epsilon=0.1), CCAT(epsilon=0.1)], ids=str)
def test_convolutional_students(regime):
    from practicum.networks import CNN, Ensemble

    torch.manual_seed(0)
    make = lambda: CNN((1, 6, 6), (4, 4), 3, normalisation="before").double()
    teacher, students = make().eval(), Ensemble([make(), make()])
    images = np.random.default_rng(0).random((60, 1, 6, 6))
    data = make_data(images, teacher, (0, 1), 40, 20)
    training = Training(loss="cross-entropy", epochs=2, learning_rate=0.05)
    found = fit(teacher, students, data, training, seeds=(0, 1), regime=regime)
    assert (found.status == "ok").all()
    assert all(module.training for module in students.modules())


@pytest.mark.parametrize(
    "regime, loss",
    [
        (AdversarialTraining(epsilon=0.1), "mse"),
        (AdversarialTraining(epsilon=0.1, attack=PGD(norm="l2"), labels="fixed"), "mse"),
        (AdversarialTraining(epsilon=0.1, attack=APGD(steps=5)), "cross-entropy"),
        (AdversarialTraining(epsilon=0.1, attack=FGSM()), "kl"),
        (TRADES(epsilon=0.1), "cross-entropy"),
        (CCAT(epsilon=0.1), "cross-entropy"),
        (CCAT(epsilon=0.1, attack=RandomNoise(tries=2)), "cross-entropy"),
        (NoiseAugmentation(scale=0.1), "mse"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_a_seed_diverges_alone(regime, loss):
    seeds = (0, 1, 2)

    def made():
        teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4).build(seeds, dtype="float32")
        students = Students(multiple=2).build(teacher, seeds, dtype="float32")
        return teacher, students, make_data(GaussianInputs(dimension=6), teacher, seeds, 40, 40, dtype="float32")

    training = Training(loss=loss, epochs=2, learning_rate=0.05)
    calm = fit(*made(), training, seeds=seeds, regime=regime)
    wild = made()
    with torch.no_grad():
        for weight in wild[1].weights:
            weight[1] *= 1e15 if loss == "mse" else 1e18
    found = fit(*wild, training, seeds=seeds, regime=regime)
    assert found.status.values.tolist() == ["ok", "diverged", "ok"]
    np.testing.assert_allclose(found.loss.sel(seed=[0, 2]), calm.loss.sel(seed=[0, 2]), rtol=1e-5)
