"""From an article to its evaluation: split, encode, score, select."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from summarizer import checkpoint
from summarizer.document import Document, Evaluation, EvaluationWarning, ModelInfo, ScoredSentence
from summarizer.encoder import Encoded
from summarizer.errors import InvalidOption, TooManySentences
from summarizer.model import network_input
from summarizer.options import DEFAULT_OPTIONS, SummaryOptions
from summarizer.selection import Scores, by_score, select
from summarizer.sentences import SentenceSplitter, join
from summarizer.text_features import text_features
from summarizer.texts import check_several, in_article

DEFAULT_CHECKPOINT = Path(__file__).parent / "checkpoints" / "default"

# The precision of float32. The network reads one article at a time, so if the vectors of an article are the
# same, its scores are the same to the last digit, whatever it is scored together with.
SCORE_DECIMALS = 6


class Summarizer:
    """A loaded model. Thread-safe: evaluating changes no state.

    :meth:`evaluate` runs all stages. They can also be called one by one, to time or batch them:
    :meth:`split` (or :meth:`take_sentences`), :meth:`encode`, :meth:`score`, :meth:`select`.

    :ivar kinds: names of the kinds of text that the model tells apart, maybe none.
    :param loaded: the checkpoint.
    :param max_sentences: an article with more is refused; None for no limit.
    """

    def __init__(self, loaded: checkpoint.Checkpoint, *, max_sentences: int | None = None) -> None:
        self._splitter = SentenceSplitter()
        self._encoder = loaded.encoder
        self._scorer = loaded.scorer
        self._rarity = loaded.rarity
        self._max_sentences = max_sentences
        config = loaded.config
        self.kinds = config.model.kinds
        self.model = ModelInfo(config.name, config.version, loaded.sha256, config.encoder.name)
        self.card: Mapping[str, Any] = {
            "architecture": asdict(config.model),
            "encoder": asdict(config.encoder),
            "closeness": config.closeness,
            "training": dict(config.training),
            "metrics": dict(loaded.metrics),
        }

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        *,
        encoder: str | None = None,
        device: str | None = None,
        max_sentences: int | None = None,
    ) -> "Summarizer":
        """Load a checkpoint; without a folder, the default one that is shipped with this package.

        Nothing is downloaded, unless the checkpoint or the caller names an encoder on a model hub.

        :param encoder: where the encoder is, if not where the checkpoint says.
        :param device: PyTorch's name of the device for a transformer encoder; by default a GPU if there is
            one.
        :raises CheckpointError: the folder cannot be used; the message names the file and the reason.
        :raises EncoderUnavailable: the encoder is not available.
        """
        loaded = checkpoint.load(
            DEFAULT_CHECKPOINT if folder is None else Path(folder), encoder=encoder, device=device
        )
        return cls(loaded, max_sentences=max_sentences)

    def evaluate(self, text: str, options: SummaryOptions = DEFAULT_OPTIONS) -> Evaluation:
        """Score every sentence of an article and choose its summary.

        :raises InputError: the text has no sentence, more sentences than the limit, or a lone surrogate; or
            the options name a kind of text that the model does not know.
        """
        return self._evaluate([self.split(text)], options)[0]

    def evaluate_sentences(
        self, sentences: Iterable[str], options: SummaryOptions = DEFAULT_OPTIONS
    ) -> Evaluation:
        """Score the caller's own sentences as they are; offsets refer to them joined by line feeds.

        :raises InputError: there is no sentence, one is blank or not valid text, there are more than the
            limit, or a string was given instead of a list.
        """
        return self._evaluate([self.take_sentences(sentences)], options)[0]

    def evaluate_many(
        self, texts: Iterable[str], options: SummaryOptions = DEFAULT_OPTIONS
    ) -> list[Evaluation]:
        """Score several articles together, which is faster than one by one; the evaluations are the same.

        With a transformer encoder, whose rounding depends on the batch, scores may differ by about 1e-6.

        :raises InputError: one of the texts cannot be used (a note on the error gives its index), or a string
            was given instead of a list.
        """
        check_several(texts, "texts")
        documents = []
        for index, text in enumerate(texts):
            with in_article(index):
                documents.append(self.split(text))
        return self._evaluate(documents, options)

    def warm_up(self) -> None:
        """Evaluate once, so that the first caller does not wait for lazy initialization."""
        self.evaluate("The first sentence pays for the others. The second one is on the house.")

    def split(self, text: str) -> Document:
        """First stage: split an article into sentences.

        :raises InputError: the text has no sentence, more sentences than the limit, or a lone surrogate.
        """
        return self._checked(self._splitter.document(text))

    def take_sentences(self, sentences: Iterable[str]) -> Document:
        """First stage, if the caller has already split the article.

        :raises InputError: there is no sentence, one is blank or not valid text, there are more than the
            limit, or a string was given instead of a list.
        """
        return self._checked(join(sentences))

    def encode(self, documents: Sequence[Document]) -> list[Encoded]:
        """Second stage: the vectors of each document; one call, so that the encoder batches over all.

        :param documents: at least one.
        """
        everything = self._encoder.encode([s.text for document in documents for s in document.sentences])
        ends = np.cumsum([len(document.sentences) for document in documents])[:-1]
        return [
            Encoded(*parts)
            for parts in zip(
                np.split(everything.vectors, ends), np.split(everything.truncated, ends), strict=True
            )
        ]

    def features(self, document: Document) -> NDArray[np.float32]:
        """What the network reads of each sentence apart from its vector. :meth:`score` computes it itself.

        :returns: shape (T, 18), or (T, 12) without a rarity: :func:`summarizer.text_features.text_features`.
        """
        return text_features([sentence.text for sentence in document.sentences], self._rarity)

    def check_kind(self, kind: str | None) -> None:
        """Check that the model knows a kind of text.

        :raises InvalidOption: it does not.
        """
        if kind is not None and kind not in self.kinds:
            raise InvalidOption(
                f"kind must be one of {', '.join(self.kinds)}; got {kind!r}"
                if self.kinds
                else f"this model tells no kinds of text apart; leave out kind={kind!r}",
                "kind",
            )

    def score(
        self,
        documents: Sequence[Document],
        encoded: Sequence[Encoded],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Scores]:
        """Third stage: the scores of each document, which do not depend on the others.

        :param kinds: as what each document is read; None for one that is to be recognized, or for all.
        """
        kinds = [None] * len(documents) if kinds is None else kinds
        return [self._score(*parts) for parts in zip(documents, encoded, kinds, strict=True)]

    def select(
        self, document: Document, encoded: Encoded, scores: Scores, options: SummaryOptions = DEFAULT_OPTIONS
    ) -> Evaluation:
        """Last stage: the ranks and the summary of one document."""
        texts = [sentence.text for sentence in document.sentences]
        indices = select(scores, texts, encoded.vectors, options)
        ranks, selected = np.empty(len(texts), np.int64), np.zeros(len(texts), np.bool_)
        ranks[by_score(scores)] = np.arange(1, len(texts) + 1)
        selected[list(indices)] = True
        # Whole columns: to take one number from an array is slower than to make the rest of a record.
        columns = (scores.tolist(), ranks.tolist(), selected.tolist(), encoded.truncated.tolist())
        sentences = tuple(
            ScoredSentence(index, sentence.text, sentence.start, sentence.end, *numbers)
            for index, (sentence, *numbers) in enumerate(zip(document.sentences, *columns, strict=True))
        )
        familiar = self._rarity.familiar_share(texts) if self._rarity else None
        warnings = tuple(_warnings(sentences, indices, options, familiar))
        return Evaluation(document.text, sentences, indices, self.model, warnings)

    def _evaluate(self, documents: Sequence[Document], options: SummaryOptions) -> list[Evaluation]:
        if not documents:
            return []
        self.check_kind(options.kind)
        encoded = self.encode(documents)
        scores = self.score(documents, encoded, [options.kind] * len(documents))
        return [self.select(*parts, options) for parts in zip(documents, encoded, scores, strict=True)]

    def _checked(self, document: Document) -> Document:
        count = len(document.sentences)
        if self._max_sentences is not None and count > self._max_sentences:
            raise TooManySentences(
                f"the article has {count} sentences; the limit is {self._max_sentences}. Send it in parts",
                document.field,
            )
        return document

    def _score(self, document: Document, encoded: Encoded, kind: str | None) -> Scores:
        features, scorer = self.features(document), self._scorer
        if kind is None:
            texts = [sentence.text for sentence in document.sentences]
            place = scorer.kind_of(texts, encoded.vectors, features)
        else:
            place = self.kinds.index(kind)
        scores = scorer.score(network_input(encoded.vectors, features, scorer.config, place))
        return scores.astype(np.float64).round(SCORE_DECIMALS)


def _warnings(
    sentences: Sequence[ScoredSentence],
    indices: Sequence[int],
    options: SummaryOptions,
    familiar: float | None,
) -> Iterator[EvaluationWarning]:
    if familiar is not None:
        yield EvaluationWarning(
            "unfamiliar_words",
            f"only {familiar:.0%} of the words occur in the articles that the model was trained on, as in"
            " another language; its scores mean little here",
        )
    truncated = sum(sentence.truncated for sentence in sentences)
    if truncated:
        yield EvaluationWarning(
            "truncated_sentences",
            f"{truncated} of {len(sentences)} sentences are longer than the encoder reads;"
            " their scores come from their beginning",
        )
    if options.sentences is not None and options.sentences > len(sentences):
        yield EvaluationWarning(
            "fewer_sentences", f"asked for {options.sentences} sentences; the article has {len(sentences)}"
        )
    if not indices and options.words is not None:
        yield EvaluationWarning("empty_summary", f"every sentence is longer than words={options.words}")
    if not indices and options.threshold is not None:
        best = max(sentence.score for sentence in sentences)
        yield EvaluationWarning(
            "empty_summary", f"no sentence scores {options.threshold} or more; the best scores {best}"
        )
