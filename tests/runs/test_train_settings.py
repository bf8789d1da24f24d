"""From a TOML file and --set to a training: what fits is found, what does not is one sentence."""

import pytest

from practicum import ParameterError
from practicum.networks.inputs import GaussianInputs, ImageInputs, PatchInputs
from practicum.networks.teachers import BalancedTeacher
from practicum.robustness.regimes import AdversarialTraining, NoiseAugmentation
from practicum.runs import TrainConfig
from practicum.runs.train_settings import training_configuration

FILE = """
seeds = [3, 4]
samples = 200
keep = ["alignment"]
[teacher]
kind = "balanced"
inputs = 8
hidden = [4, 5]
outputs = 3
[students]
multiple = 2
[inputs]
scale = 10.0
[training]
epochs = 5
learning_rate = 0.2
schedule = [[3, 0.1]]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "training.toml"
    path.write_text(FILE)
    return path


def test_a_file_says_it_all(file):
    config = training_configuration(file)
    assert isinstance(config, TrainConfig)
    assert (config.teacher.kind, config.teacher.hidden, config.student_widths) == ("balanced", (4, 5), (8, 10))
    assert config.inputs == GaussianInputs(dimension=8, scale=10.0)
    assert (config.training.epochs, config.training.schedule) == (5, ((3, 0.1),))
    assert (config.seeds.list(), config.samples, config.held_out, config.keep) == ([3, 4], 200, 10_000, ("alignment",))


def test_nothing_given_is_the_default_of_everything():
    config = training_configuration()
    assert (config.teacher.kind, config.inputs.kind, config.inputs.dimension) == ("separated", "gaussian", 100)


@pytest.mark.parametrize(
    ("setting", "read", "value"),
    [
        ("epochs=2", lambda c: c.training.epochs, 2),
        ("training.epochs=2", lambda c: c.training.epochs, 2),
        ("seeds=2", lambda c: c.seeds.list(), [0, 1]),
        ("multiple=3", lambda c: c.students.multiple, 3),
        ("inputs.scale=2", lambda c: c.inputs.scale, 2.0),
        ("inputs=9", lambda c: (c.teacher.inputs, c.inputs.dimension), (9, 9)),
        ("hidden=[7]", lambda c: c.teacher_widths, (7,)),
        ("initial=normal", lambda c: c.students.initial, "normal"),
        ("students.activation=erf", lambda c: c.students.activation, "erf"),
        ("dtype=float64", lambda c: c.dtype, "float64"),
        ("thresholds=[0.9, 0.95]", lambda c: c.thresholds, (0.9, 0.95)),
        ("observe_at=[0, 5]", lambda c: c.observe_at, (0, 5)),
        ("inputs.kind=uniform", lambda c: c.inputs.kind, "uniform"),  # the file's scale belongs to the Gaussian
    ],
)
def test_settings_go_before_the_file(file, setting, read, value):
    assert read(training_configuration(file, [setting])) == value


def test_another_kind_brings_its_own_names(file):
    config = training_configuration(file, ["decay=2", "teacher.kind=separated", "hidden=5"])
    assert (config.teacher.kind, config.teacher.decay, config.teacher.inputs) == ("separated", 2.0, 8)
    config = training_configuration(None, ["rank=3", "inputs.kind=low-rank"])
    assert (config.inputs.kind, config.inputs.rank, config.inputs.dimension) == ("low-rank", 3, 100)


def test_an_image_teacher_and_its_students_see_the_same_images():
    config = training_configuration(None, ["teacher.kind=image", "name=digits", "flat=true"])
    assert config.inputs == config.teacher.inputs == ImageInputs(name="digits")
    config = training_configuration(None, ["teacher.kind=image", 'teacher.inputs={name = "mnist"}'])
    assert config.inputs == config.teacher.inputs
    assert (config.inputs.name, config.inputs.flat, config.inputs.mean) == ("mnist", False, 0.1307)
    assert training_configuration(None, ["teacher.kind=image"]).inputs.deviation == 0.3530
    config = training_configuration(None, ["teacher.kind=image", "flat=true"])
    assert config.inputs.dimension == 784
    flat = ["teacher.kind=image", "teacher.inputs={flat = true}", "inputs.kind=gaussian"]
    assert training_configuration(None, flat).inputs == GaussianInputs(dimension=784)


def test_colour_images_are_normalised_by_their_own_channels():
    config = training_configuration(None, ["teacher.kind=image", "inputs.name=cifar-10"])
    assert config.inputs == config.teacher.inputs
    assert config.inputs.shape == (3, 32, 32)
    assert config.inputs.mean == (0.4914, 0.4822, 0.4465)
    own = training_configuration(None, ["teacher.kind=image", "name=cifar-10", "mean=[0.1, 0.2, 0.3]", "deviation=0.5"])
    assert (own.inputs.mean, own.inputs.deviation) == ((0.1, 0.2, 0.3), 0.5)


def test_patches_for_an_image_teacher_are_like_its_images():
    patches = ["teacher.kind=image", "inputs.kind=patches"]
    config = training_configuration(None, patches)
    assert config.teacher == training_configuration(None, ["teacher.kind=image"]).teacher
    assert config.inputs == PatchInputs(size=28, colour=False, flat=False, mean=0.2860, deviation=0.3530)
    colour = training_configuration(None, [*patches, 'teacher.inputs={name = "cifar-10"}', 'photographs=["china"]'])
    assert (colour.inputs.shape, colour.inputs.photographs) == ((3, 32, 32), ("china",))
    assert colour.inputs.mean == colour.teacher.inputs.mean == (0.4914, 0.4822, 0.4465)
    plain = training_configuration(None, ["inputs.kind=patches", "size=8", "teacher.inputs=192"])
    assert plain.inputs == PatchInputs(size=8)


def test_a_regime_from_a_table_and_from_settings(tmp_path, file):
    assert training_configuration(file).regime is None
    usual = AdversarialTraining(epsilon=0.1).resolved(training_configuration(file).training)
    given = training_configuration(file, ["regime.kind=adversarial", "regime.epsilon=0.1"])
    assert given.regime == usual
    assert training_configuration(file, ["epsilon=0.1", "regime.kind=adversarial"]).id == given.id
    path = tmp_path / "regime.toml"
    path.write_text(FILE + "[regime]\nkind = 'adversarial'\nepsilon = 0.1\n[regime.attack]\nnorm = 'l2'\n")
    assert training_configuration(path).regime == usual.replace(attack=usual.attack.replace(norm="l2"))
    settings = ["regime.attack.steps=3", "labels=fixed"]
    changed = training_configuration(path, settings).regime
    assert (changed.attack.steps, changed.attack.norm, changed.labels) == (3, "l2", "fixed")
    inline = training_configuration(path, ["regime.attack={kind = 'fgsm'}"]).regime
    assert (inline.attack.kind, inline.attack.norm) == ("fgsm", "linf")
    other = training_configuration(path, ["regime.kind=noise", "regime.scale=0.5"])  # without the file's epsilon
    assert other.regime == NoiseAugmentation(scale=0.5)
    assert training_configuration(path, ["regime.kind=standard"]).id == training_configuration(file).id


def test_a_bare_name_of_the_top_means_the_top():
    """A balanced teacher has `samples` of its own; those of the students have no other name than the bare one."""
    balanced = ["teacher.kind=balanced", "samples=500"]
    config = training_configuration(None, balanced)
    assert config.samples == 500
    assert config.teacher == BalancedTeacher()
    tuned = training_configuration(None, [*balanced, "teacher.samples=40"])
    assert (tuned.samples, tuned.teacher.samples) == (500, 40)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("learnin_rate=1", "train has no parameter 'learnin_rate'. Did you mean 'learning_rate'?"),
        ("training.learnin_rate=1", "Did you mean 'training.learning_rate'?"),
        ("trainin.learning_rate=1", "Did you mean 'training.learning_rate'?"),
        ("zzz=1", "train has no parameter 'zzz'. It knows seeds, samples"),
        ("decay=1,2", "one value a run"),
        ("activation=erf", "ambiguous: write students.activation or teacher.activation"),
        ("scale=1", "ambiguous: write students.scale or inputs.scale"),
        ("kind=balanced", "ambiguous: write teacher.kind or inputs.kind"),
        ("teacher.kind=balancd", "The 'teacher.kind' must be one of separated, balanced, image. Got 'balancd'"),
        ("inputs.kind=gausian", "Did you mean 'gaussian'?"),
        ("regime.kind=adversary", "'regime.kind' must be one of standard, adversarial, trades, ccat, noise. Got"),
        ("regime.epsilon=0.1", "The setting 'regime.epsilon' needs a kind of regime"),
        ("regime.attack.steps=3", "The setting 'regime.attack.steps' needs a kind of regime"),
        ("regime.kind=adversarial", "AdversarialTraining needs the parameter 'epsilon'"),
        ("epsilon=0.1", "train has no parameter 'epsilon'"),
        ("bias=0", "train has no parameter 'bias'"),  # of the separated teacher
        ("epochs=0", "'epochs' parameter of Training must be >= 1"),
        ("epochs=many", "'epochs' parameter of Training must be a whole number. Got 'many'"),
        ("inputs.dimension=7", "The teacher has 8 inputs, and the input law draws 7"),
        ("multiple=0", "'multiple' parameter of Students must be >= 1"),
        ("seeds=0", "at least one seed"),
        ("keep=rho", "'keep' parameter of TrainConfig must be a list"),
        ("observe_at=9.5", "a number of epochs >= 1"),
        ("inputs.kind=images", "The teacher has 8 inputs, and the input law draws 784"),
        ("teacher.inputs=x", "'inputs' parameter of BalancedTeacher must be a whole number"),
    ],
)
def test_bad_settings_are_one_sentence(file, setting, sentence):
    with pytest.raises(ParameterError) as caught:
        training_configuration(file, [setting])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["teacher.kind=image", "inputs.kind=patches", "size=8"], "has 784 inputs, and the input law draws 64"),
        (
            ["teacher.kind=image", "inputs.kind=patches", "teacher.inputs=3"],
            'must be a table such as {name = "digits"}',
        ),
        (["teacher.kind=image", "teacher.inputs=3"], 'must be a table such as {name = "digits"}. Got 3'),
        (["teacher.kind=image", "inputs.kind=gaussian"], "The teacher takes images, and inputs of kind 'gaussian' are"),
        (["teacher.kind=image", "name=cifar"], "'name' parameter of ImageInputs must be one of"),
    ],
)
def test_bad_image_teachers_are_one_sentence(settings, sentence):
    with pytest.raises(ParameterError) as caught:
        training_configuration(None, settings)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[training]\nepoch = 1", "The table [training] of {file} has no parameter 'epoch'. Did you mean 'epochs'?"),
        ("[trainig]\nepochs = 1", "The top of {file} has no parameter 'trainig'. Did you mean 'training'?"),
        ("epochs = 1", "It belongs under [training]"),
        ("teacher = 3", "must be a table: write [teacher]"),
        ("[teacher]\nsamples = 10", "SeparatedTeacher has no parameter 'samples'"),
        ("[teacher]\nkind = 'x'", "The 'teacher.kind' must be one of"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, content, sentence):
    file = tmp_path / "bad.toml"
    file.write_text(content)
    with pytest.raises(ParameterError) as caught:
        training_configuration(file)
    assert sentence.format(file=file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_of_a_regime_are_known_with_it_only(file):
    """So that a bare name means without one what it meant before."""
    adversarial = ["regime.kind=adversarial", "epsilon=0.1"]
    for settings, sentence in (
        ([*adversarial, "beta=1"], "train has no parameter 'beta'"),
        ([*adversarial, "regime.attack.stepps=1"], "PGD has no parameter 'stepps'"),
        (["regime.kind=noise", "scale=1"], "ambiguous: write students.scale or inputs.scale or regime.scale"),
        (["regime.kind=ccat", "epsilon=0.1"], "CCAT needs a training with loss 'cross-entropy'"),
    ):
        with pytest.raises(ParameterError) as caught:
            training_configuration(file, settings)
        assert sentence in str(caught.value)
    (table := file.parent / "kindless.toml").write_text(FILE + "[regime]\nepsilon = 0.1\n")
    with pytest.raises(ParameterError, match="needs a kind of regime"):
        training_configuration(table)
