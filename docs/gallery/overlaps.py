"""Who resembles whom over α: overlaps of students with each other above, with the teachers below."""

from practicum import Committee, LearningRule, OrderParameters, figures
from practicum.runs import SolveConfig, Store

config = SolveConfig(
    machine=Committee(students=3, teachers=3),
    rule=LearningRule(learning_rate=0.5),
    start=OrderParameters.random(3, 3, seed=1, overlap=1e-4),
    until=500.0,
)
picture = figures.overlaps(Store().run(config))
