"""Every student: how much it resembles its best teacher node, over its fan-out. The upper arm of the L is aligned."""

from practicum import figures
from trained import trained

picture = figures.l_shape(trained(4)[["alignment", "fan_out", "activity"]].isel(step=-1, drop=True))
