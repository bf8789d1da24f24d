"""Two inputs: the lines at which nodes begin to fire, of teacher nodes (thick) and of students."""

from practicum import figures
from practicum.runs import Store, StudyConfig
from practicum.studies.luck_matters.plane import PLANE, plane

data = Store().run(StudyConfig(study="gallery", part="plane", parameters={**PLANE, "epochs": 30}), plane)
picture = figures.hyperplanes(data.isel(step=[0, -1], sample=slice(60)).drop_vars("loss"))
