"""One thread for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for PyTorch and for BLAS: at these sizes two get in each other's way, and bits would depend on them.

    The numbers of threads are as before afterwards.
    """
    before = torch.get_num_threads()
    with ExitStack() as stack:
        try:
            from threadpoolctl import threadpool_limits
        except ModuleNotFoundError:
            pass  # then OPENBLAS_NUM_THREADS decides alone
        else:
            stack.enter_context(threadpool_limits(1, user_api="blas"))
        stack.callback(torch.set_num_threads, before)
        torch.set_num_threads(1)
        yield
