"""Small SentenceTransformers with random but fixed weights."""

from pathlib import Path
from typing import Any

import torch

from tests.tiny import WORDS

MAX_TOKENS = 16


def make_sentence_transformer(folder: Path, *, seed: int = 0, kind: str = "bert", **settings: Any) -> Path:
    """Save a model of one layer and 32 dimensions, with a limit of 16 tokens.

    :param kind: as transformers names architectures.
    :param settings: of its configuration.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoConfig, AutoModel, BertTokenizerFast

    parts = folder.parent / f"{folder.name}-parts"
    parts.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS[1:]]
    (parts / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab=str(parts / "vocab.txt")).save_pretrained(parts)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = AutoConfig.for_model(
            kind,
            **{
                "vocab_size": len(vocabulary),
                "hidden_size": 32,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 32,
                "max_position_embeddings": MAX_TOKENS,
                "pad_token_id": 0,
                **settings,
            },
        )
        AutoModel.from_config(config).save_pretrained(parts)
    transformer = Transformer(str(parts), max_seq_length=MAX_TOKENS)
    model = SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_embedding_dimension())], device="cpu"
    )
    model.save(str(folder), create_model_card=False)
    return folder
