"""How many samples it takes: the loss over their number, and below how much of the teacher each layer has found."""

import xarray as xr

from practicum import figures
from practicum.networks import BalancedTeacher, GaussianInputs, Students, Training
from practicum.runs import Store, TrainConfig

store, samples = Store(), (50, 150, 500, 1500)


def trained(count, multiple):
    config = TrainConfig(
        teacher=BalancedTeacher(inputs=12, hidden=(6, 8), outputs=10),
        students=Students(multiple=multiple),
        inputs=GaussianInputs(dimension=12, scale=3.0),
        training=Training(learning_rate=0.01, momentum=0.9, epochs=30, steps_per_epoch=150),
        seeds=4,
        samples=count,
        held_out=1000,
        observe_at=30,
    )
    return store.run(config)[["loss", "mean_best_correlation"]].isel(step=-1).reset_coords(drop=True)


rows = [xr.concat([trained(count, multiple) for count in samples], "samples") for multiple in (1, 2)]
data = xr.concat(rows, "multiple").assign_coords(samples=list(samples), multiple=[1, 2])
picture = figures.sample_threshold(data)
