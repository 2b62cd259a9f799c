import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from summarizer import CheckpointDamaged, CheckpointNotFound
from summarizer.encoder import StaticEncoder
from tests.tiny import DIMENSION, WORDS, make_encoder_folder

SENTENCES = ["The council cut the budget.", "", "zzz qqq", "River! River! River!", "😀 naïve مرحبا \x00"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder_folder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> StaticEncoder:
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
        ({"weights": torch.zeros(40, 3)}, "embedding.weight alone; found \\['weights'\\]"),
        ({"embedding.weight": torch.zeros(40)}, r"shape \(40,\)"),
        ({"embedding.weight": torch.zeros(40, 3, dtype=torch.int8)}, "int8"),
    ],
)
def test_a_table_of_another_kind_is_refused(tmp_path, tensors, message):
    folder = make_encoder_folder(tmp_path)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointDamaged, match=message):
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
