"""How much a summary suffers when the same article is written in another way.

python benchmarks/robustness.py CORPUS [--checkpoint FOLDER] [--articles N]

Articles of the validation split, at most N of each source, unchanged, and again in lower case,
in capitals, with punctuation set apart as in tokenized corpora, under the byline and date of a newspaper's
page, and so on. Each form goes through the whole pipeline, sentence splitting too. ROUGE takes no notice of
case and marks, so a form costs nothing by itself. Meetings are left out: they are transcripts.
"""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer import Summarizer, SummaryOptions
from summarizer.pipeline import DEFAULT_CHECKPOINT
from training.corpus import Article, folded, split_of
from training.evaluation import summary_sentences
from training.formats import read_corpus
from training.metrics import RougeMeter, bootstrap_means

ARTICLES = 150
LEFT_OUT = "ami"
BYLINE = (
    "By . Ann Carter . PUBLISHED: . 08:21 EST, 6 December 2012 . | . UPDATED: . 16:19 EST, 6 December 2012 . "
)


def as_tokens(text: str) -> str:
    """Marks apart from words, and quotation marks as the Penn Treebank spells them.

    >>> as_tokens('"Stop," he said. "Now."')
    "`` Stop , '' he said . `` Now . ''"
    """
    text = re.sub(r'"(?=\w)', "`` ", text).replace('"', " ''")
    return re.sub(r"(?<=\w)([.,;:?!])(?=\s|$)", r" \1", text)


def with_curly_quotes(text: str) -> str:
    """Quotation marks and apostrophes as they are set in print.

    >>> with_curly_quotes('"No," he said.')
    '“No,” he said.'
    """
    return re.sub(r'"(?=\w)', "“", text).replace('"', "”").replace("'", "’")


FORMS: Mapping[str, Callable[[str], str]] = {
    "original": str,
    "lower case": str.lower,
    "capitals": str.upper,
    "Title Case": str.title,
    "one line": folded,
    "curly quotation marks": with_curly_quotes,
    "punctuation set apart": as_tokens,
    "punctuation set apart, lower case": lambda text: as_tokens(text).lower(),
    "under byline and date": lambda text: BYLINE + text,
}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="the shipped one by default"
    )
    parser.add_argument("--articles", type=int, default=ARTICLES, help="of each source")
    parsed = parser.parse_args()
    articles = validation_articles(parsed.corpus, parsed.articles)
    summarizer, meter = Summarizer.load(parsed.checkpoint), RougeMeter()
    found = {
        name: np.array([rouge2(summarizer, meter, article, form) for article in tqdm(articles, desc=name)])
        for name, form in FORMS.items()
    }
    plain = next(iter(found.values()))[:, 0]
    print(f"{len(articles)} articles of {', '.join(sorted({article.source for article in articles}))}\n")
    print("| form | R-2 | minus the original (95 %) | R-2 of the first three |\n| --- | ---: | --- | ---: |")
    for name, (model, lead) in ((name, rows.T) for name, rows in found.items()):
        low, high = np.percentile(bootstrap_means(model - plain), [2.5, 97.5])
        difference = f"{(model - plain).mean():+.2f} ({low:+.2f} to {high:+.2f})"
        print(f"| {name} | {model.mean():.2f} | {difference} | {lead.mean():.2f} |")


def validation_articles(corpus: Path, most: int) -> Sequence[Article]:
    """The first articles of each source that belong to the validation split."""
    taken: Counter[str] = Counter()
    found = []
    for article in read_corpus([corpus]).articles:
        if (
            article.source != LEFT_OUT
            and split_of(article.id) == "validation"
            and taken[article.source] < most
        ):
            taken[article.source] += 1
            found.append(article)
    return found


def rouge2(
    summarizer: Summarizer, meter: RougeMeter, article: Article, form: Callable[[str], str]
) -> NDArray[np.float64]:
    """ROUGE-2 in percent of what is selected, and of as many sentences from the beginning; shape (2,)."""
    count = summary_sentences(article.source)
    sentences = summarizer.evaluate(form(article.text), SummaryOptions(sentences=count)).sentences
    summaries = (
        [sentence.text for sentence in sentences if sentence.selected],
        [sentence.text for sentence in sentences[:count]],
    )
    return 100 * np.array([meter.score(summary, article.quotes).rouge2 for summary in summaries])


if __name__ == "__main__":
    main()
