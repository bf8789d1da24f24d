"""An animation: students race to teacher nodes, each in its lane; winners have their colour from the start."""

from practicum import figures
from practicum.runs import Store, StudyConfig
from practicum.studies.luck_matters.plane import PLANE, plane

data = Store().run(StudyConfig(study="gallery", part="plane", parameters={**PLANE, "epochs": 30}), plane)
figures.race(data[["rho", "loss"]], "race.gif", frames=16, frames_per_second=4)
