"""Luck matters: the rank, over the epochs before, of the students that resemble a teacher node best in the end."""

from practicum import figures
from trained import trained

picture = figures.winner_ranks(trained(4)[["winner_rank"]], log_epoch=True)
