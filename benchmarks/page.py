"""What the page costs: ``python benchmarks/page.py``, which needs Debian's Chromium.

How long after a slider has moved the new curve is in the picture, the server's share of that, and what loading the page
transfers. Wall time of a browser and a server on this machine; nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

CHROMIUM = shutil.which("chromium")
ERROR = '[data-curve="generalization_error"]'
PATIENCE = 60.0  # seconds for a server that imports, and compiles, for the first time

_DRIVE = """async ([slider, path, count]) => {
  const taken = [];
  for (let k = 0; k < count; k++) {
    performance.clearResourceTimings();
    const changed = new Promise((done) => {
      const watch = new MutationObserver(() => { watch.disconnect(); done(); });
      watch.observe(path, { attributes: true, attributeFilter: ["d"] });
    });
    const begin = performance.now();
    slider.value = 150 + (k * 37) % 200; // never the same twice, since the server remembers
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await changed;
    const end = performance.now();
    await new Promise(requestAnimationFrame);
    const [flow] = performance.getEntriesByType("resource").filter((each) => each.name.endsWith("/api/flow"));
    taken.push([end - begin, flow.responseEnd - flow.requestStart]);
  }
  return taken;
}"""


@contextmanager
def serving(store: Path) -> Iterator[str]:
    """The address of a ``practicum serve`` with a store of its own, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "practicum", "serve", "--port", str(port), "--store", str(store), "--no-open"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    with (
        open(store / "server.log", "wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as server,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(server, url, store / "server.log")
            yield url
        finally:
            server.terminate()


def _wait(server: subprocess.Popen, url: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(f"{url}/api/about", timeout=PATIENCE):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"practicum serve did not answer: {log.read_text()}")


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser of the system; Playwright's own are not needed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def loading(browser: Any, url: str) -> dict[str, Any]:
    """Open the page with nothing in the cache: requests, transferred bytes, milliseconds to the first picture."""
    page = browser.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    asked: list[str] = []
    transferred: list[float] = []
    session.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    session.on("Network.loadingFinished", lambda event: transferred.append(event["encodedDataLength"]))
    page.goto(url)
    page.wait_for_selector(ERROR, state="attached")
    picture = page.evaluate("performance.now()")
    page.wait_for_load_state("networkidle")
    page.close()
    return {"requests": asked, "bytes": sum(transferred), "first_picture": picture}


def slider_to_curve(page: Any, count: int) -> list[tuple[float, float]]:
    """Milliseconds from a move of the learning rate's slider to the new curve, and the server's share of them."""
    slider = page.get_by_role("slider", name="Learning rate").element_handle()
    path = page.locator(ERROR).element_handle()
    return [tuple(each) for each in page.evaluate(_DRIVE, [slider, path, count])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="moves of the slider")
    arguments = parser.parse_args()
    if CHROMIUM is None:
        print("The program chromium is not on this machine, so nothing is measured.")
        return
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as url, chromium() as browser:
        loading(browser, url)  # the server compiles and fills its caches
        loads = [loading(browser, url) for _ in range(5)]
        page = browser.new_page(viewport={"width": 1360, "height": 850})
        page.goto(url)
        page.wait_for_selector(ERROR, state="attached")
        page.wait_for_load_state("networkidle")
        moves = slider_to_curve(page, arguments.count)
    rows = {
        "slider to new curve, ms": ([whole for whole, _ in moves], 60),
        "  of which the server, ms": ([served for _, served in moves], 25),
        "first picture, ms": ([load["first_picture"] for load in loads], 1500),
        "transferred, kB": ([load["bytes"] / 1000 for load in loads], 400),
        "requests": ([len(load["requests"]) for load in loads], 12),
    }
    print(
        "                              median     least      most    bar"
    )  # the least: a busy machine disturbs it less
    for title, (values, bar) in rows.items():
        print(f"{title:26}{statistics.median(values):10.1f}{min(values):10.1f}{max(values):10.1f}{bar:7}")


if __name__ == "__main__":
    main()
