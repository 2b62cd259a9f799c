"""The bookmarklet: a page hands its HTML to the reader's page, across origins."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

import pytest

from tests.page.conftest import address, open_reader
from tests.page.test_reader import html_page

# What careful sites send. A bookmarklet runs in spite of it; what it must not need is a connection.
POLICY = "default-src 'none'; connect-src 'none'; form-action 'none'"


class Newspaper(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(html_page().encode())

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def newspaper() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Newspaper)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def clicked(page, service) -> str:
    """The code of the bookmarklet that this service offers."""
    open_reader(page, service)
    href = page.get_attribute("#bookmarklet", "href")
    assert href.startswith("javascript:")
    return unquote(href.removeprefix("javascript:"))


def test_the_bookmarklet_opens_the_reader_with_the_article_of_the_page(context, page, service, newspaper):
    code = clicked(page, service)
    reading = context.new_page()
    reading.goto(newspaper)
    with context.expect_page() as opened:
        reading.evaluate(code)
    reader = opened.value
    reader.wait_for_selector(".sentence.selected")
    assert "The council of the city met on day 3" in reader.inner_text("#article")
    assert reader.inner_text("#origin") == newspaper
    assert reader.url == address(service)
    assert reader.evaluate("window.opener") is None
    assert reader.evaluate("window.hacked") is None


OPEN = """address => new Promise((resolve) => {
  const reader = open(address);
  addEventListener("message", (event) => { if (event.source === reader) resolve(event.data); });
  window.reader = reader;
})"""


def test_only_the_opener_is_heard_only_once_and_only_in_the_agreed_form(context, service, newspaper):
    reading = context.new_page()
    reading.goto(newspaper)
    with context.expect_page() as opened:
        said = reading.evaluate(OPEN, address(service, "#receive"))
    assert said == "quote-summarizer: ready"
    reader = opened.value
    reader.evaluate("postMessage({type: 'quote-summarizer: page', html: '<p>From itself.</p>'})")
    reading.evaluate("for (const m of ['x', null, 5, {type: 'x', html: 'y'}]) reader.postMessage(m, '*')")
    assert reader.inner_text("#progress-text").startswith("Waiting for the page")
    reading.evaluate("html => reader.postMessage({type: 'quote-summarizer: page', html}, '*')", html_page())
    reader.wait_for_selector(".sentence.selected")
    shown = reader.inner_text("#article")
    reading.evaluate("reader.postMessage({type: 'quote-summarizer: page', html: '<p>Once more.</p>'}, '*')")
    reader.wait_for_timeout(200)
    assert reader.inner_text("#article") == shown


def test_a_page_that_is_no_text_is_not_taken(context, service, newspaper):
    reading = context.new_page()
    reading.goto(newspaper)
    with context.expect_page() as opened:
        reading.evaluate(OPEN, address(service, "#receive"))
    reading.evaluate("reader.postMessage({type: 'quote-summarizer: page', html: {toString: 1}}, '*')")
    opened.value.wait_for_selector("#failure:visible")
    assert opened.value.inner_text("#failure-title") == "No page arrived"
    assert opened.value.is_hidden("#retry")


def test_a_reader_that_was_opened_for_nothing_listens_to_nobody(context, service, newspaper):
    reading = context.new_page()
    reading.goto(newspaper)
    with context.expect_page() as opened:
        reading.evaluate("address => { window.reader = open(address) }", address(service))
    reader = opened.value
    reader.wait_for_selector(".sentence.selected")
    reading.evaluate("html => reader.postMessage({type: 'quote-summarizer: page', html}, '*')", html_page())
    reader.wait_for_timeout(200)
    assert reader.inner_text("#origin") == "An example"


def test_the_bookmarklet_is_for_dragging_and_says_so_when_clicked_here(page, service):
    open_reader(page, service)
    page.click("footer summary")
    page.click("#bookmarklet")
    assert "Drag it" in page.inner_text("#said")
    assert page.url == address(service)
