"""Where samples should lie: around the boundaries of the teacher, in pairs along random directions, or anywhere."""

import xarray as xr

from practicum import figures
from practicum.networks import (
    GaussianInputs,
    SeparatedTeacher,
    Students,
    TeacherAgnosticInputs,
    TeacherAwareInputs,
    Training,
)
from practicum.runs import Store, TrainConfig

store, samples = Store(), (30, 90, 300)
laws = {
    "random": GaussianInputs(dimension=20, scale=1.5),
    "teacher-aware": TeacherAwareInputs(dimension=20, scale=1.5),
    "teacher-agnostic": TeacherAgnosticInputs(dimension=20, scale=1.5, directions=1),
}


def found(law, count):
    config = TrainConfig(
        teacher=SeparatedTeacher(inputs=20, hidden=5, outputs=10, decay=0.5),
        students=Students(multiple=4, initial="normal"),
        inputs=law,
        training=Training(learning_rate=0.01, epochs=20, steps_per_epoch=250),
        seeds=6,
        samples=count,
        held_out=1000,
        observe_at=20,
    )
    return store.run(config).mean_best_correlation.isel(step=-1, layer=0).reset_coords(drop=True)


rows = [xr.concat([found(law, count) for count in samples], "samples") for law in laws.values()]
data = xr.concat(rows, "strategy").assign_coords(strategy=list(laws), samples=list(samples))
picture = figures.data_strategies(data.to_dataset(name="mean_best_correlation"))
