import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

import summarizer.token_ids
from summarizer import CheckpointDamaged, CheckpointNotFound, compiled
from summarizer.encoder import StaticEncoder, read_table
from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.token_ids import TokenIds
from summarizer.words import EUROPEAN_CODE_POINTS, hashes_of
from tests.tiny import DIMENSION, WORDS, make_encoder_folder

pytestmark = pytest.mark.usefixtures("both_ways")

SENTENCES = ["The council cut the budget.", "", "zzz qqq", "River! River! River!", "😀 naïve مرحبا \x00"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder_folder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(both_ways, folder: Path) -> StaticEncoder:
    return StaticEncoder.load(folder, "tiny")


def test_a_sentence_is_the_mean_of_its_token_rows(encoder, folder):
    table = load_file(folder / "model.safetensors")["embedding.weight"].float().numpy()
    vector = encoder.encode(["The river!"]).vectors[0]
    np.testing.assert_allclose(
        vector, table[[WORDS.index("the"), WORDS.index("river"), WORDS.index("!")]].mean(0), rtol=1e-6
    )


def test_vectors_are_float32_rows_and_nothing_is_truncated(encoder):
    encoded = encoder.encode(SENTENCES)
    assert encoded.vectors.shape == (len(SENTENCES), DIMENSION)
    assert encoded.vectors.dtype == np.float32
    assert np.isfinite(encoded.vectors).all()
    assert not encoded.truncated.any()
    assert (encoded.vectors[1] == 0).all()


def test_the_same_sentence_has_the_same_vector_in_any_company(encoder):
    together = encoder.encode(SENTENCES).vectors
    for row, sentence in zip(together, SENTENCES, strict=True):
        assert (encoder.encode([sentence]).vectors[0] == row).all()


def test_no_sentences_give_no_vectors(encoder):
    assert encoder.encode([]).vectors.shape == (0, DIMENSION)


def test_a_very_long_sentence_is_read_to_its_end(encoder):
    long = "the " * 20_000
    assert not np.allclose(encoder.encode([long]).vectors, encoder.encode([long + "river " * 20_000]).vectors)


def test_the_digest_follows_the_weights_and_the_tokenizer(encoder, tmp_path):
    same = StaticEncoder.load(make_encoder_folder(tmp_path / "same"), "other name")
    other = StaticEncoder.load(make_encoder_folder(tmp_path / "other", seed=5), "tiny")
    assert same.digest == encoder.digest != other.digest


AWKWARD = [
    "",
    " ",
    "  two  spaces ",
    "a\tb\nc\u00a0d\u2003e\u2028f\x1cg\x85h",
    "na\u0308ive A\u0301 \u0301 mark",
    "[CLS] and[SEP] [MASK]ed [UNK]",
    "你好 world мир مرحبا 😀👍🏽",
    "x" * 5000,
    "\x00 \ufffd \ud7ff",
    "don't (can't) 3.5% U.S.A. “quote”—dash…",
]


@pytest.fixture(scope="module")
def shipped(both_ways) -> tuple[StaticEncoder, Tokenizer, np.ndarray]:
    folder = DEFAULT_CHECKPOINT / "encoder"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    table = load_file(folder / "model.safetensors")["embedding.weight"].float().numpy()
    return StaticEncoder.load(folder, "shipped"), tokenizer, table


@given(st.lists(st.text(max_size=40) | st.sampled_from(AWKWARD), max_size=5))
def test_words_that_are_looked_up_have_the_tokens_of_the_whole_sentence(shipped, sentences):
    encoder, tokenizer, table = shipped
    for _ in range(2):  # the second time they are known
        vectors = encoder.encode(sentences).vectors
        for sentence, vector in zip(sentences, vectors, strict=True):
            ids = tokenizer.encode(sentence, add_special_tokens=False).ids
            expected = table[ids].mean(axis=0) if ids else np.zeros(encoder.dimension)
            np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-5)


