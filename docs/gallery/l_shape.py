"""Every student: how much it resembles its best teacher node, over its fan-out. The upper arm of the L is aligned."""

from trained import trained

from practicum import figures

picture = figures.l_shape(trained(4)[["alignment", "fan_out", "activity"]].isel(step=-1, drop=True))
