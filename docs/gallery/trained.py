"""Trainings that several pictures share: students of a teacher of five nodes of different strength."""

from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training
from practicum.runs import Store, TrainConfig


def trained(multiple, decay=1.0):
    """Students with `multiple` times the teacher's nodes, six seeds; found in the store if they are there."""
    config = TrainConfig(
        teacher=SeparatedTeacher(inputs=20, hidden=5, outputs=10, decay=decay),
        students=Students(multiple=multiple, initial="normal"),
        inputs=GaussianInputs(dimension=20, scale=1.5),
        training=Training(learning_rate=0.01, epochs=40, steps_per_epoch=250),
        seeds=6,
        samples=5000,
        held_out=2000,
        keep=("activity", "alignment", "fan_out", "rho", "winner_rank"),
        observe_at=(0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40),
    )
    return Store().run(config).isel(layer=0, drop=True)
