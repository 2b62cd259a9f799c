"""Articles ready for fitting: sentences, vectors and targets on disk; the only reader and writer of them.

::

    manifest.json        what the articles were made with, counts
    articles.jsonl       one article per line: id, title, source, split, quotes, sentences, littered
    rarity.json          in how many training articles each word is; see summarizer/rarity.py
    vectors/NAME/        rows of width D, for each list of sentences; see training/rows.py
    features/NAME/       rows of width F, for the same lists; see summarizer/text_features.py
    targets/NAME/        rows of width 1, for each article

Vectors are stored under the hash of what they were computed from: the sentences and the digest of the
encoder. So a killed run resumes, in a larger corpus only new articles are encoded, and the vectors of several
encoders can coexist. In the same way targets are stored under sentences, quotes and closeness, and features
under sentences and rarity, which changes with every training article.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer.alone import alone
from summarizer.drafts import write_whole
from summarizer.encoder import Encoder, StaticEncoder, sha256_of
from summarizer.errors import InputError
from summarizer.rarity import RARITY_FILE, Rarity
from summarizer.sentence_transformer import SentenceTransformerEncoder
from summarizer.sentences import SentenceSplitter
from summarizer.text_features import RARITY_FEATURES, text_features
from training.boilerplate import is_chosen, littered
from training.closeness import Quoted, canonical, closeness, folder_name, needs_vectors
from training.corpus import INTRODUCED, Article, Split, split_of, unknown_sources
from training.errors import TrainingError
from training.near_duplicates import kept_apart
from training.rows import INDEX_FILE, Rows, RowStore

MANIFEST_FILE = "manifest.json"
ARTICLES_FILE = "articles.jsonl"
VECTORS_FOLDER = "vectors"
FEATURES_FOLDER = "features"
TARGETS_FOLDER = "targets"

# Increment when the functions behind them give other values than before, so that stored rows are not used.
FEATURES_VERSION = 3
TARGETS_VERSION = 1

# Encoded in one call, so a kill loses at most this many; enough to fill the encoder's batches.
SENTENCES_AT_ONCE = 1024


class PreparedError(TrainingError):
    """A folder of prepared articles cannot be used; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the prepared articles were made with.

    :ivar encoder: its place at the time: a folder, or the name of a SentenceTransformer.
    :ivar encoder_digest: identifies the encoder.
    :ivar dimension: D.
    :ivar splits: split -> number of articles.
    :ivar littered: number of articles that have a littered form.
    :ivar articles_sha256: of ``articles.jsonl``.
    :ivar rarity_sha256: of ``rarity.json``.
    :ivar boilerplate: the argument of :func:`prepare`, as ``introductions``; None in folders of versions that
        did not record them.
    """

    encoder: str
    encoder_digest: str
    dimension: int
    articles: int
    sentences: int
    splits: Mapping[Split, int]
    littered: int
    articles_sha256: str
    rarity_sha256: str
    boilerplate: float | None = None
    introductions: Sequence[str] | None = None

    @property
    def digest(self) -> str:
        """Changes when an article, a quote, a vector or a feature does."""
        return _key(self.articles_sha256, self.encoder_digest, self.rarity_sha256, FEATURES_VERSION)


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """One article of T sentences; its text as it was in the corpus is not kept.

    :ivar id: as the next three, see :class:`training.corpus.Article`.
    :ivar split: by its id; None if it shares its text with an article of an earlier split.
    :ivar sentences: T strings.
    :ivar vectors: shape (T, D), float32; a view of the file.
    :ivar features: shape (T, F), float32; a view of the file; including the features that need a rarity.
    :ivar targets: shape (T,), float32, in [0, 1].
    :ivar littered: the same article with boilerplate among its sentences, as an additional training article.
    """

    id: str
    title: str | None
    source: str
    quotes: tuple[str, ...]
    split: Split | None
    sentences: Sequence[str]
    vectors: NDArray[np.float32]
    features: NDArray[np.float32]
    targets: NDArray[np.float32]
    littered: "PreparedArticle | None" = None


def open_encoder(name: str) -> Encoder:
    """A static encoder by its folder, or any SentenceTransformer by folder, package or hub name.

    :raises SummarizerError: it is damaged or cannot be found.
    """
    folder = Path(name)
    if (folder / "tokenizer.json").exists() and not (folder / "modules.json").exists():
        return StaticEncoder.load(folder, folder.name)
    return SentenceTransformerEncoder(name)


def from_anywhere(encoder_source: str) -> str:
    """The name of an encoder for :func:`open_encoder` that does not depend on the working directory."""
    return str(Path(encoder_source).resolve()) if Path(encoder_source).is_dir() else encoder_source


def prepare(
    articles: Iterable[Article],
    encoder: Encoder,
    encoder_source: str,
    closeness_name: str,
    folder: Path,
    *,
    boilerplate: float = 0.0,
    introductions: Sequence[str] = (),
) -> Manifest:
    """Split and encode each article and compute its targets; what the folder contains is reused.

    An article without a sentence is left out with a message. One that shares its text
    with an article of an earlier split (train, validation, test) stays, but belongs to no split.

    :param encoder_source: the argument of :func:`open_encoder`.
    :param boilerplate: share of the training articles to use a second time with lines such as bylines and
        captions, which nobody quotes: their targets are 0. See :mod:`training.boilerplate`.
    :param introductions: sources whose quotes are an introduction that was cut off from the text. Their
        training articles are used a second time with it, under the name of the source with
        :data:`training.corpus.INTRODUCED` at its end; else the network learns that articles begin in the
        middle.
    :raises PreparedError: no article, a source of ``introductions`` that no article is from, or the folder
        contains something else.
    :raises BlockingIOError: another process writes to this folder.
    """
    closeness(closeness_name)  # an unknown one is refused before the long work
    _check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        split = list(_split(articles))
        if not split:
            raise PreparedError("no article to prepare")
        sources = {article.source for article, _ in split}
        if unknown := unknown_sources("introductions", introductions, sources):
            raise PreparedError(unknown)
        _warn_about_removed_articles(folder, {article.id for article, _ in split})
        rows = _rows(split, boilerplate, introductions)
        with RowStore(*_vectors_place(folder, encoder.digest), encoder.dimension) as store:
            _encode(
                [sentences for row in rows for sentences in _sentence_lists(row)], encoder, store, "encode"
            )
        rarity = Rarity.count(sentences for article, sentences in split if split_of(article.id) == "train")
        rarity_sha256 = _add_features(folder, rows, rarity)
        write_whole(
            folder / ARTICLES_FILE, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        )
        manifest = Manifest(
            encoder=from_anywhere(encoder_source),
            encoder_digest=encoder.digest,
            dimension=encoder.dimension,
            **_counts(rows),
            articles_sha256=sha256_of(folder / ARTICLES_FILE),
            rarity_sha256=rarity_sha256,
            boilerplate=boilerplate,
            introductions=list(introductions),
        )
        write_whole(folder / MANIFEST_FILE, json.dumps(dataclasses.asdict(manifest), indent=2) + "\n")
        _remove_other_features(folder, rarity_sha256)
        add_targets(folder, closeness_name, encoder)
        return manifest


def add_targets(folder: Path, closeness_name: str, encoder: Encoder | None = None) -> None:
    """Compute the missing targets of one closeness for all prepared articles.

    :param encoder: for a closeness that compares vectors; by default the one in the manifest is opened.
    :raises PreparedError: the folder does not contain prepared articles, or the encoder is another one.
    """
    manifest, rows = _read(folder)
    place, about = _targets_place(folder, closeness_name, manifest)
    missing = {
        _key(sentences, row["quotes"]): (sentences, row["quotes"])
        for row in rows
        for sentences in _sentence_lists(row)
    }
    if (place / INDEX_FILE).exists():  # the last file of a new store; a kill may have prevented it
        kept = Rows.open(place)
        missing = {key: found for key, found in missing.items() if key not in kept}
    if not missing:
        return
    vectors = Rows.open(_vectors_place(folder, manifest.encoder_digest)[0])
    quote_vectors: Rows | None = None
    if needs_vectors(closeness_name):
        encoder = encoder or open_encoder(manifest.encoder)
        check_encoder(folder, manifest, encoder)
        with RowStore(*_vectors_place(folder, encoder.digest), encoder.dimension) as store:
            _encode([row["quotes"] for row in rows], encoder, store, "encode quotes")
            quote_vectors = store.read()
    nothing = np.zeros((0, manifest.dimension), np.float32)
    score = closeness(closeness_name)
    with RowStore(place, about, 1) as store:
        progress = tqdm(missing.items(), desc=f"targets {closeness_name}", unit="article")
        for number, (key, (sentences, quotes)) in enumerate(progress, start=1):
            quoted = Quoted(
                sentences,
                quotes,
                vectors[_key(sentences)],
                quote_vectors[_key(quotes)] if quote_vectors else nothing,
            )
            if key not in store:  # another process may have added it
                store.add(key, score(quoted)[:, None])
            if number % 100 == 0:
                store.flush()
        store.flush()


def load(folder: Path, closeness_name: str) -> tuple[Manifest, list[PreparedArticle]]:
    """Read the output of :func:`prepare` and :func:`add_targets`; vectors stay on disk until they are used.

    :raises PreparedError: a file is missing or does not match the others, or there are no such targets.
    :raises RowStoreError: vectors or targets are damaged.
    """
    manifest, rows = _read(folder)
    vectors = Rows.open(_vectors_place(folder, manifest.encoder_digest)[0])
    features_place = _features_place(folder, manifest.rarity_sha256)[0]
    if not features_place.exists():
        raise PreparedError(
            f"{folder} has no text features as this version computes them; run prepare again, which keeps the"
            " vectors and targets, and start runs again that were fitted on the old ones"
        )
    features = Rows.open(features_place)
    place = _targets_place(folder, closeness_name, manifest)[0]
    targets = Rows.open(place) if place.exists() else None

    def prepared(
        row: Mapping[str, Any], sentences: Sequence[str], lines: Sequence[int] = ()
    ) -> PreparedArticle:
        quotes = row["quotes"]
        if _key(sentences) not in vectors or _key(sentences) not in features:
            raise PreparedError(
                f"{folder}: no vectors or features for article {row['id']!r}; run prepare again"
            )
        if targets is None or _key(sentences, quotes) not in targets:
            raise PreparedError(
                f"{folder}: no targets of closeness {closeness_name!r} for article {row['id']!r};"
                f" run prepare again with --closeness {closeness_name!r}"
            )
        found = np.array(targets[_key(sentences, quotes)][:, 0])
        found[list(lines)] = 0  # a caption may repeat half a sentence, but nobody quotes it
        return PreparedArticle(
            row["id"],
            row["title"],
            row["source"],
            tuple(quotes),
            row["split"],
            sentences,
            vectors[_key(sentences)],
            features[_key(sentences)],
            found,
        )

    articles = []
    for row in rows:
        article = prepared(row, row["sentences"])
        if second := row["littered"]:
            article = replace(article, littered=prepared(row, second["sentences"], second["lines"]))
        articles.append(article)
    return manifest, articles


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    :raises PreparedError: the folder does not contain prepared articles.
    """
    return _read(folder)[0]


