"""The training loop: knows batches and a network, nothing of text.

All randomness derives from the seed, the epoch, the step and the rank of the process, so on a CPU a fit that
was killed and resumed from its state file ends with the same weights as one that was not killed.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from summarizer.batching import batches_under_budget
from summarizer.drafts import draft_of_file
from summarizer.model import ModelConfig, network_input
from summarizer.options import SummaryOptions
from summarizer.selection import select
from training.config import FitConfig
from training.corpus import unknown_sources
from training.distributed import Processes
from training.errors import TrainingError
from training.kinds import fit_kinds, kind_by_source
from training.leaning import lean
from training.losses import LOSSES, ON_SCORES, Total, absolute_error
from training.metrics import RougeMeter, ndcg
from training.network import Network, PaddedBatch, pad
from training.prepared import PreparedArticle

# A kill loses at most this much work.
SECONDS_BETWEEN_SAVES = 30.0

# Settings that make no difference to a single fit.
_NOT_OF_ONE_FIT = frozenset({"restarts", "combine"})

# Which monitored metrics are better when they are higher.
_HIGHER_IS_BETTER = frozenset({"ndcg", "rouge2"})


class FitError(TrainingError):
    """A fit cannot start or continue; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The result of one pass over the training articles.

    :ivar training_loss: mean over the pass, with dropout, while the weights change.
    :ivar validation_loss: the same loss on the validation articles after the pass, without dropout.
    :ivar mae: mean absolute error of the scores; this and the next two on the validation articles.
    :ivar ndcg: of the ranking by score, with the targets as gains; mean over articles.
    :ivar rouge2: F1 of three selected sentences against the quotes; only if it is monitored.
    """

    number: int
    training_loss: float
    validation_loss: float
    mae: float
    ndcg: float
    rouge2: float | None = None

    def monitored(self, metric: str) -> float:
        """The monitored metric, with its sign changed if higher is better: the lower, the better."""
        value = self.validation_loss if metric == "loss" else float(getattr(self, metric))
        return -value if metric in _HIGHER_IS_BETTER else value


def best(history: Iterable[Epoch], metric: str) -> Epoch:
    """The epoch with the best monitored metric; of equal ones the first."""
    return min(history, key=lambda epoch: epoch.monitored(metric))


@dataclass(frozen=True, slots=True)
class Fitted:
    """:ivar network: of the best epoch, on the CPU. :ivar best: that epoch. :ivar history: all epochs."""

    network: Network
    best: Epoch
    history: Sequence[Epoch]


def fit(
    training: Sequence[PreparedArticle],
    validation: Sequence[PreparedArticle],
    model: ModelConfig,
    config: FitConfig,
    processes: Processes,
    *,
    state_file: Path | None = None,
    fingerprint: str = "",
    on_epoch: Callable[[Epoch], None] | None = None,
    show: bool = True,
) -> Fitted:
    """Train one network until the monitored metric stops improving.

    :param state_file: file from which a killed fit resumes; None for no such file.
    :param fingerprint: of the data; a state of other data or settings is refused.
    :param on_epoch: called after each epoch; an exception in it ends the fit.
    :param show: progress bars, in the first process.
    :raises FitError: no articles, a state file of another fit, or a loss that is not finite.
    """
    for name, articles in (("training", training), ("validation", validation)):
        if not articles:
            raise FitError(
                f"no {name} article: by their hash a tenth of the ids goes to validation and a tenth to test;"
                " give more articles"
            )
    weights, lead = config.weight_by_source(), config.lead_by_source()
    sources = {article.source for article in (*training, *validation)}
    for name, given in (("weights", weights), ("lead", lead), ("kinds", kind_by_source(config))):
        if unknown := unknown_sources(name, given, sources):
            raise FitError(unknown)
    recognized = [form for article in training for form in (article, article.littered) if form]
    training, validation = (
        [
            lean(article, lead.get(article.source, 0.0))
            for article in articles
            if weights.get(article.source, 1.0)
        ]
        for articles in (training, validation)
    )
    training += [article.littered for article in training if article.littered]
    if not (training and validation):
        raise FitError(
            "weights leaves no article for training or for validation; give a source a weight above 0"
        )
    shown = show and processes.first
    with _within_memory():
        fitting = _Fitting(training, validation, recognized, model, config, processes, fingerprint)
    if state_file and state_file.exists():
        fitting.restore(state_file)
    progress = tqdm(
        desc=f"fit, seed {config.seed}",
        unit="epoch",
        total=config.epochs,
        initial=len(fitting.history),
        disable=not shown,
    )
    with progress:
        while not fitting.finished:
            with _within_memory():
                epoch = fitting.run_epoch(state_file, shown)
            if on_epoch:
                on_epoch(epoch)
            progress.update()
            progress.set_postfix(
                training=f"{epoch.training_loss:.4f}", validation=f"{epoch.validation_loss:.4f}"
            )
    return fitting.result()


@contextmanager
def _within_memory() -> Iterator[None]:
    """PyTorch raises RuntimeError for it, which on the CPU only its text tells from others."""
    try:
        yield
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        said = str(error).splitlines()[0]
        raise FitError(f"out of memory: {said}; reduce width, layers or batch_steps") from error


class _Fitting:
    """A fit in progress. A state file contains weights, optimizer, place in the epoch and history."""

    def __init__(
        self,
        training: Sequence[PreparedArticle],
        validation: Sequence[PreparedArticle],
        recognized: Sequence[PreparedArticle],
        model: ModelConfig,
        config: FitConfig,
        processes: Processes,
        fingerprint: str,
    ) -> None:
        """:param recognized: from which the classifier of kinds learns, whatever their weight."""
        self.training, self.validation = training, validation
        self.config, self.processes = config, processes
        self.weight_by_source = config.weight_by_source()
        self.settings = {
            "model": asdict(model),
            "fit": {
                **{name: value for name, value in asdict(config).items() if name not in _NOT_OF_ONE_FIT},
                "device": processes.device.type,
            },
            "processes": processes.count,
            "data": fingerprint,
        }
        torch.manual_seed(config.seed)
        self.kinds = kind_by_source(config)
        self.network = Network(model)
        fit_kinds(self.network, recognized, config)
        self.network.to(processes.device)
        self.wrapped = processes.wrap(self.network)
        self.average = _average(self.network, config.average) if config.average else None
        self.optimizer = _optimizer(self.network, config)
        self.history: list[Epoch] = []
        self.best_weights: Mapping[str, Tensor] = {}
        self.step = 0
        self.so_far = Total(torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64))
        self.rouge = RougeMeter()

    @property
    def kept(self) -> Network:
        """The network to validate and keep: the one that is trained, or the average of its past weights."""
        return self.network if self.average is None else cast(Network, self.average.module)

    @property
    def best(self) -> Epoch:
        return best(self.history, self.config.monitor)

    @property
    def finished(self) -> bool:
        done = len(self.history)
        return done >= self.config.epochs or (done > 0 and done - self.best.number >= self.config.patience)

    def result(self) -> Fitted:
        self.network.load_state_dict(self.best_weights)
        return Fitted(self.network.cpu().eval(), self.best, tuple(self.history))

    def run_epoch(self, state_file: Path | None, shown: bool) -> Epoch:
        """Train from the current step to the end of the epoch, then validate."""
        number = len(self.history) + 1
        shares = list(_shares(self.training, self.config, number, self.processes))
        saved = time.monotonic()
        steps = tqdm(
            range(self.step, len(shares)),
            desc=f"epoch {number}",
            leave=False,
            disable=not shown,
        )
        for step in steps:
            self._train(shares[step], number, step, len(shares))
            if state_file and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                self.save(state_file)
                saved = time.monotonic()
        epoch = self._validate(number, self.so_far.mean.item())
        self.history.append(epoch)
        if self.best is epoch:
            self.best_weights = copy.deepcopy(self.kept.state_dict())
        self.step, self.so_far = 0, Total(self.so_far.sum * 0, self.so_far.weight * 0)
        if state_file:
            self.save(state_file)
        return epoch

    def _train(self, batch: Sequence[PreparedArticle] | None, epoch: int, step: int, steps: int) -> None:
        """One step; a process without a batch takes part with weight 0."""
        self.wrapped.train()
        _seed(self.config.seed, epoch, step, self.processes.rank)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * _factor(self.config, (epoch - 1 + (step + 1) / steps))
        batch, weight = (batch, 1.0) if batch else (self.training[:1], 0.0)
        found = self._loss(batch, *self._outputs(self.wrapped, batch))
        # Gradients are averaged over the processes; this makes it the mean over all their sentences.
        total = self.processes.sum(found.weight.float() * weight)
        loss = Total(found.sum * weight * self.processes.count, total).mean
        if self.config.l1:
            loss = loss + self.config.l1 * sum(matrix.abs().sum() for matrix in _matrices(self.network))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.step = step + 1
        added = self.processes.sum(found.sum * weight).double().cpu()
        if not added.isfinite():
            raise FitError(f"the loss is {added.item()} in epoch {epoch}; lower learning_rate or set clip")
        self.so_far = Total(self.so_far.sum + added, self.so_far.weight + total.double().cpu())

    @torch.inference_mode()
    def _validate(self, number: int, training_loss: float) -> Epoch:
        """Each process validates its share of the articles; then the sums are added up."""
        self.kept.eval()
        self.processes.broadcast_buffers(self.kept)
        mine = self.validation[self.processes.rank :: self.processes.count]
        sums = torch.zeros(8, dtype=torch.float64)  # pairs of sum and count: loss, error, nDCG, ROUGE-2
        for batch in _batches(mine, self.config.batch_steps, None):
            outputs, targets, mask = self._outputs(self.kept, batch)
            loss = self._loss(batch, outputs, targets, mask)
            scores = self.network.activate(outputs).clamp(0, 1)
            error = absolute_error(scores, targets, mask.float())
            sums[:4] += torch.stack([loss.sum, loss.weight, error.sum, error.weight]).double().cpu()
            for article, row in zip(batch, scores.double().cpu().numpy(), strict=True):
                sums[4:] += torch.tensor(
                    self._ranking(article, row[: len(article.targets)]), dtype=torch.float64
                )
        sums = self.processes.sum(sums.to(self.processes.device, torch.float64)).cpu()
        if not sums.isfinite().all():
            raise FitError(
                f"the validation loss is not finite in epoch {number}; lower learning_rate or set clip"
            )
        means = Total(sums[::2], sums[1::2]).mean.tolist()
        rouge2 = means[3] if self.config.monitor == "rouge2" else None
        return Epoch(number, training_loss, means[0], means[1], means[2], rouge2)

    def _outputs(self, network: nn.Module, batch: Sequence[PreparedArticle]) -> tuple[Tensor, Tensor, Tensor]:
        """:returns: outputs of the head, targets and mask, each of shape (B, T)."""
        vectors, targets = self._tensors(batch)
        with torch.autocast(
            self.processes.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"
        ):
            outputs = network(vectors)
        return outputs.float(), targets, vectors.mask

    def _tensors(self, batch: Sequence[PreparedArticle]) -> tuple[PaddedBatch, Tensor]:
        """:returns: the input of the network and the targets (B, T), on the device."""
        model, device = self.network.config, self.processes.device
        vectors = pad(
            [
                network_input(article.vectors, article.features, model, self.kinds.get(article.source))
                for article in batch
            ]
        )
        targets = pad([np.array(article.targets[:, None]) for article in batch]).vectors.squeeze(2)
        return PaddedBatch(vectors.vectors.to(device), vectors.lengths), targets.to(device)

    def _loss(
        self, batch: Sequence[PreparedArticle], outputs: Tensor, targets: Tensor, mask: Tensor
    ) -> Total:
        if self.config.loss in ON_SCORES:
            outputs = self.network.activate(outputs)
        return LOSSES[self.config.loss](outputs, targets, self._weights(batch, mask))

    def _weights(self, batch: Sequence[PreparedArticle], mask: Tensor) -> Tensor:
        """Weight of each sentence in the loss: shape (B, T), 0 at padding."""
        of_article = [self.weight_by_source.get(article.source, 1.0) for article in batch]
        weights = mask * mask.new_tensor(of_article, dtype=torch.float32)[:, None]
        return weights / mask.sum(dim=1, keepdim=True) if self.config.counted == "article" else weights

    def _ranking(self, article: PreparedArticle, scores: Any) -> list[float]:
        """Sum and count of nDCG and of ROUGE-2 for one article."""
        gain = ndcg(scores, article.targets.astype(np.float64))
        found = [0.0, 0.0] if math.isnan(gain) else [gain, 1.0]
        if self.config.monitor != "rouge2":
            return [*found, 0.0, 0.0]
        chosen = select(scores, article.sentences, article.vectors, SummaryOptions())
        rouge = self.rouge.score([article.sentences[index] for index in chosen], article.quotes)
        return [*found, rouge.rouge2, 1.0]

    def save(self, file: Path) -> None:
        """Replace the state file; a kill meanwhile leaves the old one."""
        if self.processes.first:
            file.parent.mkdir(parents=True, exist_ok=True)
            state = {
                "settings": self.settings,
                "weights": self.network.state_dict(),
                "best_weights": dict(self.best_weights),
                "average": {} if self.average is None else self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "history": [asdict(epoch) for epoch in self.history],
                "step": self.step,
                "so_far": list(self.so_far),
            }
            with draft_of_file(file) as draft:
                try:
                    torch.save(state, draft)
                except RuntimeError as error:  # raised by PyTorch for a full disk
                    raise OSError(f"{file} cannot be written; is the disk full? {error}") from error

    def restore(self, file: Path) -> None:
        """:raises FitError: the file is damaged, or a state of another fit."""
        try:
            state = torch.load(file, map_location=self.processes.device, weights_only=True)
            settings = state["settings"]
        except Exception as error:  # torch.load raises nearly anything for a damaged file
            raise FitError(
                f"{file} cannot be read as the state of a fit: {error}; remove it to start over"
            ) from error
        for part, expected in self.settings.items():
            if settings.get(part) != expected:
                raise FitError(
                    f"{file} is the state of another fit: {part} was {settings.get(part)}, is {expected};"
                    " name another folder, or remove it to start over"
                )
        self.network.load_state_dict(state["weights"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_weights = state["best_weights"]
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.step = state["step"]
        self.so_far = Total(*(value.cpu() for value in state["so_far"]))


def _average(network: Network, decay: float) -> AveragedModel:
    """The exponential moving average of a network's weights, beginning at the first step.

    The decay of step n is at most (1 + n) / (10 + n), so that the random weights of the beginning are soon
    forgotten, as in TensorFlow's ``ExponentialMovingAverage``.
    """

    def update(average: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        return torch.lerp(now, average, min(decay, (1 + int(steps)) / (10 + int(steps))))

    return AveragedModel(network, avg_fn=update)


def _optimizer(network: Network, config: FitConfig) -> torch.optim.Optimizer:
    """Weight decay applies to matrices, not to biases and normalization."""
    matrices = _matrices(network)
    others = [parameter for parameter in network.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.l2}, {"params": others, "weight_decay": 0.0}]
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    optimizer: torch.optim.Optimizer = kinds[config.optimizer](groups, lr=config.learning_rate)
    return optimizer


def _matrices(network: Network) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.ndim >= 2]


def _factor(config: FitConfig, epochs_done: float) -> float:
    """Factor of the learning rate, in [0, 1]."""
    progress = epochs_done / config.epochs
    if progress < config.warmup:
        return progress / config.warmup
    left = (1 - progress) / (1 - config.warmup)
    if config.schedule == "linear":
        return left
    return (1 - math.cos(math.pi * left)) / 2 if config.schedule == "cosine" else 1.0


def _seed(*numbers: int) -> None:
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def _shares(
    articles: Sequence[PreparedArticle], config: FitConfig, epoch: int, processes: Processes
) -> Iterator[list[PreparedArticle] | None]:
    """The batches of this process in one epoch; the last is None if there is none left for it."""
    batches = list(_batches(articles, config.batch_steps, np.random.default_rng([config.seed, epoch])))
    for start in range(0, len(batches), processes.count):
        place = start + processes.rank
        yield batches[place] if place < len(batches) else None


def _batches(
    articles: Sequence[PreparedArticle], steps: int, generator: np.random.Generator | None
) -> Iterator[list[PreparedArticle]]:
    """Batches of about ``steps`` timesteps, of articles of similar length; shuffled by a generator."""
    lengths = np.array([len(article.targets) for article in articles], dtype=np.float64)
    if generator is not None:
        lengths *= generator.uniform(0.9, 1.1, len(lengths))  # different neighbours in each epoch
    batches = list(batches_under_budget(lengths.tolist(), steps))
    if generator is not None:
        generator.shuffle(batches)
    for batch in batches:
        yield [articles[index] for index in batch]
