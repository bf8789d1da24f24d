"""The page is tested over real sockets and in a real browser, which takes minutes: `make test-all` does it."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/web/" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)
