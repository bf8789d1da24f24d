"""The robust error over the size of the perturbation, by training regime."""

from attacked import attacked
from practicum import figures

picture = figures.robustness_curves(attacked()[["robust_error"]], log=True, label="oracle squared error")