def test_every_character_is_read_as_the_tokenizer_reads_it(shipped):
    encoder, tokenizer, _ = shipped
    characters = [chr(code_point) for code_point in {*EUROPEAN_CODE_POINTS, *range(0x600), 0x3042, 0xFEFF}]
    sentences = [f"a{one}b {one} Zqx{one}zz {one}. ç{one}" for one in characters]
    for sentence, found in zip(sentences, encoder._token_ids.of(sentences).rows(), strict=True):
        assert found.tolist() == tokenizer.encode(sentence, add_special_tokens=False).ids, sentence


def bert(*added: AddedToken, **settings: bool) -> Tokenizer:
    words = [
        "[UNK]",
        "[SEP]",
        "the",
        "Der",
        "der",
        "ö",
        "o",
        "z",
        "##orbl",
        "##ö",
        "##rbl",
        "quux",
        "(",
        ")",
        "é",
    ]
    tokenizer = Tokenizer(models.WordPiece({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**settings)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_tokens([AddedToken("[SEP]", normalized=False), *added])
    return tokenizer


@pytest.mark.parametrize(
    "settings", [{}, {"strip_accents": False}, {"lowercase": False}, {"clean_text": False}], ids=str
)
@pytest.mark.parametrize("added", ["", "zorbl", "zorbl quux", "<x>"])
@pytest.mark.parametrize("normalized", [True, False])
def test_tokenizers_of_other_settings_are_followed_too(settings, added, normalized):
    tokens = [AddedToken(added, normalized=normalized)] if added else []
    tokenizer = bert(*tokens, **settings)
    words = [
        "zorbl",
        "Zorbl",
        "zörbl",
        "o\u0308",
        "Der",
        "the",
        "(quux)",
        "[SEP]",
        "<x>",
        "\t",
        "\x00",
        "é",
        "€",
    ]
    sentences = [" ".join(pair) for pair in product(words, words)] + ["zorbl (quux) zorbl", "thezorbl quux"]
    for some in (sentences, sentences[::-1], sentences[:1]):
        for sentence, found in zip(some, TokenIds(tokenizer).of(some).rows(), strict=True):
            assert found.tolist() == tokenizer.encode(sentence, add_special_tokens=False).ids, sentence


def test_a_vocabulary_may_begin_with_a_word_and_hold_longer_ones_than_its_tokenizer_reads():
    rows = {"the": 0, "[UNK]": 1, "council": 2, "cut": 3}
    tokenizer = Tokenizer(models.WordPiece(rows, unk_token="[UNK]", max_input_chars_per_word=5))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    found = TokenIds(tokenizer).of(["The council cut", "the"]).rows()
    assert [ids.tolist() for ids in found] == [[0, 1, 3], [0]]


def test_a_word_that_was_made_to_share_a_hash_changes_nothing_for_other_articles(shipped):
    encoder, tokenizer, _ = shipped
    made, name = "krjlwttfocssfuednkekfjnk", "zelenskyy"
    assert len(set(hashes_of([made, name]).tolist())) == 1
    for sentences in ([made], [f"{made} spoke.", f"{name} spoke."], [name]):
        for sentence, found in zip(sentences, encoder._token_ids.of(sentences).rows(), strict=True):
            assert found.tolist() == tokenizer.encode(sentence, add_special_tokens=False).ids


def test_what_is_remembered_of_words_is_bounded(shipped, monkeypatch):
    monkeypatch.setattr(compiled, "kernels", None)
    monkeypatch.setattr(summarizer.token_ids, "_MOST_WORDS", 100)
    encoder = StaticEncoder.load(DEFAULT_CHECKPOINT / "encoder", "shipped")
    for number in range(1000):
        sentences = [f"the unheardof{number} würde{number}"]
        np.testing.assert_array_equal(encoder.encode(sentences).vectors, shipped[0].encode(sentences).vectors)
    assert len(encoder._token_ids._words._remembered) == 100


def test_a_word_that_is_longer_than_any_is_not_remembered(shipped, monkeypatch):
    monkeypatch.setattr(compiled, "kernels", None)
    encoder, tokenizer, _ = shipped
    for word in ("zq" * 50, "zq" * 50 + "z", "q" * 500_000):
        sentence = f"The {word} word."
        for found in encoder._token_ids.of([sentence, sentence]).rows():
            assert found.tolist() == tokenizer.encode(sentence, add_special_tokens=False).ids
        assert (word in encoder._token_ids._words._remembered) == (len(word) == 100)


def test_threads_share_what_is_remembered(shipped, monkeypatch):
    monkeypatch.setattr(summarizer.token_ids, "_MOST_WORDS", 30)
    encoder = StaticEncoder.load(DEFAULT_CHECKPOINT / "encoder", "shipped")
    sentences = [f"the river number {number} rose to {number + 7} feet" for number in range(200)]
    expected = shipped[0].encode(sentences).vectors
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: encoder.encode(sentences).vectors, range(40)):
            np.testing.assert_array_equal(found, expected)


def test_a_table_too_short_for_its_tokenizer_is_refused(tmp_path):
    folder = make_encoder_folder(tmp_path)
    save_file({"embedding.weight": torch.zeros(3, DIMENSION)}, folder / "model.safetensors")
    with pytest.raises(
        CheckpointDamaged, match=rf"token id {len(WORDS) - 1}, but embedding.weight has only 3 rows"
    ):
        StaticEncoder.load(folder, "tiny")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weights": torch.zeros(40, 3)}, "contain only the tensor embedding.weight; found \\['weights'\\]"),
        ({"embedding.weight": torch.zeros(40)}, r"shape \(40,\)"),
        ({"embedding.weight": torch.zeros(40, 3, dtype=torch.int8)}, "int8"),
    ],
)
def test_a_table_of_another_kind_is_refused(tmp_path, tensors, message):
    folder = make_encoder_folder(tmp_path)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointDamaged, match=message):
        StaticEncoder.load(folder, "tiny")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_table_may_hold_floats_of_any_kind(tmp_path, kind):
    folder = make_encoder_folder(tmp_path)
    table = torch.randn(len(WORDS), DIMENSION).to(kind)
    save_file({"embedding.weight": table}, folder / "model.safetensors")
    np.testing.assert_array_equal(read_table(folder / "model.safetensors"), table.float().numpy())


