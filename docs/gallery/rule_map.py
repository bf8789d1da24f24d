"""How long learning takes, over learning rate and inverse temperature; the star is the best rule."""

import xarray as xr

from practicum import Committee, OrderParameters, figures, phases
from practicum.runs import Store, StudyConfig


def compute(config):
    start = OrderParameters.random(2, 2, seed=0, overlap=1e-3)
    best = {
        adaptive: phases.best_rule(
            Committee(students=2, teachers=2), "total", adaptive, start=start, target=1e-3, landscape=adaptive
        )
        for adaptive in (True, False)
    }
    rule = best[True].rule
    return xr.Dataset(
        {
            "value": best[True].landscape.alpha,
            "best_learning_rate": rule.learning_rate,
            "best_inverse_temperature": rule.inverse_temperature,
            "gd_learning_rate": best[False].rule.learning_rate,
        },
        attrs={"value_name": "α at which the error is 0.001", "units": "updates / N"},
    )


data = Store().run(StudyConfig(study="gallery", part="rule-map"), compute)
picture = figures.rule_map(data)
