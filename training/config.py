"""All settings of a run in one typed file; this is the only place where its fields are documented."""

import dataclasses
import json
import math
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from summarizer.model import ModelConfig
from training.closeness import canonical
from training.errors import TrainingError
from training.losses import ON_SCORES

LossName = Literal["bce", "mae", "mse", "ranking"]
OptimizerName = Literal["adamw", "adam", "rmsprop"]
Schedule = Literal["constant", "linear", "cosine"]
Monitor = Literal["loss", "mae", "ndcg", "rouge2"]
Combine = Literal["best", "average"]
Precision = Literal["float32", "bfloat16"]
Counted = Literal["sentence", "article"]

PRESETS = ("sketch", "shipped")

# Set by the encoder, by the number of restarts and by the kinds of the fit.
_NOT_IN_FILES = frozenset({("model", "dimension"), ("model", "members"), ("model", "kinds")})


class ConfigError(TrainingError):
    """A setting is unknown or impossible; the message names it, its place and the values it may have."""


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How the network is trained.

    :ivar seed: Seed of the first weights, the batches and the dropout.
    :ivar restarts: Number of fits, with the seeds seed, seed + 1, and so on.
    :ivar combine: What to do with several restarts: keep the ``best`` by the monitored metric, or ``average``
        their scores, which makes scoring slower by their number.
    :ivar epochs: Maximum number of passes over the training articles.
    :ivar patience: Number of passes without improvement of the monitored metric after which training stops.
    :ivar monitor: Metric on the validation articles that decides which epoch is the best: ``loss`` (the
        training loss), ``mae`` (mean absolute error), ``ndcg`` (of the targets), ``rouge2`` (of three
        sentences against the quotes; slow).
    :ivar loss: The loss to minimize: ``bce`` (binary cross-entropy), ``mae``, ``mse``, or ``ranking``
        (pairs of one article; its scores are not calibrated).
    :ivar counted: What has the same weight in the loss: each ``sentence``, so that long articles count more,
        or each ``article``, as in the figures of the report.
    :ivar weights: Weights of sources in training and in the validation loss, such as
        ``bbc=0.2,ami=0.5``; 1 for all others, 0 to leave a source out.
    :ivar lead: Share of the targets, by source, that is replaced by how early the sentence is, such as
        ``cnndm=0.3``, for sources that open with what matters most; 0 for all others. A precaution for the
        articles of other newsrooms, see :mod:`training.leaning`; the scores of such texts lean as much.
    :ivar kinds: Sources by the kind of their text, such as ``news=cnndm+poc,report=bbc``. The network learns
        what is quoted from each kind, and recognizes the kind of an article, see :mod:`summarizer.kinds`. A
        source of weight 0 serves for recognition alone. Empty for no kinds.
    :ivar certainty: Probability, from 0.5 to below 1, that an article must have of being of another kind than
        the first to be read as such, compared with the first.
    :ivar optimizer: One of ``adamw``, ``adam``, ``rmsprop``.
    :ivar learning_rate: Maximum step size.
    :ivar schedule: Of the learning rate after the warm-up: ``constant``, ``linear`` or ``cosine`` (both
        down to 0 at the last of all epochs).
    :ivar warmup: Share of all steps, in [0, 1), during which the learning rate rises from 0.
    :ivar l1: Weight of the sum of the absolute values of all weight matrices, added to the loss.
    :ivar l2: Weight decay of the matrices: decoupled with ``adamw``, part of the gradient with the others.
    :ivar clip: Maximum norm of the gradient; 0 for no limit.
    :ivar average: Decay per step of a moving average of the weights, which is then validated and kept instead
        of the weights of the last step; in [0, 1), 0 for none. The average follows more quickly at first.
    :ivar batch_steps: Number of padded sentences in a batch of one process.
    :ivar precision: Either ``float32``, or ``bfloat16`` for matrix products, which pays on a GPU.
    :ivar device: Where to train: ``auto`` (a GPU where PyTorch finds one), ``cpu``, ``cuda``,
        or ``cuda:N`` for one of several.
    :raises ValueError: a field is out of its range; the message names it.
    """

    seed: int = 0
    restarts: int = 1
    combine: Combine = "best"
    epochs: int = 30
    patience: int = 4
    monitor: Monitor = "loss"
    loss: LossName = "bce"
    counted: Counted = "sentence"
    weights: str = ""
    lead: str = ""
    kinds: str = ""
    certainty: float = 0.5
    optimizer: OptimizerName = "adamw"
    learning_rate: float = 1e-3
    schedule: Schedule = "constant"
    warmup: float = 0.0
    l1: float = 0.0
    l2: float = 1e-2
    clip: float = 1.0
    average: float = 0.0
    batch_steps: int = 1024
    precision: Precision = "float32"
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("restarts", "epochs", "patience", "batch_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if not 0 <= self.seed <= 2**32 - self.restarts:
            raise ValueError(
                f"seed must be from 0 to {2**32 - self.restarts}, so that the last of all restarts has one"
                f" below 2**32; got {self.seed} with restarts = {self.restarts}"
            )
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(f"learning_rate must be finite and above 0; got {self.learning_rate}")
        for name in ("l1", "l2", "clip"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise ValueError(f"{name} must be finite and at least 0; got {getattr(self, name)}")
        for name in ("warmup", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be from 0 to 1 (not included); got {getattr(self, name)}")
        if not 0.5 <= self.certainty < 1:
            raise ValueError(f"certainty must be from 0.5 to 1 (not included); got {self.certainty}")
        self.weight_by_source()
        self.lead_by_source()
        self.sources_by_kind()

    def weight_by_source(self) -> dict[str, float]:
        """:attr:`weights` as a mapping.

        :raises ValueError: it cannot be read.

        >>> FitConfig(weights="bbc=0.2, ami=0").weight_by_source()
        {'bbc': 0.2, 'ami': 0.0}
        """
        return _by_source("weights", self.weights)

    def lead_by_source(self) -> dict[str, float]:
        """:attr:`lead` as a mapping.

        :raises ValueError: it cannot be read, or a share is above 1.
        """
        shares = _by_source("lead", self.lead)
        if any(share > 1 for share in shares.values()):
            raise ValueError(f"lead must give each source a share of at most 1; got {self.lead!r}")
        return shares

    def sources_by_kind(self) -> dict[str, list[str]]:
        """:attr:`kinds` as a mapping, in its order.

        :raises ValueError: it cannot be read.

        >>> FitConfig(kinds="news=cnndm+poc, report=bbc").sources_by_kind()
        {'news': ['cnndm', 'poc'], 'report': ['bbc']}
        """
        found: dict[str, list[str]] = {}
        for part in filter(None, map(str.strip, self.kinds.split(","))):
            kind, _, sources = part.partition("=")
            named = [source.strip() for source in sources.split("+")]
            taken = {source for others in found.values() for source in others}
            if not kind.strip() or kind.strip() in found or len(set(named) - taken - {""}) < len(named):
                raise ValueError(
                    "kinds must name each kind once with its sources, and each source once, as in"
                    f" news=cnndm+poc,report=bbc; got {part!r}"
                )
            found[kind.strip()] = named
        if len(found) == 1:
            raise ValueError(f"kinds must name at least two kinds, or none; got {self.kinds!r}")
        return found


def _by_source(name: str, given: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in filter(None, map(str.strip, given.split(","))):
        source, _, number = part.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if source.strip() in found or not (0 <= value < math.inf):
            raise ValueError(
                f"{name} must name each source once with a number of at least 0, as in bbc=0.2,ami=0.5;"
                f" got {part!r}"
            )
        found[source.strip()] = value
    return found


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The settings of one run.

    :ivar name: Name of the model, which is in the answers of the service.
    :ivar version: Version of the model.
    :ivar closeness: How targets are computed: ``lexical``, ``alignment``, ``semantic``, ``oracle``, or a
        blend such as ``oracle+lexical`` (which ``blend`` is short for) or ``0.7*oracle+0.3*alignment``.
    :ivar model: The network.
    :ivar fit: How it is trained.
    :raises ValueError: fields that contradict each other, or an unknown closeness.
    """

    name: str = "quotes"
    version: str = "1"
    closeness: str = "blend"
    model: ModelConfig = field(default_factory=lambda: ModelConfig(dimension=1))
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
        object.__setattr__(self, "closeness", canonical(self.closeness))
        if self.model.activation == "linear" and self.fit.loss not in ON_SCORES:
            raise ValueError(
                f"activation 'linear' goes with loss {' or '.join(sorted(ON_SCORES))}; got {self.fit.loss!r}"
            )

    def model_for(self, dimension: int) -> ModelConfig:
        """The network for sentence vectors of this width."""
        return dataclasses.replace(self.model, dimension=dimension, kinds=tuple(self.fit.sources_by_kind()))


