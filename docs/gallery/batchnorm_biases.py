"""Signs of the biases of BatchNorm, layer by layer, beside how often each layer fires."""

from practicum import figures
from practicum.networks import ImageInputs, ImageTeacher
from practicum.runs import Store, StudyConfig
from practicum.specialization.batchnorm import report


def compute(config):
    """A CNN trained on the digits of scikit-learn."""
    digits = ImageInputs(name="digits", flat=False, mean=0.305, deviation=0.376)
    teacher = ImageTeacher(inputs=digits, widths=(16, 16, 16), normalisation="before", epochs=8)
    return report(teacher.train([0]).network, keep=("beta", "gamma")).drop_attrs()


data = Store().run(StudyConfig(study="gallery", part="batchnorm"), compute)
picture = figures.batchnorm_biases(data)
