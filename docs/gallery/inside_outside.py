"""How much students resemble their teacher on the data (solid) and outside of them (dashed), by training regime."""

from attacked import attacked
from practicum import figures

picture = figures.inside_outside(attacked()[["inside", "outside"]])
