"""Is a token table that is trained with the network better than the distilled one that stays as it is?

python benchmarks/end_to_end.py PREPARED [--epochs 12] [--table-rate 3e-4] [--sources bbc=0.2,xsum=0.5,ami=0]

PREPARED was made by ``training prepare`` with a static encoder. The same network is fitted twice, from the
same seed with the same batches, by AdamW with a rate of 1e-3 that falls to 0; the table stays frozen, or is
trained at its own rate. Prints the validation loss after each epoch, and the mean ROUGE-2 F1 of the best
epoch over validation articles. ``--sources`` are weights as in ``training fit``. One thread.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from summarizer.batching import batches_under_budget
from summarizer.model import ModelConfig, position_features
from summarizer.options import SummaryOptions
from summarizer.selection import select
from training.config import FitConfig
from training.evaluation import summary_sentences
from training.losses import Total, binary_cross_entropy
from training.metrics import RougeMeter
from training.network import Network, PaddedBatch, pad
from training.prepared import PreparedArticle, load
from training.runs import by_split

STEPS = 1024
RATE = 1e-3


class Tokenized(NamedTuple):
    """An article of T sentences with N tokens.

    :ivar tokens: shape (N,). :ivar starts: shape (T,), where each sentence begins in it.
    """

    article: PreparedArticle
    tokens: Tensor
    starts: Tensor


class EndToEnd(nn.Module):
    """Tokens to outputs: the mean of a sentence's rows, then the network of the project."""

    def __init__(self, table: Tensor, config: ModelConfig, *, trained: bool) -> None:
        super().__init__()
        self.table = nn.Parameter(table.clone(), requires_grad=trained)
        self.network = Network(config)

    def forward(self, batch: Sequence[Tokenized]) -> tuple[Tensor, PaddedBatch]:
        """:returns: shape (B, T), and the batch that it is of."""
        lengths = [len(article.starts) for article in batch]
        shifts = np.cumsum([0, *(len(article.tokens) for article in batch)])
        vectors = nn.functional.embedding_bag(
            torch.cat([article.tokens for article in batch]),
            self.table,
            torch.cat([article.starts + int(shift) for article, shift in zip(batch, shifts, strict=False)]),
            mode="mean",
        )
        features = pad(
            [np.hstack([one.article.features, position_features(len(one.starts))]) for one in batch]
        )
        padded = nn.utils.rnn.pad_sequence(list(torch.split(vectors, lengths)), batch_first=True)
        whole = PaddedBatch(torch.cat([padded, features.vectors], dim=2), features.lengths)
        return self.network(whole), whole


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--table-rate", type=float, default=3e-4)
    parser.add_argument("--sources", default="")
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    weights = FitConfig(weights=parsed.sources).weight_by_source()
    manifest, articles = load(parsed.prepared, "blend")
    folder = Path(manifest.encoder)
    table = load_file(folder / "model.safetensors")["embedding.weight"].float()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    splits = {
        name: [_tokenized(one, tokenizer) for one in found if weights.get(one.source, 1.0)]
        for name, found in by_split(articles).items()
        if name != "test"
    }
    print("| table | validation loss by epoch | best | R-2 |\n| --- | --- | ---: | ---: |")
    for trained in (False, True):
        torch.manual_seed(0)
        model = EndToEnd(table, ModelConfig(dimension=manifest.dimension), trained=trained)
        losses, rouge = _fitted(model, splits["train"], splits["validation"], weights, parsed)
        name = f"trained at {parsed.table_rate:g}" if trained else "frozen"
        shown = " ".join(f"{loss:.4f}" for loss in losses)
        print(f"| {name} | {shown} | {min(losses):.4f} | {rouge:.2f} |", flush=True)


def _fitted(
    model: EndToEnd,
    training: Sequence[Tokenized],
    validation: Sequence[Tokenized],
    weights: dict[str, float],
    parsed: argparse.Namespace,
) -> tuple[list[float], float]:
    groups = [{"params": list(model.network.parameters()), "lr": RATE, "weight_decay": 1e-2}]
    if model.table.requires_grad:
        groups.append({"params": [model.table], "lr": parsed.table_rate, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups)
    generator = np.random.default_rng(0)
    losses: list[float] = []
    best: dict[str, Tensor] = {}
    for epoch in range(parsed.epochs):
        model.train()
        batches = _batches(training, generator)
        for step, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group.setdefault("first", group["lr"])
                group["lr"] = group["first"] * (1 - (epoch + step / len(batches)) / parsed.epochs)
            loss = _loss(model, batch, weights)
            optimizer.zero_grad(set_to_none=True)
            loss.mean.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            found = [_loss(model, batch, weights) for batch in _batches(validation, None)]
        losses.append(sum(one.sum.item() for one in found) / sum(one.weight.item() for one in found))
        if losses[-1] == min(losses):
            best = copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    return losses, _rouge(model, validation)


def _loss(model: EndToEnd, batch: Sequence[Tokenized], weights: dict[str, float]) -> Total:
    outputs, whole = model(batch)
    targets = pad([np.array(one.article.targets[:, None]) for one in batch]).vectors.squeeze(2)
    of_article = torch.tensor([weights.get(one.article.source, 1.0) for one in batch])
    return binary_cross_entropy(outputs, targets, whole.mask * of_article[:, None])


@torch.inference_mode()
def _rouge(model: EndToEnd, articles: Sequence[Tokenized]) -> float:
    meter, found = RougeMeter(), []
    for one in articles:
        scores = torch.sigmoid(model([one])[0])[0].double().numpy()
        article = one.article
        count = summary_sentences(article.source)
        chosen = select(scores, article.sentences, article.vectors, SummaryOptions(sentences=count))
        texts = [article.sentences[place] for place in chosen]
        found.append(100 * meter.score(texts, article.quotes).rouge2)
    return float(np.mean(found))


def _batches(articles: Sequence[Tokenized], generator: np.random.Generator | None) -> list[list[Tokenized]]:
    lengths = np.array([len(article.starts) for article in articles], np.float64)
    if generator is not None:
        lengths *= generator.uniform(0.9, 1.1, len(lengths))
    batches = [
        [articles[index] for index in batch] for batch in batches_under_budget(lengths.tolist(), STEPS)
    ]
    if generator is not None:
        generator.shuffle(batches)
    return batches


def _tokenized(article: PreparedArticle, tokenizer: Tokenizer) -> Tokenized:
    encoded = tokenizer.encode_batch_fast(list(article.sentences), add_special_tokens=False)
    counts = [len(found.ids) for found in encoded]
    return Tokenized(
        article,
        torch.tensor([token for found in encoded for token in found.ids], dtype=torch.long),
        torch.tensor(np.cumsum([0, *counts])[:-1], dtype=torch.long),
    )


if __name__ == "__main__":
    main()
