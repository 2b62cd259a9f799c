import json
from pathlib import Path

import numpy as np
import pytest

from summarizer.alone import alone
from summarizer.encoder import Encoded, StaticEncoder
from summarizer.text_features import text_features
from tests.tiny import make_encoder_folder
from training.corpus import Article, split_of
from training.prepared import PreparedError, add_targets, load, prepare, read_rarity
from training.rows import RowStoreError

BRIDGE = "The bridge is old. The council said it. A vote on the budget."
STORM = "A storm hit the city. Police said the river was at the school."
ARTICLES = [
    Article("news/1", "Bridge", BRIDGE, ("The bridge is old.",)),
    Article("news/2", None, STORM, ("a storm", "the river")),
    Article("b/3", None, "The school.", ("The school.",), source="blog"),
]


class Counting:
    """An encoder that knows how many sentences it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.encoder = StaticEncoder.load(folder, "tiny")
        self.name, self.digest, self.dimension = "tiny", self.encoder.digest, self.encoder.dimension
        self.asked = 0

    def encode(self, sentences: list[str]) -> Encoded:
        self.asked += len(sentences)
        return self.encoder.encode(sentences)


@pytest.fixture
def encoder(tmp_path: Path) -> Counting:
    return Counting(make_encoder_folder(tmp_path / "encoder"))


def ready(articles: list[Article], encoder: Counting, folder: Path, closeness: str = "lexical") -> Path:
    prepare(articles, encoder, "tiny", closeness, folder)
    return folder


def test_articles_come_back_as_they_were_with_vectors_and_targets(tmp_path, encoder):
    manifest, articles = load(ready(ARTICLES, encoder, tmp_path / "ready"), "lexical")
    assert (manifest.articles, manifest.sentences, manifest.dimension) == (3, 6, encoder.dimension)
    assert [article.source for article in articles] == ["news", "news", "blog"]
    assert articles[0].sentences == ["The bridge is old.", "The council said it.", "A vote on the budget."]
    assert articles[1].quotes == ("a storm", "the river")
    for article in articles:
        np.testing.assert_array_equal(article.vectors, encoder.encode(list(article.sentences)).vectors)
        assert article.targets.shape == (len(article.sentences),)
    assert articles[0].targets.tolist() == pytest.approx([1, articles[0].targets[1], articles[0].targets[2]])
    assert articles[0].targets[0] == 1 > articles[0].targets[1]


def test_what_was_encoded_is_not_encoded_again(tmp_path, encoder):
    ready(ARTICLES[:2], encoder, tmp_path / "ready")
    assert encoder.asked == 5
    ready(ARTICLES, encoder, tmp_path / "ready")
    assert encoder.asked == 6
    assert len(load(tmp_path / "ready", "lexical")[1]) == 3


def test_features_know_in_how_many_training_articles_a_word_is(tmp_path, encoder):
    told = [f"The {place} is by the river. A storm in {place}." for place in "abcdef"]
    corpus = [Article(f"news/{number}", None, text, ("storm",)) for number, text in enumerate(told)]
    manifest, articles = load(ready(corpus, encoder, tmp_path / "ready"), "lexical")
    training = [article.sentences for article in articles if article.split == "train"]
    assert 3 <= len(training) < len(articles)
    rarity = read_rarity(tmp_path / "ready", manifest)
    assert rarity.articles == len(training)
    assert rarity.counts["storm"] == len(training)
    for article in articles:
        np.testing.assert_array_equal(article.features, text_features(article.sentences, rarity))

    more = [Article(f"more/{number}", None, f"Fire at {number}.", ("Fire",)) for number in range(30)]
    after, grown = load(ready(corpus + more, encoder, tmp_path / "ready"), "lexical")
    assert after.digest != manifest.digest
    rarity = read_rarity(tmp_path / "ready", after)
    assert rarity.articles > len(training)
    assert len(list((tmp_path / "ready" / "features").iterdir())) == 1
    for article in grown:
        np.testing.assert_array_equal(article.features, text_features(article.sentences, rarity))


def test_a_rarity_that_was_changed_is_refused_by_file(tmp_path, encoder):
    manifest, _ = load(ready(ARTICLES, encoder, tmp_path / "ready"), "lexical")
    file = tmp_path / "ready" / "rarity.json"
    file.write_text(file.read_text().replace('"articles": ', '"articles": 1'))
    with pytest.raises(PreparedError, match=r"rarity\.json is not the file .*run prepare again"):
        read_rarity(tmp_path / "ready", manifest)
    file.unlink()
    with pytest.raises(PreparedError, match="found none"):
        read_rarity(tmp_path / "ready", manifest)


def test_a_text_that_changed_is_encoded_anew_and_one_that_left_is_gone(tmp_path, encoder):
    ready(ARTICLES[:2], encoder, tmp_path / "ready")
    changed = Article("news/1", "Bridge", "The bridge is new.", ("The bridge is new.",))
    ready([changed], encoder, tmp_path / "ready")
    assert encoder.asked == 6
    (only,) = load(tmp_path / "ready", "lexical")[1]
    np.testing.assert_array_equal(only.vectors, encoder.encode(["The bridge is new."]).vectors)
    assert only.targets.tolist() == [1.0]


def test_quotes_that_changed_change_the_targets_alone(tmp_path, encoder):
    ready(ARTICLES[:1], encoder, tmp_path / "ready")
    other = Article("news/1", "Bridge", ARTICLES[0].text, ("A vote on the budget.",))
    ready([other], encoder, tmp_path / "ready")
    assert encoder.asked == 3
    assert load(tmp_path / "ready", "lexical")[1][0].targets[2] == 1


def test_another_encoder_is_noticed(tmp_path, encoder):
    ready(ARTICLES, encoder, tmp_path / "ready")
    other = Counting(make_encoder_folder(tmp_path / "other", seed=9))
    ready(ARTICLES, other, tmp_path / "ready")
    assert other.asked == 6
    article = load(tmp_path / "ready", "lexical")[1][0]
    np.testing.assert_array_equal(article.vectors, other.encode(list(article.sentences)).vectors)
    with pytest.raises(PreparedError, match="run prepare again with this encoder"):
        add_targets(tmp_path / "ready", "semantic", encoder)


def test_targets_of_another_closeness_are_added_without_encoding(tmp_path, encoder):
    folder = ready(ARTICLES, encoder, tmp_path / "ready")
    with pytest.raises(PreparedError, match=r"no targets of closeness 'oracle'.*--closeness 'oracle'"):
        load(folder, "oracle")
    for name in ("oracle", "0.5*oracle+0.5*lexical"):
        add_targets(folder, name)
        assert len(load(folder, name)[1]) == 3
    assert encoder.asked == 6
    add_targets(folder, "semantic", encoder)
    assert encoder.asked == 6 + 3  # the quotes; those of the last article are its sentences
    np.testing.assert_allclose(load(folder, "semantic")[1][2].targets, [1.0], rtol=1e-6)


def test_an_article_without_a_sentence_is_left_out_by_name(tmp_path, encoder, capsys):
    empty = Article("news/9", None, " \n ", ("q",))
    assert len(load(ready([*ARTICLES, empty], encoder, tmp_path / "ready"), "lexical")[1]) == 3
    assert "left out news/9" in capsys.readouterr().out
    with pytest.raises(PreparedError, match="no article to prepare"):
        ready([empty], encoder, tmp_path / "none")


def test_an_article_that_shares_its_text_with_an_earlier_split_belongs_to_none(tmp_path, encoder, capsys):
    ids = {"news/13": "train", "news/14": "validation", "news/15": "test"}  # as their hashes say
    articles = [Article(name, None, BRIDGE, (f"quote {name}",)) for name in reversed(ids)]
    articles.append(Article("news/2", None, STORM, ("a storm",)))
    manifest, found = load(ready(articles, encoder, tmp_path / "ready"), "lexical")
    splits = {article.id: article.split for article in found}
    assert splits == {"news/13": "train", "news/14": None, "news/15": None, "news/2": split_of("news/2")}
    assert manifest.articles == 4
    assert sum(manifest.splits.values()) == 2
    assert "2 articles of validation or test share their text" in capsys.readouterr().out


def test_line_separators_inside_an_article_survive(tmp_path, encoder):
    article = Article("a", None, "One\u2028is. Two\x85is.", ("One",))
    assert load(ready([article], encoder, tmp_path / "ready"), "lexical")[1][0].sentences == [
        "One",
        "is.",
        "Two",
        "is.",
    ]


def test_the_same_article_under_two_ids_is_kept_twice(tmp_path, encoder):
    twin = Article("news/4", None, ARTICLES[0].text, ARTICLES[0].quotes)
    found = load(ready([ARTICLES[0], twin], encoder, tmp_path / "ready"), "lexical")[1]
    assert [article.id for article in found] == ["news/1", "news/4"]
    assert encoder.asked == 3


def test_damage_is_refused_by_file(tmp_path, encoder):
    folder = ready(ARTICLES, encoder, tmp_path / "ready")
    (rows,) = folder.glob("vectors/*/rows.f32")
    content = bytearray(rows.read_bytes())
    content[5] ^= 255
    rows.write_bytes(content)
    with pytest.raises(RowStoreError, match=r"rows\.f32 is damaged"):
        load(folder, "lexical")
    (folder / "articles.jsonl").write_text("{}\n")
    with pytest.raises(PreparedError, match=r"articles\.jsonl is not the file that manifest\.json describes"):
        load(folder, "lexical")
    (folder / "manifest.json").write_text(json.dumps({"encoder": "x"}))
    with pytest.raises(PreparedError, match="does not contain prepared articles"):
        load(folder, "lexical")


def test_features_of_another_version_are_asked_for_anew(tmp_path, encoder, monkeypatch):
    folder = ready(ARTICLES, encoder, tmp_path / "ready")
    monkeypatch.setattr("training.prepared.FEATURES_VERSION", 10_000)
    with pytest.raises(PreparedError, match="as this version computes them; run prepare again"):
        load(folder, "lexical")
    ready(ARTICLES, encoder, folder)
    assert len(load(folder, "lexical")[1]) == len(ARTICLES)


def test_training_articles_alone_are_there_again_with_boilerplate_which_is_never_a_target(tmp_path, encoder):
    texts = [
        f"The bridge {number} is old and the river is high today. The council said so in year {number} again."
        for number in range(60)
    ]
    articles = [
        Article(f"news/{number}", None, text, ("By Anna Brown. Comments are closed.", text))
        for number, text in enumerate(texts)
    ]
    prepare(articles, encoder, "tiny", "lexical", tmp_path / "ready", boilerplate=0.5)
    found = load(tmp_path / "ready", "lexical")[1]
    assert all(len(article.sentences) == 2 and (article.targets > 0).all() for article in found)
    twice = [article for article in found if article.littered]
    assert {article.split for article in twice} == {"train"}
    assert 0.2 < len(twice) / sum(article.split == "train" for article in found) < 0.8
    for article, text in zip(found, texts, strict=True):
        if not (form := article.littered):
            continue
        assert (form.id, form.quotes, form.split) == (
            article.id,
            article.quotes,
            "train",
        )
        own = [part.endswith((" today.", " again.")) and part in text for part in form.sentences]
        assert sum(own) == 2 < len(own)
        assert (form.targets > 0).tolist() == own
        assert len(form.vectors) == len(form.features) == len(own)


def test_the_training_articles_of_a_source_are_used_again_with_their_introduction(tmp_path, encoder):
    texts = [f"The council {number} said it in a long letter to all the people." for number in range(80)]
    introduction = "The bridge is old."
    articles = [
        Article(f"{source}/{number}", None, text, (introduction,))
        for number, text in enumerate(texts)
        for source in ("cut", "whole")
    ]
    folder = tmp_path / "ready"
    prepare(articles, encoder, "tiny", "lexical", folder, introductions=["cut"])
    found = load(folder, "lexical")[1]
    restored = [article for article in found if len(article.sentences) > 1]
    assert {(article.source, article.split) for article in restored} == {("cut-introduced", "train")}
    training = [article for article in found if article.split == "train" and article.source == "cut"]
    assert [article.id for article in restored] == [f"{article.id}-introduced" for article in training]
    for article, cut in zip(restored, training, strict=True):
        assert article.sentences == [introduction, *cut.sentences]
        assert article.targets[0] == 1 > article.targets[1]
    rarity = read_rarity(folder, load(folder, "lexical")[0])
    assert rarity.articles == sum(article.split == "train" for article in found) - len(restored)


@pytest.mark.parametrize("content", ["{}", "{", '{"articles": 3}'])
def test_a_list_of_articles_that_cannot_be_read_is_written_anew_and_vectors_stay(tmp_path, encoder, content):
    folder = ready(ARTICLES, encoder, tmp_path / "ready")
    (folder / "manifest.json").write_text(content)
    with pytest.raises(PreparedError, match="run prepare"):
        load(folder, "lexical")
    assert len(load(ready(ARTICLES, encoder, folder), "lexical")[1]) == 3
    assert encoder.asked == 6


def test_a_folder_from_before_options_were_recorded_is_still_read(tmp_path, encoder):
    folder = tmp_path / "ready"
    prepare(ARTICLES, encoder, "tiny", "lexical", folder, boilerplate=0.5, introductions=("news",))
    manifest = load(folder, "lexical")[0]
    assert (manifest.boilerplate, manifest.introductions) == (0.5, ["news"])
    values = json.loads((folder / "manifest.json").read_text())
    del values["boilerplate"], values["introductions"]
    (folder / "manifest.json").write_text(json.dumps(values))
    former = load(folder, "lexical")[0]
    assert (former.boilerplate, former.introductions) == (None, None)
    assert former.digest == manifest.digest


def test_a_folder_of_somebody_else_is_refused(tmp_path, encoder):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("three years of work")
    with pytest.raises(PreparedError, match="contains something other than prepared articles"):
        ready(ARTICLES, encoder, tmp_path / "thesis")
    assert encoder.asked == 0


def test_of_two_at_once_in_one_folder_the_second_changes_nothing(tmp_path, encoder):
    folder = ready(ARTICLES, encoder, tmp_path / "ready")
    before = {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    with alone(folder), pytest.raises(BlockingIOError, match="another process"):
        ready(ARTICLES[:1], encoder, folder)
    assert {file: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before


def test_an_introduction_of_an_unknown_source_is_refused_with_the_sources_there_are(tmp_path, encoder):
    with pytest.raises(PreparedError, match=r"names nosuch, which is not a source .* sources are blog, news"):
        prepare(ARTICLES, encoder, "tiny", "lexical", tmp_path / "ready", introductions=["news", "nosuch"])


@pytest.mark.parametrize("there", [(), ("about.json",), ("about.json", "rows.f32")])
def test_targets_that_a_kill_left_without_an_index_are_made(tmp_path, encoder, there):
    prepare(ARTICLES, encoder, "encoder", "lexical", tmp_path / "ready")
    (place,) = (tmp_path / "ready" / "targets").iterdir()
    for file in list(place.iterdir()):
        if file.name not in there:
            file.unlink()
    prepare(ARTICLES, encoder, "encoder", "lexical", tmp_path / "ready")
    assert len(load(tmp_path / "ready", "lexical")[1]) == len(ARTICLES)


def test_a_closeness_that_is_not_known_is_refused_before_anything_is_written(tmp_path, encoder):
    with pytest.raises(ValueError, match="bogus"):
        prepare(ARTICLES, encoder, "encoder", "bogus", tmp_path / "ready")
    assert not (tmp_path / "ready").exists()


def test_targets_are_found_under_every_spelling_and_in_folders_of_earlier_versions(tmp_path, encoder):
    folder = ready(ARTICLES, encoder, tmp_path / "ready", "blend")
    add_targets(folder, "lexical+oracle")
    add_targets(folder, "0.5*lexical + 0.5*oracle")
    assert [place.name for place in (folder / "targets").iterdir()] == ["blend-3205163f"]  # as it always was
    for name in ("blend", "oracle + lexical"):
        assert len(load(folder, name)[1]) == 3
    add_targets(folder, "0.30*lexical+0.7*oracle")
    assert len(list((folder / "targets").glob("0.7xoracle+0.3xlexical-*"))) == 1
