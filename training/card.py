"""The model card: what a checkpoint is, what it was trained on, what was measured, what it cannot do."""

from collections.abc import Iterable, Mapping
from typing import Any

from summarizer.checkpoint import CheckpointConfig
from summarizer.model import ModelConfig
from summarizer.rarity import FEWEST_ARTICLES
from training.pages import counted
from training.report import as_markdown, strongest_baseline, verdict


def card(config: CheckpointConfig, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown for the checkpoint's README.

    :param config: of what it says about ``training``, ``articles`` (split -> how many), ``sources`` (source
        -> how many), ``left_out`` (sources) and how the articles were prepared (``boilerplate``,
        ``introductions``) are told where they are there.
    :param figures: split -> what :func:`training.evaluation.measure` gave for it; the last one is shown in
        full, the others by their verdict.
    """
    model = config.model
    sections = [
        f"""# {config.name} {config.version}

Scores every sentence of an article by how close it is to what a curator would quote.

- **Network**: {"bidirectional " if model.bidirectional else ""}{model.cell.upper()} of width {model.width},
  {counted(model.layers, "layer")}, sentence vectors of width {model.dimension}
  {"with" if model.position_features else "without"} position features,
  {_text_features(model)}, one dense head for every sentence;
  {counted(model.members, "network")}{", their scores averaged" if model.members > 1 else ""}.
- **Encoder**: {config.encoder.name} ({config.encoder.kind}), digest `{config.encoder.digest}`.
- **Targets**: closeness `{config.closeness}` of each sentence to the quotes or summary of its article,
  computed from both texts.
- **Score**: in [0, 1], the expected closeness; comparable between articles of this model, not between models.

## Intended use

To suggest sentences that a person then reads in their place: previews, teasers, a first choice for a
curator. Not to decide anything by itself, and not for texts where leaving something out does harm.

## Data

{_data(config.training)}""",
        *(_figures(split, found, last=split == list(figures)[-1]) for split, found in figures.items()),
        f"""## Limits

- **Position**: what was quoted often stands early, and the model has learnt so. In texts built otherwise
  that can mislead it; the report shows scores by position.
- **Short texts**: of an article of a few sentences nearly any choice is good, and figures say little.
- **Other texts**: the figures are of text like the articles above, in their languages. Anything else is
  split and scored too; nobody has measured how well.
- A selected sentence can depend on one that is not ("He also said so"). Read it in its place.

## Licence

The checkpoint contains no article{_table(model)}.
The articles and quotes that it was trained on belong to their publishers and authors; the terms of each
corpus hold for whoever trains on it again.

## Reproduce

It takes the same corpus, the encoder with the digest above and the settings in `config.json`, with the seed.
The commands are in the README of the project, all figures in `metrics.json`.""",
    ]
    return "\n\n".join(sections) + "\n"


def _text_features(model: ModelConfig) -> str:
    if not model.text_features:
        return "without text features"
    kinds = "in the article and in the training articles" if model.rarity else "in the article"
    typography = " and by typography" if model.typography else ""
    return f"with text features by the rarity of words {kinds}{typography}"


def _table(model: ModelConfig) -> str:
    return f", but lists words that at least {FEWEST_ARTICLES} of them hold" if model.reads_rarity else ""


def _data(training: Mapping[str, Any]) -> str:
    counts = training.get("articles", {})
    splits = ", ".join(f"{counted(count, 'article')} for {split}" for split, count in counts.items())
    sources = ", ".join(
        f"{source or 'corpus'} ({count})" for source, count in training.get("sources", {}).items()
    )
    told = [
        "Split by a fixed hash of the id, so that no article changes sides. Validation articles decided when"
        "\nto stop; by test articles nothing was chosen."
    ]
    if splits:
        told.append(f"{splits[0].upper()}{splits[1:]}.")
    if sources:
        told.append(f"Sources: {sources}.")
    if left_out := training.get("left_out"):
        told.append(f"Not learned from, and not counted here, but measured: {_listed(left_out)}.")
    if share := training.get("boilerplate"):
        told.append(
            f"{share:.0%} of the training articles were there a second time with bylines, captions and such."
        )
    if introductions := training.get("introductions"):
        told.append(
            f"Half of the training articles of {_listed(introductions)} had their quotes put before them."
        )
    return "\n".join(told)


def _listed(sources: Iterable[str]) -> str:
    return ", ".join(source or "corpus" for source in sources)


def _figures(split: str, figures: Mapping[str, Any], *, last: bool) -> str:
    overall = figures["overall"]
    strongest = strongest_baseline(overall)
    said = [f"Over {counted(overall['articles'], 'article')}, {verdict(overall)}"]
    if strongest != "lead":
        said.append(f"Strongest baseline is {strongest}: beside it {verdict(overall, strongest)}")
    heading = f"## Figures on the {split} split\n\n" + "\n".join(said)
    if not last:
        return heading
    model = figures["models"][0]
    errors = overall["models"][model]
    if errors["calibration_error"] is None:
        return heading
    first = overall["deciles"][0]["selected"]
    difference, entropy = errors["calibration_error"], errors["cross_entropy"]
    constant, least = overall["constant_cross_entropy"], overall["least_cross_entropy"]
    return f"""{heading}

{as_markdown(figures)}

ROUGE F1 in percent, with stemming; in brackets 95 % intervals by bootstrap over articles. Equal words: all
summaries cut off at the mean length of the lead's. AUC, nDCG and P@k (at as many as were quoted) where
quotes are sentences of the article; Spearman: rank correlation of score and target. `lead` takes the first
sentences, `pacsum`, `lexrank` and `centroid` the most central, `oracle` looks at the answer.

Calibration: score and target differ by {difference:.3f} on average over ten bins of the score (expected
calibration error). Cross-entropy {entropy:.4f} a sentence; one score for all sentences would have
{constant:.4f}, perfect scores {least:.4f}.

Position: {first[model]:.0%} of the sentences that the model selects stand in the first tenth of their
article, of those that the oracle selects {first["oracle"]:.0%}."""
