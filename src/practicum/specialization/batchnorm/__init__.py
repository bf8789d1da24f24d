"""The biases of BatchNorm in trained networks: :func:`report` layer by layer, :func:`by_position` added up."""

from practicum.specialization.batchnorm.naming import POSITIONS
from practicum.specialization.batchnorm.report import report
from practicum.specialization.batchnorm.totals import by_position

__all__ = ["POSITIONS", "by_position", "report"]
