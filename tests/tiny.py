"""A toy world: an encoder of 40 words in 12 dimensions, and an untrained network on top of it."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel

from summarizer import checkpoint
from summarizer.encoder import StaticEncoder
from summarizer.model import ModelConfig
from summarizer.rarity import Rarity
from training.network import Network

DIMENSION = 12
WORDS = (
    "[UNK] . , ! ? the a of to in and it was is he she they said that on for with as at by from"
    " city council vote budget river bridge school fire police storm people year million quote"
).split()

RARITY = Rarity(20, {"the": 20, "a": 18, "and": 17, "city": 6, "council": 4, "storm": 3})


def make_encoder_folder(folder: Path, *, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(WordLevel({word: row for row, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    table = torch.randn(len(WORDS), DIMENSION, generator=torch.Generator().manual_seed(seed))
    save_file({"embedding.weight": table.half()}, folder / "model.safetensors")
    return folder


def make_checkpoint(folder: Path, **model_settings: object) -> Path:
    """A checkpoint whose weights are random but fixed; its scores spread over most of [0, 1]."""
    encoder_folder = make_encoder_folder(folder.parent / f"{folder.name}-encoder")
    encoder = StaticEncoder.load(encoder_folder, "tiny-static")
    config = ModelConfig(**{"dimension": DIMENSION, "width": 8, **model_settings})  # type: ignore[arg-type]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = Network(config)
        with torch.no_grad():
            network.members[0].head.weight.mul_(8)
    checkpoint.save(
        folder,
        checkpoint.CheckpointConfig(
            name="tiny",
            version="0.0.1",
            model=config,
            encoder=checkpoint.EncoderConfig("static", encoder.name, encoder.digest),
            closeness="lexical",
            training={"seed": 1},
        ),
        network.weights(),
        encoder_folder=encoder_folder,
        rarity=RARITY if config.reads_rarity else None,
        metrics={"test": {"rouge1": 12.5}},
        card="# tiny\n",
    )
    return folder
