"""Who resembles, resists: the robust error over specialization on three input laws, a point a student."""

from attacked import attacked
from practicum import figures

found = attacked()
data = found.resemblance.to_dataset(name="specialization").assign(robust_error=found.robust_error.isel(epsilon=-1))
picture = figures.robustness_scatter(data.drop_vars("epsilon"), label="oracle squared error", share_x=False)
