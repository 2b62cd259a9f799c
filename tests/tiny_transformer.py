"""A SentenceTransformer of one layer and 32 dimensions, with random but fixed weights."""

from pathlib import Path

import torch

from tests.tiny import WORDS

MAX_TOKENS = 16


def make_sentence_transformer(folder: Path, *, seed: int = 0, activation: str = "gelu") -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    parts = folder.parent / f"{folder.name}-parts"
    parts.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS[1:]]
    (parts / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab=str(parts / "vocab.txt")).save_pretrained(parts)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            hidden_act=activation,
            max_position_embeddings=MAX_TOKENS,
        )
        BertModel(config).save_pretrained(parts)
    transformer = Transformer(str(parts), max_seq_length=MAX_TOKENS)
    model = SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_embedding_dimension())], device="cpu"
    )
    model.save(str(folder), create_model_card=False)
    return folder
