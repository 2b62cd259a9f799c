"""The training loop: knows batches and a network, nothing of text."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from summarizer.batching import batches_under_budget
from summarizer.model import ModelConfig, PaddedBatch, SentenceScorer, pad
from training.prepared import PreparedArticle


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How the network is trained.

    :ivar seed: of the first weights, the batches and the dropout.
    :ivar epochs: most passes over the training articles.
    :ivar patience: passes without a better validation loss before it stops.
    :ivar learning_rate: of Adam.
    :ivar weight_decay: L2 penalty (decoupled, as in AdamW).
    :ivar batch_steps: padded timesteps in a batch.
    :ivar clip: highest norm of the gradient.
    """

    seed: int = 0
    epochs: int = 30
    patience: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_steps: int = 1024
    clip: float = 1.0


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training articles came to: mean binary cross-entropy a sentence."""

    number: int
    training_loss: float
    validation_loss: float


def fit(
    training: Sequence[PreparedArticle],
    validation: Sequence[PreparedArticle],
    model: ModelConfig,
    config: FitConfig,
) -> tuple[SentenceScorer, list[Epoch]]:
    """Train until the validation loss stops falling, on the GPU where there is one.

    :returns: the network of the best epoch, on the CPU, and the history.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(config.seed)
    generator = np.random.default_rng(config.seed)
    scorer = SentenceScorer(model).to(device)
    optimizer = torch.optim.AdamW(
        scorer.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    best, best_loss, history = copy.deepcopy(scorer.state_dict()), float("inf"), list[Epoch]()
    progress = tqdm(range(1, config.epochs + 1), desc="fit", unit="epoch")
    for number in progress:
        training_loss = _train_epoch(
            scorer, optimizer, _batches(training, config.batch_steps, generator), config
        )
        validation_loss = mean_loss(scorer, validation, config.batch_steps)
        history.append(Epoch(number, training_loss, validation_loss))
        progress.set_postfix(training=f"{training_loss:.4f}", validation=f"{validation_loss:.4f}")
        if validation_loss < best_loss:
            best, best_loss = copy.deepcopy(scorer.state_dict()), validation_loss
        elif number - min(history, key=lambda epoch: epoch.validation_loss).number >= config.patience:
            break
    scorer.load_state_dict(best)
    return scorer.cpu().eval(), history


def masked_bce(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy over real sentences; padding is in neither the sum nor the count.

    Its minimum for soft targets is reached where the score is the expected target, which is what a
    score is meant to be.

    :param logits: shape (B, T).
    :param targets: shape (B, T), in [0, 1].
    :param mask: shape (B, T), bool.
    """
    losses = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")  # (B, T)
    return torch.where(mask, losses, 0.0).sum() / mask.sum()


@torch.inference_mode()
def mean_loss(scorer: SentenceScorer, articles: Sequence[PreparedArticle], batch_steps: int) -> float:
    """Binary cross-entropy a sentence over all articles, in evaluation mode."""
    scorer.eval()
    device = scorer.head.weight.device
    total, count = 0.0, 0
    for batch in _batches(articles, batch_steps, None):
        vectors, targets = _tensors(batch, device)
        sentences = int(vectors.lengths.sum())
        total += float(masked_bce(scorer(vectors), targets, vectors.mask)) * sentences
        count += sentences
    return total / count


def _train_epoch(
    scorer: SentenceScorer,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[list[PreparedArticle]],
    config: FitConfig,
) -> float:
    scorer.train()
    device = scorer.head.weight.device
    total, count = 0.0, 0
    for batch in batches:
        vectors, targets = _tensors(batch, device)
        loss = masked_bce(scorer(vectors), targets, vectors.mask)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(scorer.parameters(), config.clip)
        optimizer.step()
        sentences = int(vectors.lengths.sum())
        total += loss.item() * sentences
        count += sentences
    return total / count


def _tensors(batch: Sequence[PreparedArticle], device: torch.device) -> tuple[PaddedBatch, Tensor]:
    """:returns: the vectors (B, T, D) and the targets (B, T) on the device."""
    vectors = pad([np.array(article.vectors) for article in batch])
    targets = pad([article.targets[:, None] for article in batch]).vectors.squeeze(2)
    return PaddedBatch(vectors.vectors.to(device), vectors.lengths), targets.to(device)


def _batches(
    articles: Sequence[PreparedArticle], steps: int, generator: np.random.Generator | None
) -> Iterator[list[PreparedArticle]]:
    """Articles of similar length together, about so many timesteps; shuffled if there is a generator."""
    lengths = np.array([len(article.targets) for article in articles], dtype=np.float64)
    if generator is not None:
        lengths *= generator.uniform(0.9, 1.1, len(lengths))  # other neighbours in each epoch
    batches = list(batches_under_budget(lengths.tolist(), steps))
    if generator is not None:
        generator.shuffle(batches)
    for batch in batches:
        yield [articles[index] for index in batch]