def read_rarity(folder: Path, manifest: Manifest) -> Rarity:
    """The rarity with which the features were computed.

    :raises PreparedError: it is missing or another one.
    """
    file = folder / RARITY_FILE
    found = sha256_of(file) if file.exists() else "none"
    if found != manifest.rarity_sha256:
        raise PreparedError(
            f"{file} is not the file that {MANIFEST_FILE} describes: expected sha256"
            f" {manifest.rarity_sha256}, found {found}; run prepare again"
        )
    return Rarity.load(file)


def check_encoder(folder: Path, manifest: Manifest, encoder: Encoder) -> None:
    """:raises PreparedError: the articles were prepared with another encoder."""
    if manifest.encoder_digest != encoder.digest:
        raise PreparedError(
            f"{folder} was prepared with an encoder of digest {manifest.encoder_digest};"
            f" {encoder.name} has {encoder.digest}; run prepare again with this encoder"
        )


def _split(articles: Iterable[Article]) -> Iterator[tuple[Article, list[str]]]:
    splitter = SentenceSplitter()
    for article in tqdm(articles, desc="split", unit="article"):
        try:
            yield article, [sentence.text for sentence in splitter.document(article.text).sentences]
        except InputError as error:
            tqdm.write(f"left out {article.id}: {error}")


