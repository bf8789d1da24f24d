"""Students race to teacher nodes: which student comes to resemble which node, and was it ahead at the start?

Run it with ``python examples/race.py`` (it needs PyTorch); it draws ``lanes.gif`` and ``plane.gif`` beside where it is
called from. In the first all students move along the lane of each teacher node to a correlation of 1, the winners
coloured from the start. The second has two inputs, so that the lines can be seen at which nodes begin to fire.
"""

from practicum import figures, train
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training
from practicum.runs import StudyConfig
from practicum.studies.luck_matters.plane import PLANE, plane

teacher = SeparatedTeacher(inputs=50, hidden=6, outputs=20, decay=1.0)
students = Students(multiple=4, initial="normal")
training = Training(learning_rate=0.01, batch_size=16, epochs=120, steps_per_epoch=25)
looks = [*range(0, 40, 1), *range(40, 121, 4)]
run = train(
    teacher, students, GaussianInputs(dimension=50, scale=1.5), training, seeds=[3], samples=4000, held_out=2000,
    keep=["rho", "winner_rank"], observe_at=looks,
).isel(seed=0, layer=0)  # fmt: skip
start = run.winner_rank.isel(step=0)
print(f"rank of the winners at the start: {', '.join(f'{rank:.0f} %' for rank in start.values)}; by chance 50 %")
print(figures.race(run[["rho", "loss"]], "lanes.gif", frames=60))

seen = plane(StudyConfig(study="luck-matters", part="plane", parameters=PLANE))
print(figures.race(seen, "plane.gif", view="plane", frames_per_second=4))
