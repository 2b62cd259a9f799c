import re
from xml.etree import ElementTree

import matplotlib
import pytest

from training import plots
from training.plots import Bar, Curve

AWKWARD = [
    "",
    "a <b> & \"c\" 'd'",
    "$x$ and $",
    "😀 新闻",
    "مرحبا",
    "_hidden",
    "bell\x07",
    "two\nlines",
    'id="x"',
]


def draw_each(name: str) -> dict[str, str]:
    curve = Curve("model", [0.1, 0.5, 0.9], [0.2, None, 0.8])
    return {
        "learning": plots.learning_curves(
            [1, 2, 3],
            {"training": [0.5, 0.4, 0.3], "validation": [0.5, None, 0.45]},
            name=name,
            description="d",
        ),
        "calibration": plots.calibration([curve, curve], name=name, description="d"),
        "position": plots.by_position([curve], y="mean", name=name, description="d"),
        "bars": plots.bars([Bar("a", 1, -0.5, 2), Bar("b", -1)], x="x", name=name, description="d"),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return draw_each("one")


def test_plots_are_svg_elements_that_say_what_they_show(drawn):
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert (root.get("role"), root.get("aria-label")) == ("img", "d")
        assert root.get("viewBox")
        assert root.get("width") is root.get("height") is None


def test_text_stays_text_in_the_colour_of_the_page(drawn):
    texts = ElementTree.fromstring(drawn["learning"]).iter("{http://www.w3.org/2000/svg}text")
    found = {text.text: text.get("style") for text in texts}
    assert {"epoch", "loss", "training", "validation"} <= found.keys()
    assert "currentColor" in found["epoch"]


def test_plots_bring_nothing_that_holds_for_the_whole_page(drawn):
    for svg in drawn.values():
        assert "<style" not in svg
        assert "<?xml" not in svg
        assert "<metadata" not in svg
        assert "#010203" not in svg


def test_ids_of_two_plots_in_a_page_do_not_clash(drawn):
    one, other = (
        set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (drawn["bars"], draw_each("other")["bars"])
    )
    assert one
    assert one.isdisjoint(other)


def test_what_is_referred_to_is_in_the_plot(drawn):
    for svg in drawn.values():
        ids = re.findall(r'\bid="([^"]+)"', svg)
        assert len(ids) == len(set(ids))
        referred = re.findall(r'(?:href="|url\()#([^")]+)', svg)
        assert referred
        assert set(referred) <= set(ids)


def test_the_same_figures_give_the_same_plot(drawn):
    assert draw_each("one") == drawn


def test_plots_leave_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    draw_each("one")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("label", AWKWARD)
def test_any_label_and_any_description_is_shown_as_it_is(label):
    svg = plots.bars([Bar(label, 1.0)], x="x", name="n", description=label)
    root = ElementTree.fromstring(svg)
    kept = label.replace("\x07", "\ufffd")
    # What is read back of an attribute has spaces for line breaks.
    assert root.get("aria-label") == kept.replace("\n", " ")
    shown = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert all(line in shown for line in kept.splitlines())
    ElementTree.fromstring(plots.calibration([Curve(label, [0.5], [0.5])], name="n", description="d"))


def test_nothing_to_show_is_an_empty_plot():
    for svg in (
        plots.bars([], x="x", name="n", description="nothing"),
        plots.calibration([], name="n", description="nothing"),
        plots.by_position([Curve("m", range(1, 11), [None] * 10)], y="y", name="n", description="nothing"),
        plots.learning_curves([], {"training": []}, name="n", description="nothing"),
    ):
        assert ElementTree.fromstring(svg).get("aria-label") == "nothing"


def test_more_curves_than_colours_are_drawn():
    curves = [Curve(f"m{number}", [0, 1], [0, 1]) for number in range(20)]
    assert "m19" in plots.by_position(curves, y="y", name="n", description="d")
