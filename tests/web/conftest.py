"""The page is tested over real sockets and in a real browser, which takes minutes: `make test-all` does it."""

import pytest
from benchmarks.page import chromium, serving


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/web/" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)


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
