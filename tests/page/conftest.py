import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Server, start, wait_until_ready

# What is typed into the page is far below these; what tests send to be refused is not far above.
MAX_BODY_BYTES = 600_000


@pytest.fixture(scope="package")
def service(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("page") / "log"
    running = start(tiny_checkpoint, log, WEB_CONCURRENCY="1", SUMMARIZER_MAX_BODY_BYTES=str(MAX_BODY_BYTES))
    try:
        wait_until_ready(running)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Debian's Chromium. Not for longer than these tests: Playwright's loop is in the way of others."""
    playwright = pytest.importorskip("playwright.sync_api", reason="extra page-tests is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on the PATH; on Debian: apt-get install chromium")
    # Chromium's sandbox refuses to run as root, as which containers run their tests.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=arguments)
        yield running
        running.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    fresh = browser.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: Any, service: Server) -> Iterator[Any]:
    """A tab in which no test may leave an uncaught error, a broken policy or a request to anybody else."""
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    tab.on("request", lambda sent: None if is_own(sent.url, service) else wrong.append(sent.url))
    yield tab
    assert wrong == []


def is_own(url: str, service: Server) -> bool:
    return url.startswith((address(service), "blob:", "data:"))


def address(service: Server, fragment: str = "") -> str:
    return f"http://127.0.0.1:{service.port}/{fragment}"


def open_reader(tab: Any, service: Server, fragment: str = "") -> None:
    """The reader's page with its example in it."""
    tab.goto(address(service, fragment))
    tab.wait_for_selector(".sentence.selected")


# Typed input, as Playwright fills a field, takes seconds where the text is long; nobody types that much.
PASTE = """text => {
  const field = document.querySelector("#text");
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  field.select();
  const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
  // A short paste is left to the browser, which does nothing for an event that a script made.
  if (field.dispatchEvent(paste)) field.value = text;
}"""


def mark(tab: Any, text: str) -> dict[str, Any]:
    """Paste an article in place of what is there, have it marked, and return what the service answered."""
    tab.evaluate(PASTE, text)
    with tab.expect_response("**/api/evaluate*") as answered:
        tab.click("#score")
    answer: dict[str, Any] = answered.value.json()
    tab.wait_for_selector("#progress", state="hidden")
    return answer


def slide(tab: Any, position: int) -> None:
    """Move the slider to one of its stops, as a hand does."""
    tab.locator("#amount").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input', {bubbles: true})) }",
        position,
    )


def highlighted(tab: Any) -> list[int]:
    found: list[int] = tab.eval_on_selector_all(
        ".sentence.selected", "spans => spans.map(span => Number(span.dataset.index))"
    )
    return found