SECTIONS = {"": RunConfig, "model": ModelConfig, "fit": FitConfig}


@dataclass(frozen=True, slots=True)
class Setting:
    """One field that a run file may set.

    :ivar section: table in the file; empty at the top.
    :ivar type: of its values: ``int``, ``float``, ``bool``, ``str`` or a Literal.
    """

    section: str
    name: str
    type: Any
    default: Any
    description: str


def settings() -> Iterator[Setting]:
    """All fields of a run file, in their order."""
    for section, cls in SECTIONS.items():
        descriptions = _descriptions(cls)
        for entry in dataclasses.fields(cls):
            if entry.name not in SECTIONS and (section, entry.name) not in _NOT_IN_FILES:
                kind = get_type_hints(cls)[entry.name]
                yield Setting(section, entry.name, kind, entry.default, descriptions[entry.name])


def read_run(file: Path) -> dict[str, Any]:
    """The values in a run file, not checked yet; see :func:`run_config`.

    :raises ConfigError: the file cannot be read.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} is not a readable TOML file: {error}") from error


def preset(name: str) -> dict[str, Any]:
    """The values of a built-in recipe, one of :data:`PRESETS`."""
    return tomllib.loads(resources.files("training").joinpath("presets", f"{name}.toml").read_text("utf-8"))


def run_config(values: Mapping[str, Any], where: str = "run") -> RunConfig:
    """Check values and fill in the defaults.

    :param values: as a run file has them: tables ``model`` and ``fit``, the rest at the top.
    :param where: the file they are from, for error messages.
    :raises ConfigError: an unknown field, a wrong type or an impossible value.
    """
    known = {(setting.section, setting.name): setting for setting in settings()}
    tables: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for section in tables:
        table = values.get(section, {}) if section else _outside_tables(values)
        if not isinstance(table, Mapping):
            raise ConfigError(f"{where}: {section} must be a table; got {table!r}")
        for name, given in table.items():
            if (section, name) not in known:
                names = ", ".join(of_table for in_table, of_table in known if in_table == section)
                place = f"[{section}] " if section else ""
                raise ConfigError(f"{where}: {place}{name} is not a setting; the settings are: {names}")
            tables[section][name] = _checked(where, known[section, name], given)
    try:
        return RunConfig(
            **tables[""],
            model=ModelConfig(dimension=1, **tables["model"]),
            fit=FitConfig(**tables["fit"]),
        )
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def as_values(run: RunConfig) -> dict[str, Any]:
    """The values of a run, as :func:`run_config` takes them."""
    values = dataclasses.asdict(run)
    values["model"] = {
        name: value for name, value in values["model"].items() if ("model", name) not in _NOT_IN_FILES
    }
    return values


def as_toml(run: RunConfig) -> str:
    """A run file with every field under its description."""
    values = as_values(run)
    lines, section = [], ""
    for setting in settings():
        if setting.section != section:
            section = setting.section
            lines.append(f"[{section}]\n")
        lines += [f"# {line}" for line in textwrap.wrap(setting.description, 100)]
        value = values[section][setting.name] if section else values[setting.name]
        # A JSON string is a TOML string, except for the one control character that JSON does not escape.
        literal = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"{setting.name} = {literal}\n")
    return "\n".join(lines)


def _outside_tables(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not name or name not in SECTIONS}


def _checked(where: str, setting: Setting, value: object) -> Any:
    """The value, if it has the setting's type; a whole number is also a float."""
    place = f"[{setting.section}] {setting.name}" if setting.section else setting.name
    if get_origin(setting.type) is Literal:
        if value not in get_args(setting.type):
            raise ConfigError(
                f"{where}: {place} must be one of {', '.join(get_args(setting.type))}; got {value!r}"
            )
        return value
    if setting.type is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"{where}: {place} is too large") from None
    if not isinstance(value, setting.type) or (setting.type is not bool and isinstance(value, bool)):
        wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}[
            setting.type
        ]
        raise ConfigError(f"{where}: {place} must be {wanted}; got {value!r}")
    return value


def _descriptions(cls: type) -> dict[str, str]:
    """The description of each field in the docstring."""
    found = re.findall(r"^:ivar (\w+): (.*?)(?=^:|\Z)", cleandoc(cls.__doc__ or ""), re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.replace("``", "").split()) for name, text in found}
