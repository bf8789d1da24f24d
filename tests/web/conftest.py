"""What tests in the browser share: the server and the browser."""

import pytest
from benchmarks.page import chromium, serving


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    """The address of a server that all tests in the browser share."""
    with serving(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """The one browser of a process: Playwright has no second one."""
    with chromium() as found:
        yield found
