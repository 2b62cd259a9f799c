"""How long the reader's page takes with a long article: to show it, and to follow the slider.

python benchmarks/page.py [--sentences 5000]

Needs the extra page-tests, and chromium on the PATH. Starts a gunicorn of its own with the shipped model.
"""

import argparse
import os
import shutil
import statistics

from playwright.sync_api import sync_playwright
from serving import service

# From the event that a hand's movement makes to the first moment after the frame that shows it was painted.
FOLLOW = """async (positions) => {
  const slider = document.querySelector("#amount");
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(null);
  }));
  const times = [];
  for (const position of positions) {
    await painted();
    const start = performance.now();
    slider.value = position;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    const handled = performance.now();
    await painted();
    times.push([handled - start, performance.now() - start]);
  }
  return times;
}"""

READ = """async ([text, count]) => {
  const start = performance.now();
  document.querySelector("#text").value = text;
  document.querySelector("#score").click();
  while (document.querySelectorAll(".sentence").length !== count) {
    await new Promise((done) => requestAnimationFrame(done));
  }
  return performance.now() - start;
}"""


def main() -> None:
    """Print one table: an article in paragraphs of five sentences, and one in a single paragraph."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sentences", type=int, default=5000)
    count = arguments.parse_args().sentences
    sentences = [f"On day {n} the council of the town met {n} people on the bridge." for n in range(count)]
    articles = {
        "paragraphs of five": "\n\n".join(" ".join(sentences[at : at + 5]) for at in range(0, count, 5)),
        "one paragraph": " ".join(sentences),
    }
    print("| article | view | shown after, ms | handler, ms: median, worst | painted, ms: median, worst |")
    print("| --- | --- | ---: | ---: | ---: |")
    with service(WEB_CONCURRENCY="1") as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        for name, text in articles.items():
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(f"http://127.0.0.1:{running.port}/")
            page.wait_for_selector(".sentence.selected")
            shown = page.evaluate(READ, [text, count])
            last = int(page.get_attribute("#amount", "max") or 0)
            # By small steps as a hand slides, and from one end to the other.
            positions = [*range(0, last, 3), *range(last, 0, -3), 0, last, 0, last]
            for view in ("marks", "dim", "summary"):
                page.check(f"input[value={view}]", force=True)
                print(_row(name, view, shown, page.evaluate(FOLLOW, positions)))
        browser.close()


def _row(name: str, view: str, shown: float, times: list[tuple[float, float]]) -> str:
    cells = [f"{statistics.median(column):.1f}, {max(column):.1f}" for column in zip(*times, strict=True)]
    return f"| {name} | {view} | {shown:.0f} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
