"""The model card: what a checkpoint is, its training data, its figures and its limits."""

from collections.abc import Iterable, Mapping
from typing import Any

from summarizer.checkpoint import CheckpointConfig
from summarizer.model import ModelConfig
from summarizer.rarity import FEWEST_ARTICLES
from training.corpus import INTRODUCED
from training.pages import counted
from training.report import as_markdown, strongest_baseline, verdict


def card(config: CheckpointConfig, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown for the checkpoint's README.

    :param config: its ``training`` may contain ``articles`` (split -> number), ``sources`` (source ->
        number), ``left_out`` (sources), how the articles were prepared (``boilerplate``, ``introductions``)
        and the settings (``run``).
    :param figures: split -> the result of :func:`training.evaluation.measure`; the last one is shown in full,
        the others by their verdict.
    """
    model = config.model
    sections = [
        f"""# {config.name} {config.version}

Scores every sentence of an article by how close it is to what a curator would quote.

- **Network**: {"bidirectional " if model.bidirectional else ""}{model.cell.upper()} of width {model.width},
  {counted(model.layers, "layer")}, sentence vectors of width {model.dimension}
  {"with" if model.position_features else "without"} position features,
  {_text_features(model)}, one dense head for every sentence;
  {counted(model.members, "network")}{", their scores averaged" if model.members > 1 else ""}.{_kinds(model)}
- **Encoder**: {config.encoder.name} ({config.encoder.kind}), digest `{config.encoder.digest}`.
- **Targets**: closeness `{config.closeness}` of each sentence to the quotes or summary of its article,
  computed from both texts.
- **Score**: in [0, 1], the expected closeness; comparable between articles of this model, not between models.

## Intended use

To suggest sentences that a person then reads in context: previews, teasers, a first choice for a curator.
Not for automatic decisions, and not for texts in which an omission does harm.

## Data

{_data(config.training)}""",
        *(_figures(split, found, last=split == list(figures)[-1]) for split, found in figures.items()),
        f"""## Limits

- **Position**: quotes are often from the beginning of an article, and the model has learned that. Texts of
  another structure can mislead it; the report shows scores by position.
- **Short texts**: in an article of a few sentences nearly any choice is good, and figures say little.
- **Other texts**: the figures apply to texts like the articles above, in their languages. Other texts are
  split and scored too, but how well has not been measured.
- A selected sentence can depend on one that is not selected ("He also said so"). Read it in context.

## Licence

The checkpoint contains no article{_table(model)}.
The articles and quotes that it was trained on belong to their publishers and authors; the terms of each
corpus apply to training on it again.

## Reproduce

This requires the same corpus, the encoder with the digest above and the settings and seed in `config.json`.
The commands are in the README of the project, all figures in `metrics.json`.""",
    ]
    return "\n\n".join(sections) + "\n"


def _text_features(model: ModelConfig) -> str:
    if not model.text_features:
        return "without text features"
    kinds = "in the article and in the training articles" if model.rarity else "in the article"
    typography = " and by typography" if model.typography else ""
    return f"with text features by the rarity of words {kinds}{typography}"


def _kinds(model: ModelConfig) -> str:
    if not model.kinds:
        return ""
    return (
        f"\n- **Kinds of text**: {', '.join(model.kinds)}. An article is read as one of them, which logistic"
        "\n  regression recognizes unless the caller names it."
    )


def _table(model: ModelConfig) -> str:
    return f", but lists words that occur in at least {FEWEST_ARTICLES} of them" if model.reads_rarity else ""


def _data(training: Mapping[str, Any]) -> str:
    counts = training.get("articles", {})
    splits = ", ".join(f"{counted(count, 'article')} for {split}" for split, count in counts.items())
    sources = ", ".join(
        f"{source or 'corpus'} ({count})" for source, count in training.get("sources", {}).items()
    )
    told = [
        "Split by a fixed hash of the id, so that no article changes sides. Validation articles decided when"
        "\nto stop; test articles decided nothing."
    ]
    if splits:
        told.append(f"{splits[0].upper()}{splits[1:]}.")
    if sources:
        told.append(f"Sources: {sources}.")
    if left_out := training.get("left_out"):
        told.append(f"Measured, but not used for training and not counted here: {_listed(left_out)}.")
    if share := training.get("boilerplate"):
        told.append(
            f"{share:.0%} of the training articles were used a second time with bylines, captions and such."
        )
    if introductions := training.get("introductions"):
        told.append(
            f"The training articles of {_listed(introductions)} were used a second time, beginning with their"
            f"\nquotes; these are counted as {_listed(name + INTRODUCED for name in introductions)}."
        )
    fit = training.get("run", {}).get("fit", {})
    if kinds := fit.get("kinds"):
        told.append(
            f"Kinds of text, with the sources of each: {kinds}. An article is taken for another kind than the"
            f"\nfirst if that has at least {fit['certainty']:.0%} of the probability of the two."
        )
    if weights := fit.get("weights"):
        told.append(f"Weights of sources in training, 1 where not listed: {weights}.")
    if lead := fit.get("lead"):
        told.append(
            "So that the model stays close to the first sentences in news that it has not seen, a share of"
            f"\nsome targets was how early the sentence is: {lead}. Scores of such texts lean as much."
        )
    return "\n".join(told)


def _listed(sources: Iterable[str]) -> str:
    return ", ".join(source or "corpus" for source in sources)


def _figures(split: str, figures: Mapping[str, Any], *, last: bool) -> str:
    overall = figures["overall"]
    strongest = strongest_baseline(overall)
    said = [f"Over {counted(overall['articles'], 'article')}, {verdict(overall)}"]
    if strongest != "lead":
        said.append(f"The strongest baseline is {strongest}: {verdict(overall, strongest)}")
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
summaries cut off at the mean length of the lead's. AUC, nDCG and P@k (at the number of quoted sentences)
where quotes are sentences of the article; Spearman: rank correlation of score and target. `lead` takes the
first sentences, `pacsum`, `lexrank` and `centroid` the most central ones, `oracle` looks at the answer.

Calibration: score and target differ by {difference:.3f} on average over ten bins of the score (expected
calibration error). Cross-entropy per sentence: {entropy:.4f}; of a constant score {constant:.4f}, of perfect
scores {least:.4f}.

Position: {first[model]:.0%} of the sentences that the model selects are in the first tenth of their article,
and {first["oracle"]:.0%} of those that the oracle selects."""
