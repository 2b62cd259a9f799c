"""The reader's page in a real browser, against a real server."""

import json
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest

from summarizer.lines import are_lines
from tests.page.conftest import MAX_BODY_BYTES, address, highlighted, mark, open_reader, slide
from tests.service.conftest import start, wait_until_ready

expect = pytest.importorskip("playwright.sync_api", reason="extra page-tests is not installed").expect

ARTICLE = (
    "The council met on Monday. It cut the school budget, and people left.\n\n"
    "The river rose in the night. Police closed the bridge. A storm is on its way.\n\n"
    "Nobody was hurt. The vote is on Friday."
)


def sentences_shown(page):
    return page.eval_on_selector_all(".sentence", "spans => spans.map(span => span.textContent)")


def best(answer, amount):
    return sorted(s["index"] for s in answer["sentences"] if s["rank"] <= amount)


# --- Reading ---------------------------------------------------------------------------------------------


def test_the_page_opens_with_an_example_that_is_marked(page, service):
    open_reader(page, service)
    assert len(sentences_shown(page)) > 12
    assert page.inner_text("#origin") == "An example"
    assert page.title() == "Quote summarizer"


def test_a_pasted_article_is_shown_as_it_was_with_its_paragraphs(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    assert sentences_shown(page) == [s["text"] for s in answer["sentences"]]
    shown = page.eval_on_selector_all("#article p", "all => all.map(p => p.textContent)")
    assert shown == ARTICLE.split("\n\n")


def test_the_slider_goes_from_one_sentence_to_everything_without_another_request(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    requests = []
    page.on("request", lambda sent: requests.append(sent.url))
    assert page.get_attribute("#amount", "max") == "6"
    for amount in (1, 7, 4, 2, 3, 6, 5):
        slide(page, amount - 1)
        assert highlighted(page) == best(answer, amount)
        words = sum(len(answer["sentences"][index]["text"].split()) for index in best(answer, amount))
        count = "1 word" if words == 1 else f"{words} words"
        assert page.inner_text("#amount-text").startswith(f"{amount} of 7 sentences · {count} · ")
    assert requests == []


def test_every_sentence_has_the_tint_of_its_score(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    tints = page.eval_on_selector_all(
        ".sentence", "all => all.map(s => Number(/band-(\\d)/.exec(s.className)[1]))"
    )
    by_score = sorted(range(7), key=lambda index: answer["sentences"][index]["score"])
    ordered = [tints[index] for index in by_score]
    assert ordered == sorted(ordered)
    assert (ordered[0], ordered[-1]) == (0, 5)


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("A budget\nfor the school\n\nThe end.", ["A budget", "for the school", "The end."]),
        ("One here.\r\n\r\nTwo here.", ["One here.", "Two here."]),
        ("One here.\n\n* * *\n\nTwo here.", ["One here.", "* * *", "Two here."]),
    ],
)
def test_headings_lists_and_ornaments_keep_their_lines(page, service, text, paragraphs):
    open_reader(page, service)
    mark(page, text)
    assert page.eval_on_selector_all("#article p", "all => all.map(p => p.textContent)") == paragraphs


def test_wrapped_lines_become_one_paragraph(page, service):
    wrapped = (
        "The council met on Monday and talked about the budget of the school for a\n"
        "year. The river rose in the night, and in the morning police closed the old\n"
        "bridge. Nobody was hurt, but people said that it was a storm of the kind that\n"
        "comes once in a year. The vote is on Friday."
    )
    open_reader(page, service)
    mark(page, wrapped)
    assert page.locator("#article p").count() == 1
    assert " ".join(page.inner_text("#article").split()) == " ".join(wrapped.split())


def test_the_three_views_show_the_same_article_in_three_ways(page, service):
    open_reader(page, service)
    mark(page, ARTICLE)
    slide(page, 1)
    page.check("input[value=summary]", force=True)
    visible = page.locator(".sentence:visible")
    assert visible.count() == 2
    assert page.locator("#article p:visible").count() <= 2
    page.check("input[value=dim]", force=True)
    assert visible.count() == 7
    colours = page.eval_on_selector_all(
        ".sentence", "all => new Set(all.map(s => getComputedStyle(s).color)).size"
    )
    assert colours == 2
    page.check("input[value=marks]", force=True)
    assert visible.count() == 7


def test_hovering_shows_score_and_rank(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    page.hover(".sentence[data-index='3']")
    told = answer["sentences"][3]
    assert page.inner_text("#tip") == f"Rank {told['rank']} of 7 · score {told['score']:.3f}"
    page.keyboard.press("Escape")
    assert page.is_hidden("#tip")


def test_the_strip_jumps_to_the_nearest_highlight(page, service):
    open_reader(page, service)
    answer = mark(page, " ".join(f"The council met {n} people on day {n}." for n in range(200)))
    slide(page, 2)
    height = page.locator("#strip").bounding_box()["height"]
    page.locator("#strip").click(position={"x": 5, "y": height - 2})
    focused = page.evaluate("Number(document.activeElement.dataset.index)")
    assert focused == max(best(answer, 3))
    assert page.locator(f".sentence[data-index='{focused}']").bounding_box()["y"] < 800


def test_the_plot_tells_its_content_in_words_and_jumps_where_it_is_clicked(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    first = best(answer, 1)[0]
    assert f"the highest is sentence {first + 1}." in page.get_attribute("#plot", "aria-label")
    box = page.locator("#plot").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + 20)
    assert page.evaluate("document.activeElement.dataset.index") == "6"


# --- Keyboard and assistive technology -----------------------------------------------------------------


def test_everything_can_be_done_by_keyboard_alone(page, service):
    open_reader(page, service)
    page.focus("#text")
    page.keyboard.insert_text(ARTICLE)
    with page.expect_response("**/api/evaluate") as answered:
        page.keyboard.press("Control+Enter")
    answer = answered.value.json()
    expect(page.locator(".sentence")).to_have_count(7)
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        # A radio button is invisible itself; what stands for it has the outline.
        if "amount" in seen and page.evaluate("document.activeElement.type") == "radio":
            outline = page.evaluate(
                "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
            )
        assert outline not in {"none"} or page.evaluate("document.activeElement === document.body"), seen[-1]
        if seen[-1] == "amount":
            page.keyboard.press("Home")
            assert highlighted(page) == best(answer, 1)
            page.keyboard.press("ArrowRight")
            assert highlighted(page) == best(answer, 2)
        if seen[-1].startswith("sentence"):
            break
    expected = ["score", "open", "example", "amount", "previous", "next"]
    assert [name for name in seen if name in expected] == expected
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.index") == "6"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.index") == "1"
    told = answer["sentences"][1]
    state = "highlighted" if told["rank"] <= 2 else "not highlighted"
    assert (
        page.inner_text("#said")
        == f"Sentence 2. Rank {told['rank']} of 7, score {told['score']:.3f}, {state}."
    )
    assert page.is_visible("#tip")


def test_n_and_p_go_from_highlight_to_highlight(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    slide(page, 2)
    chosen = best(answer, 3)
    page.focus(".sentence[tabindex='0']")
    page.keyboard.press("End")
    visited = []
    for key in "ppp":
        page.keyboard.press(key)
        visited.append(page.evaluate("Number(document.activeElement.dataset.index)"))
    before_end = [index for index in chosen if index < 6]
    assert visited == [*reversed(before_end), *[before_end[0]] * (3 - len(before_end))]
    page.keyboard.press("n")
    assert page.evaluate("Number(document.activeElement.dataset.index)") == before_end[1]


def test_the_slider_says_what_it_selects(page, service):
    open_reader(page, service)
    mark(page, ARTICLE)
    slide(page, 6)
    assert page.get_attribute("#amount", "aria-valuetext").startswith("7 of 7 sentences, 37 words, ")
    assert page.eval_on_selector_all("[role=mark]", "all => all.length") == 7


def test_the_first_jump_of_all_lands_on_the_first_highlight(page, service):
    open_reader(page, service)
    mark(page, ARTICLE)
    slide(page, 6)
    for expected in (0, 1):
        page.click("#next")
        assert page.evaluate("Number(document.activeElement.dataset.index)") == expected
    page.click("#previous")
    page.click("#previous")
    assert page.inner_text("#said") == "No more highlights above."


def paragraphs_of_two(count):
    """An article that fills several windows."""
    lines = [f"The council met {n} people of the city on day {n}. " * (1 + n % 5) for n in range(count)]
    return "\n\n".join(" ".join(lines[at : at + 2]) for at in range(0, count, 2))


# As by a wheel, but at once.
SCROLL = """to => new Promise((done) => {
  dispatchEvent(new WheelEvent("wheel"));
  scrollTo({top: to, behavior: "instant"});
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


def first_in_view(page):
    """The first sentence that is shown below the controls."""
    return page.evaluate(
        """() => {
          const top = document.querySelector("#controls").getBoundingClientRect().bottom;
          const spans = [...document.querySelectorAll(".sentence")];
          const seen = spans.find((s) => s.getClientRects().length && s.getBoundingClientRect().bottom > top);
          return Number(seen.dataset.index);
        }"""
    )


def test_the_buttons_go_on_from_where_one_reads(page, service):
    open_reader(page, service)
    mark(page, paragraphs_of_two(100))
    slide(page, int(page.get_attribute("#amount", "max")) - 4)
    page.click("#next")
    page.evaluate(SCROLL, 3000)
    read = first_in_view(page)
    chosen = highlighted(page)
    # Playwright's own click would scroll the page before it.
    page.dispatch_event("#next", "click")
    focused = page.evaluate("Number(document.activeElement.dataset.index)")
    assert focused == min(index for index in chosen if index >= read)
    page.dispatch_event("#previous", "click")
    focused_before = page.evaluate("Number(document.activeElement.dataset.index)")
    assert focused_before == max(index for index in chosen if index < focused)


def test_the_end_of_the_highlights_is_shown_and_not_only_spoken(page, service):
    open_reader(page, service)
    mark(page, ARTICLE)
    slide(page, 0)
    page.click("#next")
    page.click("#next")
    expect(page.locator("#notice")).to_have_text("No more highlights below.")
    expect(page.locator("#notice")).to_be_in_viewport()
    slide(page, 1)
    expect(page.locator("#notice")).to_be_hidden()


def test_another_view_shows_the_same_place_of_the_article(page, service):
    open_reader(page, service)
    mark(page, paragraphs_of_two(100))
    slide(page, int(page.get_attribute("#amount", "max")) - 4)
    page.evaluate(SCROLL, 3000)
    read = first_in_view(page)
    page.dispatch_event("input[value=summary]", "click")
    kept = min(index for index in highlighted(page) if index >= read)
    expect(page.locator(f".sentence[data-index='{kept}']")).to_be_in_viewport()
    read = first_in_view(page)
    page.dispatch_event("input[value=marks]", "click")
    expect(page.locator(f".sentence[data-index='{read}']")).to_be_in_viewport()


def test_the_summary_says_where_something_is_left_out_and_marks_nothing(page, service):
    open_reader(page, service)
    mark(page, " ".join(f"The council met {n} people on day {n}." for n in range(12)))
    slide(page, 5)
    page.check("input[value=summary]", force=True)
    chosen = highlighted(page)
    told = page.eval_on_selector_all(
        ".sentence.selected", "all => all.map(s => getComputedStyle(s, '::before').content)"
    )
    expected = [False, *(after - before > 1 for before, after in pairwise(chosen))]
    assert [content.strip('"').startswith("[…]") for content in told] == expected
    lines = page.eval_on_selector_all(
        ".sentence.selected", "all => all.map(s => getComputedStyle(s).textDecorationLine)"
    )
    assert set(lines) == {"none"}


def test_enlarged_to_four_times_the_controls_leave_the_window_to_the_article(page, service):
    page.set_viewport_size({"width": 320, "height": 256})
    open_reader(page, service)
    page.focus(".sentence[tabindex='0']")
    page.keyboard.press("End")
    expect(page.locator(".sentence:focus")).to_be_in_viewport()
    expect(page.locator("#controls")).not_to_be_in_viewport()
    box = page.locator(".sentence:focus").bounding_box()
    hit = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).className", [box["x"] + 4, box["y"] + box["height"] / 2]
    )
    assert "sentence" in hit
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_at_320_pixels_the_jumps_are_on_the_row_of_the_views(page, service):
    page.set_viewport_size({"width": 320, "height": 568})
    open_reader(page, service)
    views = page.locator(".views").bounding_box()
    jumps = page.locator(".jumps").bounding_box()
    assert abs(views["y"] + views["height"] / 2 - jumps["y"] - jumps["height"] / 2) < 4


def test_on_a_small_phone_the_result_is_seen(page, service):
    page.set_viewport_size({"width": 320, "height": 568})
    open_reader(page, service)
    assert page.evaluate("scrollY") == 0
    mark(page, ARTICLE)
    expect(page.locator(".sentence").first).to_be_in_viewport()
    assert page.locator("#controls").bounding_box()["y"] < 5


def test_with_forced_colours_the_pictures_have_them_and_no_legend_explains_tints(page, service):
    page.emulate_media(forced_colors="active")
    open_reader(page, service)
    assert page.is_hidden(".legend")
    colour = page.evaluate(
        "getComputedStyle(document.querySelector('#plot')).getPropertyValue('--band-5').trim()"
    )
    assert colour == "Highlight"


def test_tab_leads_to_a_sentence_that_is_shown_where_only_the_summary_is(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    last = max(answer["sentences"], key=lambda sentence: sentence["rank"])["index"]
    page.locator(f".sentence[data-index='{last}']").click()
    slide(page, 0)
    page.check("input[value=summary]", force=True)
    assert page.locator(".sentence[tabindex='0']:visible").count() == 1


def test_the_skip_link_leads_to_the_article_and_keeps_the_settings(page, service):
    open_reader(page, service, "#sentences=2&view=summary")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#article")).to_be_focused()
    assert page.url == address(service, "#sentences=2&view=summary")
    page.evaluate(
        "new Promise(done => { addEventListener('hashchange', () => done()); location.hash = '#elsewhere' })"
    )
    assert page.is_checked("input[value=summary]")
    assert len(highlighted(page)) == 2


@pytest.mark.parametrize("width", [320, 390, 820])
def test_the_strip_takes_no_taps_of_what_is_below_the_article(page, service, width):
    page.set_viewport_size({"width": width, "height": 800})
    open_reader(page, service)
    for name in ("#plot", "#copy-text", "#copy-link"):
        page.locator(name).scroll_into_view_if_needed()
        box = page.locator(name).bounding_box()
        hit = page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y).id", [box["x"] + box["width"] - 4, box["y"] + 4]
        )
        assert f"#{hit}" == name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_axe_finds_no_violation(browser, service, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    page = context.new_page()
    try:
        open_reader(page, service)
        for view in ("marks", "dim", "summary"):
            page.check(f"input[value={view}]", force=True)
            slide(page, 11)
            page.focus(".sentence[tabindex='0']")
            assert found(axe, page) == []
        slide(page, int(page.get_attribute("#amount", "max")))
        page.check("input[value=marks]", force=True)
        page.click("footer summary")
        assert found(axe, page) == []
        mark(page, "...")
        assert page.is_visible("#failure")
        assert found(axe, page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        context.close()


def found(axe, page):
    return [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in axe.run(page).response["violations"]
    ]


def test_who_wants_no_motion_gets_none(page, service):
    page.add_init_script(
        "Element.prototype.scrollIntoView = function (how) { (window.scrolls ??= []).push(how.behavior) }"
    )
    open_reader(page, service)
    page.focus(".sentence[tabindex='0']")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("window.scrolls[0]") == "instant"
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("window.scrolls = []")
    page.keyboard.press("ArrowUp")
    assert "smooth" in page.evaluate("window.scrolls")


def test_a_jump_through_a_long_article_ends_where_the_sentence_is(page, service):
    page.emulate_media(reduced_motion="no-preference")
    open_reader(page, service)
    mark(page, paragraphs_of_two(100))
    focused = page.locator(".sentence:focus")
    page.focus(".sentence[tabindex='0']")
    last = page.locator(".sentence").last.get_attribute("data-index")
    for keys in (["End"], ["Home", *"nnnnn"], ["End", "p", "p"]):
        for key in keys:
            page.keyboard.press(key)
        expect(focused).to_be_in_viewport()
    page.keyboard.press("End")
    expect(focused).to_have_attribute("data-index", last)
    expect(focused).to_be_in_viewport()
    box = page.locator("#plot").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + 40)
    expect(focused).not_to_have_attribute("data-index", last)
    expect(focused).to_be_in_viewport()


def test_the_slider_is_announced_once(page, service):
    open_reader(page, service)
    # An output is a live region by itself, and the slider already has the same words for its value.
    assert page.get_attribute("#amount-text", "aria-live") == "off"


# --- What goes wrong -------------------------------------------------------------------------------------


def refuse(page, status, code="", detail="", headers=None, request_id="r1"):
    """Have the service refuse the next articles, as it would."""
    problem = {"detail": detail, "code": code, "request_id": request_id, "status": status}
    page.route(
        "**/api/evaluate*",
        lambda route: route.fulfill(
            status=status,
            headers={"Content-Type": "application/problem+json", **(headers or {})},
            body=json.dumps(problem),
        ),
    )


def test_a_text_without_words_is_refused_in_a_readers_words(page, service):
    open_reader(page, service)
    mark(page, "?!")
    assert page.inner_text("#failure-title") == "There is nothing to highlight"
    told = "The text has no letters or digits, so it has no sentences."
    assert page.inner_text("#failure-detail") == told
    assert page.inner_text("#failure-advice") == ""
    assert told in page.inner_text("#said")
    assert page.is_hidden("#retry")


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_field_is_noticed_without_asking_the_service(page, service, text):
    open_reader(page, service)
    asked = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.fill("#text", text)
    page.click("#score")
    expect(page.locator("#failure-title")).to_have_text("Paste an article first")
    expect(page.locator("#text")).to_be_focused()
    assert page.is_hidden("#retry")
    assert asked == []


def test_an_article_over_the_limit_is_refused_with_the_limit(page, service):
    open_reader(page, service)
    mark(page, "The council met. " * (MAX_BODY_BYTES // 17 + 10))
    assert page.inner_text("#failure-title") == "The article is too long"
    assert f"up to {MAX_BODY_BYTES:,} bytes" in page.text_content("#failure-detail")
    assert page.input_value("#text").startswith("The council met.")


def test_too_many_sentences_are_too_long_an_article_with_readable_numbers(page, service):
    open_reader(page, service)
    mark(page, "It met. " * 5001)
    assert page.inner_text("#failure-title") == "The article is too long"
    told = "The article has 5,001 sentences; the limit is 5,000. Paste a part of it."
    assert page.inner_text("#failure-detail") == told
    assert page.is_hidden("#retry")


def test_a_rate_limit_names_the_seconds_once_and_can_be_tried_again(page, service):
    open_reader(page, service)
    detail = "the limit is 30 per 1 minute; try again in 12 s"
    refuse(page, 429, "rate_limited", detail, {"Retry-After": "12"})
    mark(page, ARTICLE)
    assert page.inner_text("#failure-detail") == "The limit is 30 per 1 minute."
    assert page.inner_text("#failure-advice") == "Try again in 12 seconds."
    assert page.is_visible("#retry")


def test_only_the_services_own_failures_name_the_request(page, service):
    open_reader(page, service)
    refuse(page, 500, "internal_error", "it failed", request_id="r500")
    mark(page, ARTICLE)
    assert page.inner_text("#failure-title") == "The service failed"
    assert page.inner_text("#failure-advice") == "Request ID: r500"
    page.unroute("**/api/evaluate*")
    refuse(page, 422, "invalid_text", "it is odd", request_id="r422")
    mark(page, ARTICLE)
    assert "r422" not in page.inner_text("#failure")


def test_a_failure_goes_away_with_the_next_success(page, service):
    open_reader(page, service)
    mark(page, "?!")
    mark(page, ARTICLE)
    assert page.is_hidden("#failure")
    assert len(sentences_shown(page)) == 7


def test_a_busy_service_is_asked_again_when_the_reader_wishes(page, service):
    open_reader(page, service)
    refuse(page, 503, "queue_full", "64 articles wait already", {"Retry-After": "2"})
    mark(page, ARTICLE)
    assert page.inner_text("#failure-title") == "The service is busy"
    assert page.text_content("#failure-detail") == "Other articles are waiting to be scored."
    assert page.inner_text("#failure-advice") == "Try again in 2 seconds. Request ID: r1"
    page.unroute("**/api/evaluate*")
    page.click("#retry")
    expect(page.locator(".sentence")).to_have_count(7)
    assert page.is_hidden("#failure")


def test_an_answer_from_something_else_is_not_taken_for_one(page, service):
    open_reader(page, service)
    page.route("**/api/evaluate", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    with page.expect_response("**/api/evaluate"):
        page.click("#example")
    page.wait_for_selector("#failure:visible")
    assert "The service answered 502" in page.text_content("#failure-detail")
    page.unroute("**/api/evaluate")
    page.route("**/api/evaluate", lambda route: route.fulfill(status=200, body="<h1>Log in</h1>"))
    page.click("#retry")
    expect(page.locator("#failure-title")).to_have_text("The answer cannot be read")


def test_a_key_is_asked_for_where_one_is_needed_and_kept_in_memory_only(
    context, tiny_checkpoint: Path, tmp_path: Path
):
    guarded = start(
        tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1", SUMMARIZER_API_KEYS="key-of-the-reader"
    )
    try:
        wait_until_ready(guarded)
        page = context.new_page()
        page.goto(address(guarded))
        page.wait_for_selector("#key-form:visible")
        assert page.evaluate("document.activeElement.id") == "key"
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("#progress", state="hidden")
        page.wait_for_selector("#key-form:visible")
        assert page.inner_text("#failure-title") == "This key was not accepted"
        page.fill("#key", "key-of-the-reader")
        page.keyboard.press("Enter")
        page.wait_for_selector(".sentence.selected")
        assert page.is_hidden("#failure")
        kept = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie, location.hash]")
        assert kept == [0, 0, "", ""]
        assert "key-of-the-reader" not in page.content()
    finally:
        guarded.stop()


def test_a_key_with_a_typographic_quote_is_noticed_before_it_is_sent(page, service):
    open_reader(page, service)
    refuse(page, 401, "unauthorized", "send an Authorization header")
    mark(page, ARTICLE)
    assert page.inner_text("#failure-title") == "This service asks for an API key"
    assert "Authorization" not in page.inner_text("#failure")
    page.unroute("**/api/evaluate*")
    page.fill("#key", "“key”")
    page.keyboard.press("Enter")
    expect(page.locator("#failure-title")).to_have_text("This cannot be a key")
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type("key")
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_have_count(7)
    assert page.is_hidden("#failure")


def test_a_service_that_is_gone_leaves_the_article_and_says_so(
    context, tiny_checkpoint: Path, tmp_path: Path
):
    leaving = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1")
    try:
        wait_until_ready(leaving)
        page = context.new_page()
        open_reader(page, leaving)
    finally:
        leaving.stop()
    page.fill("#text", ARTICLE)
    page.click("#score")
    page.wait_for_selector("#failure:visible")
    assert page.inner_text("#failure-title") == "The service does not answer"
    assert page.input_value("#text") == ARTICLE
    assert page.is_visible("#retry")
    slide(page, 0)
    assert len(highlighted(page)) == 1


def test_a_request_under_way_can_be_cancelled_and_a_later_one_wins(page, service):
    open_reader(page, service)
    waiting = []
    page.route("**/api/evaluate", lambda route: waiting.append(route))
    page.fill("#text", "The vote is on Friday.")
    page.click("#score")
    page.wait_for_selector("#progress:visible")
    assert page.inner_text("#progress-text") == "Scoring 22 characters…"
    page.click("#cancel")
    assert page.is_hidden("#progress")
    assert page.is_hidden("#failure")
    page.click("#score")
    page.wait_for_selector("#progress:visible")
    page.unroute("**/api/evaluate")
    mark(page, ARTICLE)
    assert len(sentences_shown(page)) == 7


# --- Hostile articles, odd characters, long ones ----------------------------------------------------------

HOSTILE = [
    "The vote <script>window.hacked = 1</script> is on Friday. <img src=x onerror='window.hacked = 1'> It.",
    '"><svg onload="window.hacked = 1"></svg> The river rose. javascript:window.hacked=1 is no link.',
    "</article></main><h1>New heading</h1> It met. <a href='https://example.org'>Click</a> it. &lt;b&gt;",
    "<style>body { display: none }</style> The council met. <base href='https://example.org/'> It was.",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_an_article_is_shown_as_text(page, service, text):
    open_reader(page, service)
    mark(page, text)
    assert page.text_content("#article") == text
    made = page.eval_on_selector_all("#article *", "all => [...new Set(all.map(e => e.localName))].sort()")
    assert made == ["p", "span"]
    assert page.evaluate("window.hacked") is None


def test_a_files_name_and_the_services_words_are_text_too(page, service, tmp_path):
    open_reader(page, service)
    name = "<img src=x onerror=window.hacked=1>.txt"
    (tmp_path / name).write_text(ARTICLE, encoding="utf-8")
    page.set_input_files("#file", tmp_path / name)
    expect(page.locator("#origin")).to_have_text(name)
    problem = json.dumps({"detail": "<img src=x onerror=window.hacked=1>"})
    page.route("**/api/evaluate", lambda route: route.fulfill(status=422, body=problem))
    mark(page, "It was.")
    assert page.text_content("#failure-detail") == "<img src=x onerror=window.hacked=1>."
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    "text",
    [
        "The council 🏛️ met. Police 👮🏽‍♀️ closed the bridge 🌉. It was 𝔞 storm.",
        "The ca\u0301fe and the e\u0301cole met. Zalgo Z\u0351\u036b\u0343 was here. It was.",
        "اجتمع المجلس يوم الاثنين. The river rose. النهر ارتفع في الليل.\n\nThe bridge is closed. הגשר סגור.",
        "Half \ud83d of a pair. It was the whole 😀 river. The vote is on Friday.",
        "One\u2028line. Two\x85lines. The\tvote\u00a0is on Friday.",
    ],
    ids=["emoji", "combining", "right-to-left", "lone surrogate", "rare breaks"],
)
def test_offsets_fit_whatever_is_written(page, service, text):
    open_reader(page, service)
    page.evaluate("text => { document.querySelector('#text').value = text }", text)
    with page.expect_response("**/api/evaluate") as answered:
        page.click("#score")
    answer = answered.value.json()
    page.wait_for_selector("#progress", state="hidden")
    assert sentences_shown(page) == [sentence["text"] for sentence in answer["sentences"]]
    assert set(page.eval_on_selector_all("#article p", "all => all.map(p => p.dir)")) == {"auto"}


def test_a_paragraph_of_another_script_reads_from_the_right(page, service):
    open_reader(page, service)
    mark(page, "اجتمع المجلس يوم الاثنين.\n\nThe river rose.")
    directions = page.eval_on_selector_all("#article p", "all => all.map(p => getComputedStyle(p).direction)")
    assert directions == ["rtl", "ltr"]


def test_five_thousand_sentences_are_shown_and_marked(page, service):
    open_reader(page, service)
    lines = [f"The council met {n} people of the city on day {n}." for n in range(5000)]
    answer = mark(page, "\n\n".join(" ".join(lines[at : at + 5]) for at in range(0, 5000, 5)))
    assert page.locator(".sentence").count() == 5000
    stops = int(page.get_attribute("#amount", "max"))
    assert stops < 200
    slide(page, stops)
    assert len(highlighted(page)) == 5000
    slide(page, 9)
    assert highlighted(page) == best(answer, 10)


def test_the_slider_has_one_and_everything_and_no_step_is_wide(page, service):
    open_reader(page, service)
    for count in (1, 2, 39, 40, 41, 100, 4999, 5000):
        stops = page.evaluate("async n => (await import('/page/selection.js')).stops(n)", count)
        assert (stops[0], stops[-1]) == (1, count)
        assert stops == sorted(set(stops))
        assert all(after - before <= max(1, before / 20) for before, after in pairwise(stops))


def test_a_title_is_highlighted_after_all_sentences_though_it_scores_well(page, service):
    open_reader(page, service)
    sentences = [f"The council met {n} people of the city on day {n}." for n in range(9)]
    answer = mark(page, "\n\n".join(["The council met people of the city", *sentences]))
    ranked = sorted(answer["sentences"], key=lambda sentence: sentence["rank"])
    order = [found["index"] for found in ranked if found["index"] != 0] + [0]
    for amount in range(1, 11):
        slide(page, amount - 1)
        assert highlighted(page) == sorted(order[:amount])
        assert page.inner_text("#amount-text").startswith(f"{amount} of 10 sentences")


def test_without_end_marks_lines_are_highlighted_by_rank(page, service):
    open_reader(page, service)
    answer = mark(
        page, "\n\n".join(f"the council met {n} people on day {n}" for n in range(9)) + "\n\nIt did."
    )
    for amount in range(1, 11):
        slide(page, amount - 1)
        assert highlighted(page) == best(answer, amount)


def test_the_page_and_the_service_agree_on_what_is_a_line(page, service):
    open_reader(page, service)
    # Browsers may know other new letters than Python does.
    characters = [chr(code) for code in range(0x3100) if unicodedata.category(chr(code)) != "Cn"]
    wide = [chr(code) for code in range(0xFE00, 0x10000) if unicodedata.category(chr(code)) != "Cn"]
    texts = [
        "",
        *(f"It rained{end}" for end in characters),
        *(f"It rained.{closing}" for closing in (*characters, "😀", "”) ", "[1]")),
        *(f"雨{end}" for end in wide),
        *(f"雨。{closing}" for closing in wide),
        *(
            "Lower.1,2",
            "Lower.[1][2]",
            "Lower.³",
            "**Lower.**",
            "Lower.*",
            "Lower. ■",
            "It was:",
            "Lower 🚨",
            "Lower. 👍🏽",
        ),
        *(
            "Version 2.0",
            "Up 3.5",
            "No. 5",
            "bbc.com",
            "so " * 20,
            "so " * 21,
            "." + " " * 39,
            "." + " " * 41,
            "Ναι;",
        ),
    ]
    script = "async texts => texts.map((await import('/page/selection.js')).isLine)"
    assert page.evaluate(script, texts) == are_lines(texts)


def test_who_comes_back_to_the_page_finds_the_article_that_was_pasted(page, service):
    open_reader(page, service)
    mark(page, ARTICLE)
    page.goto("about:blank")
    page.go_back()
    expect(page.locator(".sentence")).to_have_count(7)
    assert page.input_value("#text") == ARTICLE
    assert page.inner_text("#origin") == "Your text"


def test_the_api_opens_beside_the_article(context, page, service):
    open_reader(page, service)
    with context.expect_page():
        page.click("footer a[href=docs]")
    assert page.url == address(service)


def test_the_field_never_has_another_article_than_the_one_that_is_shown(page, service, tmp_path):
    open_reader(page, service)
    mark(page, ARTICLE)
    (tmp_path / "news.html").write_text(html_page(), encoding="utf-8")
    page.set_input_files("#file", tmp_path / "news.html")
    expect(page.locator("#origin")).to_have_text("news.html")
    assert page.input_value("#text") == ""
    (tmp_path / "long.txt").write_text("The council met. " * 13_000, encoding="utf-8")
    (tmp_path / "short.txt").write_text(ARTICLE, encoding="utf-8")
    page.set_input_files("#file", tmp_path / "short.txt")
    expect(page.locator("#origin")).to_have_text("short.txt")
    assert page.input_value("#text") == ARTICLE
    page.set_input_files("#file", tmp_path / "long.txt")
    # Too many sentences: what is shown and what is in the field stay.
    expect(page.locator("#failure-title")).to_have_text("The article is too long")
    assert page.input_value("#text") == ARTICLE


def test_what_is_typed_while_another_article_is_scored_stays(page, service):
    open_reader(page, service)
    waiting = []
    page.route("**/api/evaluate", lambda route: waiting.append(route))
    page.click("#example")
    expect(page.locator("#progress")).to_be_visible()
    page.fill("#text", ARTICLE)
    waiting[0].continue_()
    expect(page.locator("#progress")).to_be_hidden()
    assert page.input_value("#text") == ARTICLE


# --- In and out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_a_text_file_is_read_in_the_encoding_that_it_has(page, service, tmp_path, encoding):
    (tmp_path / "café.txt").write_text("The café is “closed”. The vote is on Friday.", encoding=encoding)
    open_reader(page, service)
    page.set_input_files("#file", tmp_path / "café.txt")
    expect(page.locator("#origin")).to_have_text("café.txt")
    assert sentences_shown(page) == ["The café is “closed”.", "The vote is on Friday."]


def html_page(declared: str = "utf-8") -> str:
    paragraphs = "".join(
        f"<p>The council of the city met on day {n}, and the vote about the bridge café was close. "
        f"It was the <b>{n}th</b> vote of the year, and people said that it will not be the last one.</p>"
        for n in range(6)
    )
    return (
        f"<!doctype html><html><head><meta charset='{declared}'><title>News</title></head>"
        f"<body><nav>Home</nav><article><h1>The vote</h1>{paragraphs}"
        "<script>window.hacked = 1</script></article></body></html>"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_an_html_file_is_read_as_its_main_text(page, service, tmp_path, encoding):
    (tmp_path / "news.html").write_bytes(html_page(encoding).encode(encoding))
    open_reader(page, service)
    page.set_input_files("#file", tmp_path / "news.html")
    expect(page.locator("#origin")).to_have_text("news.html")
    told = "The council of the city met on day 3, and the vote about the bridge café was close."
    expect(page.locator("#article")).to_contain_text(told)
    text = page.inner_text("#article")
    assert "<b>" not in text
    assert "Home" not in text
    assert page.evaluate("window.hacked") is None


def test_a_dropped_file_is_read_and_another_kind_is_refused_in_words(page, service):
    open_reader(page, service)
    drop = """files => {
      const data = new DataTransfer();
      for (const [name, type, content] of files) data.items.add(new File([content], name, {type}));
      for (const kind of ["dragover", "drop"]) {
        const event = new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
        document.body.dispatchEvent(event);
      }
    }"""
    page.evaluate(drop, [["a.txt", "text/plain", ARTICLE], ["b.txt", "text/plain", "It was."]])
    expect(page.locator("#notice")).to_have_text("Only the first file was opened: a.txt")
    expect(page.locator(".sentence")).to_have_count(7)
    page.evaluate(drop, [["a.pdf", "application/pdf", "%PDF"]])
    page.wait_for_selector("#failure:visible")
    assert page.text_content("#failure-detail") == "a.pdf is neither text nor HTML."
    assert page.is_hidden("#retry")
    assert page.is_hidden("#dropzone")


def test_the_selection_is_copied_as_text_and_as_quotes(context, page, service):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_reader(page, service)
    answer = mark(page, "The vote *is* on <b>Friday</b>. 1. The river\nrose. Nobody was hurt.")
    slide(page, int(page.get_attribute("#amount", "max")))
    texts = [" ".join(sentence["text"].split()) for sentence in answer["sentences"]]
    page.click("#copy-text")
    expect(page.locator("#notice")).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == " ".join(texts)
    page.evaluate("navigator.clipboard.writeText('')")
    slide(page, 0)
    expect(page.locator("#notice")).to_be_hidden()
    slide(page, int(page.get_attribute("#amount", "max")))
    page.click("#copy")
    expect(page.locator("#notice")).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == " ".join(texts)
    page.click("#copy-markdown")
    expect(page.locator("#notice")).to_contain_text("as quotes")
    quotes = page.evaluate("navigator.clipboard.readText()")
    assert quotes.count("\n\n") == len(texts) - 1
    assert r"> The vote \*is\* on \<b\>Friday\</b\>." in quotes


def test_the_download_is_the_services_answer_with_the_readers_selection(page, service):
    open_reader(page, service)
    answer = mark(page, ARTICLE)
    slide(page, 1)
    with page.expect_download() as saved:
        page.click("#download")
    content = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert content["summary"]["indices"] == best(answer, 2)
    assert [s["index"] for s in content["sentences"] if s["selected"]] == best(answer, 2)
    assert [s["score"] for s in content["sentences"]] == [s["score"] for s in answer["sentences"]]
    assert content["model"] == answer["model"]
    assert content["text"] == ARTICLE


def test_a_link_brings_the_settings_back_and_never_the_text(context, page, service):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_reader(page, service)
    mark(page, ARTICLE)
    slide(page, 3)
    page.check("input[value=dim]", force=True)
    page.click("#copy-link")
    expect(page.locator("#notice")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == address(service, "#sentences=4&view=dim")
    page.wait_for_url(link)
    again = context.new_page()
    again.goto(link)
    again.wait_for_selector(".sentence.selected")
    assert len(highlighted(again)) == 4
    assert again.is_checked("input[value=dim]")


@pytest.mark.parametrize(
    "fragment", ["#sentences=0&view=x", "#sentences=1e9", "#&&=", "#view=<img>", "#sentences=-1"]
)
def test_a_link_that_is_wrong_is_passed_over(page, service, fragment):
    open_reader(page, service, fragment)
    assert page.is_checked("input[value=marks]")
    assert len(highlighted(page)) == 5


def test_a_link_to_everything_shows_everything(page, service):
    open_reader(page, service, "#sentences=all")
    assert len(highlighted(page)) == len(sentences_shown(page))
