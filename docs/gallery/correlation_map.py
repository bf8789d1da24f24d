"""Correlations of all teacher nodes with all students, at four moments; students stand where they belong in the end."""

from practicum import figures
from trained import trained

picture = figures.correlation_map(trained(4)[["rho"]].isel(seed=0, step=[0, 1, 4, -1]))
