"""Studies: the statements of a paper as claims that are measured. One name a paper, see :mod:`registry`."""

from practicum.studies.checking import check
from practicum.studies.claims import Claim, Picture, Result
from practicum.studies.registry import STUDIES, reproduce

__all__ = ["STUDIES", "Claim", "Picture", "Result", "check", "reproduce"]
