"""What tests in the browser share: the server and the browser."""

import pytest
from benchmarks.page import chromium, serving


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    """The address of a server that all tests in the browser share."""
    with serving(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    """A browser for the tests of one file. While it lives, asyncio runs nothing else in this process."""
    with chromium() as found:
        yield found
