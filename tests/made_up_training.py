"""A training that takes a moment."""

from practicum.networks.inputs import GaussianInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import SeparatedTeacher
from practicum.runs import TrainConfig


def train_config(**changes):
    values = {
        "teacher": SeparatedTeacher(inputs=6, hidden=3, outputs=4, output_bias=None),
        "students": Students(multiple=2),
        "inputs": GaussianInputs(dimension=6, scale=1.5),
        "training": Training(epochs=6, batch_size=8, momentum=0.5, learning_rate=0.05),
        "seeds": 3,
        "samples": 40,
        "held_out": 50,
        "keep": ("alignment", "winner_rank"),
    }
    return TrainConfig(**{**values, **changes})