def test_numbers_of_an_unknown_kind_are_refused_by_name(tmp_path):
    folder = make_encoder_folder(tmp_path)
    table = torch.zeros(len(WORDS), DIMENSION).to(torch.float8_e4m3fn)
    save_file({"embedding.weight": table}, folder / "model.safetensors")
    with pytest.raises(
        CheckpointDamaged, match=r"tensor embedding\.weight has the data type F8_E4M3; supported are"
    ):
        StaticEncoder.load(folder, "tiny")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_unreadable_and_missing_files_are_named(tmp_path, name):
    folder = make_encoder_folder(tmp_path)
    (folder / name).write_bytes(b"{")
    with pytest.raises(CheckpointDamaged, match=name):
        StaticEncoder.load(folder, "tiny")
    (folder / name).unlink()
    with pytest.raises(CheckpointNotFound, match=name):
        StaticEncoder.load(folder, "tiny")


def test_truncation_and_padding_of_the_tokenizer_file_are_switched_off(tmp_path):
    folder = make_encoder_folder(tmp_path)
    settings = json.loads((folder / "tokenizer.json").read_text())
    settings["truncation"] = {"max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    settings["padding"] = {
        "strategy": {"Fixed": 9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 1,
        "pad_type_id": 0,
        "pad_token": ".",
    }
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    plain = StaticEncoder.load(make_encoder_folder(tmp_path / "plain"), "plain")
    np.testing.assert_array_equal(
        StaticEncoder.load(folder, "tiny").encode(SENTENCES).vectors, plain.encode(SENTENCES).vectors
    )
