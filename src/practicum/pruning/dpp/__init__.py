"""Determinantal point processes: diverse subsets of a set of items, drawn exactly. NumPy and Numba only.

Everything starts from a :class:`~practicum.pruning.dpp.kernel.Kernel`, whose eigendecomposition is computed once and
shared by samples, inclusion probabilities and log-probabilities. A kernel with nothing off its diagonal has no
diversity: its k-DPP is conditional-Poisson sampling and its DPP independent Bernoulli draws, by the same functions.
"""