def _rows(
    split: Sequence[tuple[Article, list[str]]], boilerplate: float, introductions: Sequence[str]
) -> list[dict[str, Any]]:
    shared = _sharing(split)
    rows = []
    for article, sentences in split:
        side = None if article.id in shared else split_of(article.id)
        rows.append(_row(article, sentences, side, boilerplate))
        if side == "train" and article.source in introductions:
            whole = replace(article, id=article.id + INTRODUCED, source=article.source + INTRODUCED)
            rows.append(_row(whole, [*article.quotes, *sentences], side, boilerplate))
    return rows


def _row(article: Article, sentences: list[str], split: Split | None, boilerplate: float) -> dict[str, Any]:
    """A row of the list of articles.

    ``littered``: None, or the ``sentences`` with boilerplate among them and the positions of those ``lines``.
    """
    second: dict[str, Any] | None = None
    if split == "train" and is_chosen(article.id, boilerplate):
        found = littered(sentences, article.id, article.title)
        second = {"sentences": found.sentences, "lines": np.flatnonzero(found.is_boilerplate).tolist()}
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "split": split,
        "quotes": article.quotes,
        "sentences": sentences,
        "littered": second,
    }


def _sentence_lists(row: Mapping[str, Any]) -> list[list[str]]:
    """The sentences of an article, and those of its littered form if it has one."""
    return [row["sentences"]] + ([row["littered"]["sentences"]] if row["littered"] else [])


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts in the manifest."""
    return {
        "articles": len(rows),
        "sentences": sum(len(row["sentences"]) for row in rows),
        "splits": {name: sum(row["split"] == name for row in rows) for name in get_args(Split)},
        "littered": sum(row["littered"] is not None for row in rows),
    }


def _sharing(split: Sequence[tuple[Article, Sequence[str]]]) -> Mapping[str, str]:
    """See :func:`training.near_duplicates.kept_apart`; prints how many."""
    shared = kept_apart(
        {article.id: "\n".join(sentences) for article, sentences in split},
        {article.id: split_of(article.id) for article, _ in split},
    )
    if shared:
        left_out, other = next(iter(shared.items()))
        tqdm.write(
            f"{len(shared)} articles of validation or test share their text with one of an earlier split, for"
            f" example {left_out} with {other}; they are not measured"
        )
    return shared


def _add_features(folder: Path, rows: Sequence[Mapping[str, Any]], rarity: Rarity) -> str:
    """Write the rarity of words, and the text features of all articles.

    :returns: sha256 of the file of rarities, under which the features are stored.
    """
    write_whole(folder / RARITY_FILE, rarity.as_json())
    rarity_sha256 = sha256_of(folder / RARITY_FILE)
    with RowStore(*_features_place(folder, rarity_sha256), RARITY_FEATURES.stop) as store:
        for row in tqdm(rows, desc="features", unit="article"):
            for sentences in _sentence_lists(row):
                if _key(sentences) not in store:
                    store.add(_key(sentences), text_features(sentences, rarity))
        store.flush()
    return rarity_sha256


def _remove_other_features(folder: Path, rarity_sha256: str) -> None:
    """Their rarity is not used again."""
    place, _ = _features_place(folder, rarity_sha256)
    for former in set((folder / FEATURES_FOLDER).iterdir()) - {place}:
        shutil.rmtree(former)


def _encode(lists: Sequence[Sequence[str]], encoder: Encoder, store: RowStore, label: str) -> None:
    """Store the vectors of each list under its key; several lists at once, so that batches are full."""
    missing = {_key(texts): texts for texts in lists if _key(texts) not in store}
    chunk: dict[str, Sequence[str]] = {}
    with tqdm(total=len(missing), desc=label, unit="article") as progress:
        for number, (key, texts) in enumerate(missing.items(), start=1):
            chunk[key] = texts
            if sum(map(len, chunk.values())) >= SENTENCES_AT_ONCE or number == len(missing):
                vectors = encoder.encode([text for group in chunk.values() for text in group]).vectors
                start = 0
                for name, group in chunk.items():
                    store.add(name, vectors[start : start + len(group)])
                    start += len(group)
                store.flush()
                progress.update(len(chunk))
                chunk = {}


def _read(folder: Path) -> tuple[Manifest, list[dict[str, Any]]]:
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8")))
        content = (folder / ARTICLES_FILE).read_bytes()
    except (OSError, ValueError, TypeError) as error:
        raise PreparedError(f"{folder} does not contain prepared articles: {error}; run prepare") from error
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.articles_sha256:
        raise PreparedError(
            f"{folder / ARTICLES_FILE} is not the file that {MANIFEST_FILE} describes: expected sha256"
            f" {manifest.articles_sha256}, found {found}; run prepare again"
        )
    return manifest, [json.loads(line) for line in content.split(b"\n") if line]


def _warn_about_removed_articles(folder: Path, ids: Set[str]) -> None:
    if not (folder / MANIFEST_FILE).exists():
        return
    try:
        left = [row["id"] for row in _read(folder)[1] if row["id"] not in ids]
    except PreparedError as error:  # damaged, or of an earlier version; it is replaced
        tqdm.write(f"the list of articles in {folder} is rewritten: {error}")
        return
    if left:
        tqdm.write(
            f"{len(left)} articles in {folder} are not in this corpus and are removed, for example {left[0]};"
            " runs that were fitted on them can no longer be reported"
        )


def _check_folder(folder: Path) -> None:
    if not folder.exists() or (folder / MANIFEST_FILE).exists() or (folder / VECTORS_FOLDER).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise PreparedError(f"{folder} contains something other than prepared articles; name another folder")


def _vectors_place(folder: Path, encoder_digest: str) -> tuple[Path, Mapping[str, Any]]:
    about = {"rows": "sentence vectors", "encoder_digest": encoder_digest}
    return folder / VECTORS_FOLDER / encoder_digest[:16], about


def _features_place(folder: Path, rarity_sha256: str) -> tuple[Path, Mapping[str, Any]]:
    about = {"rows": "text features", "version": FEATURES_VERSION, "rarity_sha256": rarity_sha256}
    return folder / FEATURES_FOLDER / _key(json.dumps(about))[:16], about


def _targets_place(folder: Path, closeness_name: str, manifest: Manifest) -> tuple[Path, Mapping[str, Any]]:
    about = {
        "rows": "targets",
        "closeness": canonical(closeness_name),
        "version": TARGETS_VERSION,
        "encoder_digest": manifest.encoder_digest if needs_vectors(closeness_name) else None,
    }
    return folder / TARGETS_FOLDER / f"{folder_name(closeness_name)}-{_key(json.dumps(about))[:8]}", about


def _key(*parts: object) -> str:
    """sha256 (hexadecimal) of texts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
