"""The stages of training, each reading and writing named files.

::

    python -m training fetch aclsum --out corpus.jsonl
    python -m training inspect CORPUS...
    python -m training distill --out ENCODER
    python -m training prepare CORPUS... --encoder ENCODER --out PREPARED
    python -m training align PREPARED --out alignments.html
    python -m training fit PREPARED --out RUN
    python -m training report RUN
    python -m training compare PREPARED --out COMPARISON
    python -m training search PREPARED --space space.toml --out SEARCH
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args, get_origin

from summarizer.drafts import write_whole
from summarizer.errors import SummarizerError
from training.alignment_report import alignment_report
from training.closeness import CLOSENESS, canonical
from training.compare import PAGE_FILE as COMPARISON_PAGE
from training.compare import compare
from training.config import (
    PRESETS,
    RunConfig,
    Setting,
    as_toml,
    preset,
    read_run,
    run_config,
    settings,
)
from training.corpus import INTRODUCED, Corpus
from training.distill import distill, packaged_teacher
from training.errors import TrainingError
from training.fetch import fetch_aclsum
from training.formats import read_corpus
from training.inspection import inspect
from training.inspection_text import as_text
from training.pages import counted
from training.prepared import add_targets, load, open_encoder, prepare
from training.readers import FORMATS
from training.report import as_markdown
from training.runs import PAGE_FILE, fit_run, report_run
from training.search import REPORT_FILE as SEARCH_PAGE
from training.search import ended, search

Stages: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

# Added to the message when a stage that can resume is interrupted.
_RESUMES = "; it resumes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage.

    :returns: exit status: 0 success, 1 unusable input, 2 wrong arguments, 130 interrupted.
    """
    parsed = _parser().parse_args(arguments)
    try:
        parsed.stage(parsed)
    except (SummarizerError, TrainingError, OSError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"training: interrupted; run the same command again{parsed.after}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From articles with quotes to a checkpoint."
    )
    parser.set_defaults(after="")
    stages = parser.add_subparsers(required=True, metavar="STAGE")
    for declare in (
        _declare_fetch,
        _declare_inspect,
        _declare_distill,
        _declare_prepare,
        _declare_align,
        _declare_config,
        _declare_fit,
        _declare_report,
        _declare_compare,
        _declare_search,
    ):
        declare(stages)
    return parser


def _declare_fetch(stages: Stages) -> None:
    stage = stages.add_parser("fetch", help="write a corpus from an installed package")
    stage.add_argument(
        "name", choices=["aclsum"], help="aclsum: 250 papers with the sentences that people highlighted"
    )
    _add_out(stage, "corpus file to write (.jsonl or .jsonl.gz)")
    stage.set_defaults(stage=_fetch)


def _declare_inspect(stages: Stages) -> None:
    stage = stages.add_parser("inspect", help="show what a corpus contains and what is wrong with it")
    _add_corpus(stage)
    stage.add_argument(
        "--sample",
        type=_positive,
        metavar="N",
        help="look for the quotes of only N articles of each source",
    )
    stage.set_defaults(stage=_inspect)


def _declare_distill(stages: Stages) -> None:
    stage = stages.add_parser("distill", help="make a static encoder from a SentenceTransformer")
    _add_out(stage, "folder to write")
    stage.add_argument("--teacher", type=Path, help="model folder (default: the packaged all-MiniLM-L6-v2)")
    stage.add_argument("--dimension", type=_positive, default=256, help="width of the vectors (default 256)")
    stage.set_defaults(stage=_distill)


def _declare_prepare(stages: Stages) -> None:
    stage = stages.add_parser("prepare", help="split and encode articles, compute their targets")
    _add_corpus(stage)
    stage.add_argument(
        "--encoder", required=True, help="folder of a static encoder, or any SentenceTransformer"
    )
    _add_closeness(stage)
    stage.add_argument(
        "--boilerplate",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="share of the training articles to use a second time with bylines, captions and other lines that"
        " nobody quotes (default 0)",
    )
    stage.add_argument(
        "--introductions",
        nargs="+",
        default=[],
        metavar="SOURCE",
        help="sources whose quotes are an introduction that was cut off from the text (as in XSum); their"
        f" training articles are used a second time with it, as articles of SOURCE{INTRODUCED}",
    )
    _add_out(stage, "folder to write; the same command resumes it")
    stage.set_defaults(stage=_prepare, after=_RESUMES)


def _declare_align(stages: Stages) -> None:
    stage = stages.add_parser("align", help="write a page with the quotes and targets of some articles")
    _add_prepared(stage)
    _add_closeness(stage)
    stage.add_argument(
        "--articles", type=_positive, default=20, metavar="N", help="number of articles (default 20)"
    )
    _add_out(stage, "page to write (.html)")
    stage.set_defaults(stage=_align)


def _declare_config(stages: Stages) -> None:
    stage = stages.add_parser("config", help="print a run file with every setting and its description")
    _add_settings(stage)
    stage.set_defaults(stage=_config)


def _declare_fit(stages: Stages) -> None:
    stage = stages.add_parser("fit", help="train the network and write a checkpoint")
    _add_prepared(stage)
    stage.add_argument("--encoder", metavar="PATH", help="path of the encoder, if it has moved since prepare")
    _add_out(stage, "folder of the run; the same command resumes it")
    _add_settings(stage)
    stage.set_defaults(stage=_fit, after=_RESUMES)


def _declare_report(stages: Stages) -> None:
    stage = stages.add_parser(
        "report", help="measure a run and write report.html, report.json and the model card"
    )
    stage.add_argument("run", type=Path, help="folder that fit wrote")
    stage.add_argument("--prepared", type=Path, help="folder of the prepared articles, if it has moved")
    stage.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="other runs to compare it with; the report calls each by the name of its folder",
    )
    stage.add_argument(
        "--centroid",
        metavar="ENCODER",
        help="encoder of the centroid baseline (default: that of the run); slow with a transformer",
    )
    stage.set_defaults(stage=_report)


def _declare_compare(stages: Stages) -> None:
    stage = stages.add_parser("compare", help="fit a model on each closeness and compare them")
    _add_prepared(stage)
    stage.add_argument(
        "--on",
        nargs="+",
        type=_closeness,
        default=[*CLOSENESS, "blend"],
        metavar="CLOSENESS",
        help="closeness functions to compare (default: all, and blend)",
    )
    stage.add_argument(
        "--split",
        choices=["validation", "test"],
        default="validation",
        help="split to measure on (default validation)",
    )
    _add_out(stage, "folder to write; the same command resumes it")
    _add_settings(stage)
    stage.set_defaults(stage=_compare, after=_RESUMES)


def _declare_search(stages: Stages) -> None:
    stage = stages.add_parser("search", help="search for the best settings")
    _add_prepared(stage)
    stage.add_argument(
        "--space", type=Path, required=True, help="file with the settings that may vary (TOML)"
    )
    stage.add_argument(
        "--trials",
        type=_positive,
        default=50,
        help="total number of trials, including those of earlier calls (default 50)",
    )
    stage.add_argument("--jobs", type=_positive, default=1, help="number of parallel processes (default 1)")
    _add_out(stage, "folder to write; the same command resumes it")
    _add_settings(stage)
    stage.set_defaults(stage=_search, after=_RESUMES)


def _add_corpus(stage: argparse.ArgumentParser) -> None:
    stage.add_argument("corpus", type=Path, nargs="+", help="files or folders")
    stage.add_argument("--format", choices=FORMATS, help="format of the files (default: by their names)")
    stage.add_argument(
        "--columns",
        nargs="+",
        action="extend",
        type=_column,
        default=[],
        metavar="OURS=THEIRS",
        help="fields with other names, for example text=body quotes=highlights",
    )
    stage.add_argument(
        "--blurbs", type=Path, help="for a folder of HTML pages: file with the columns page and blurb"
    )


def _column(given: str) -> tuple[str, str]:
    ours, equals, theirs = given.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{given!r} should be OURS=THEIRS, for example text=body")
    return ours, theirs


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1; got {text!r}")
    return value


def _positive(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {given!r}")
    return int(given)


def _closeness(given: str) -> str:
    try:
        return canonical(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add_prepared(stage: argparse.ArgumentParser) -> None:
    stage.add_argument("prepared", type=Path, help="folder that prepare wrote")


def _add_closeness(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "--closeness",
        type=_closeness,
        default="blend",
        help=f"how targets are computed: {', '.join(CLOSENESS)}, or a blend such as 0.7*oracle+0.3*lexical"
        " (default blend, short for oracle+lexical)",
    )


def _add_out(stage: argparse.ArgumentParser, description: str) -> None:
    stage.add_argument("--out", type=Path, required=True, help=description)


def _add_settings(stage: argparse.ArgumentParser) -> None:
    """A run file or a preset, and an option for each setting that overrides it."""
    source = stage.add_mutually_exclusive_group()
    source.add_argument("--config", type=Path, metavar="FILE", help="run file (TOML); `config` prints one")
    source.add_argument("--preset", choices=PRESETS, help="built-in recipe")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for setting in settings():
        if setting.section not in groups:
            groups[setting.section] = stage.add_argument_group(
                f"[{setting.section}]" if setting.section else "run"
            )
        groups[setting.section].add_argument(
            f"--{setting.name.replace('_', '-')}",
            dest=_destination(setting),
            metavar=_metavar(setting),
            help=f"{setting.description.replace('%', '%%')} (default {setting.default})",
        )


def _destination(setting: Setting) -> str:
    return f"{setting.section}.{setting.name}"


def _metavar(setting: Setting) -> str:
    if get_origin(setting.type) is Literal:
        return "|".join(get_args(setting.type))
    return {int: "N", float: "X", bool: "true|false", str: "TEXT"}[setting.type]


def _run_config(parsed: argparse.Namespace) -> RunConfig:
    """The defaults, overridden by the run file or the preset, overridden by the command line."""
    values: dict[str, Any] = {}
    if parsed.config:
        values = read_run(parsed.config)
    elif parsed.preset:
        values = preset(parsed.preset)
    where = str(parsed.config or parsed.preset or "command line")
    for setting in settings():
        given = getattr(parsed, _destination(setting))
        table = values.setdefault(setting.section, {}) if setting.section else values
        if given is not None and isinstance(table, dict):  # run_config refuses anything else
            table[setting.name] = _typed(setting, given)
    return run_config(values, where)


def _typed(setting: Setting, given: str) -> Any:
    """The option as a value of its type, else as text, which :func:`training.config.run_config` refuses."""
    if setting.type is bool:
        return {"true": True, "false": False}.get(given, given)
    if setting.type in (int, float):
        try:
            return setting.type(given)
        except ValueError:
            return given
    return given


def _read(parsed: argparse.Namespace) -> Corpus:
    return read_corpus(
        parsed.corpus, format=parsed.format, columns=dict(parsed.columns), blurbs=parsed.blurbs
    )


def _fetch(parsed: argparse.Namespace) -> None:
    print(f"{parsed.out}: {counted(fetch_aclsum(parsed.out), 'article')}")


def _inspect(parsed: argparse.Namespace) -> None:
    print(as_text(inspect(_read(parsed), sample=parsed.sample, progress=True)))


def _distill(parsed: argparse.Namespace) -> None:
    distill(parsed.teacher or packaged_teacher(), parsed.out, parsed.dimension)


def _prepare(parsed: argparse.Namespace) -> None:
    corpus = _read(parsed)
    for refused in corpus.refused:
        print(f"refused {refused.file}:{refused.line}: {refused.field}: {refused.reason}", file=sys.stderr)
    manifest = prepare(
        corpus.articles,
        open_encoder(parsed.encoder),
        parsed.encoder,
        parsed.closeness,
        parsed.out,
        boilerplate=parsed.boilerplate,
        introductions=parsed.introductions,
    )
    shares = ", ".join(f"{split} {count}" for split, count in manifest.splits.items())
    print(
        f"{counted(manifest.articles, 'article')} ({shares}), {counted(manifest.sentences, 'sentence')};"
        f" {counted(len(corpus.refused), 'row')} refused"
    )
    for split, count in manifest.splits.items():
        if not count:
            follows = "report will have nothing to measure there" if split == "test" else "fit will refuse"
            print(
                f"no article falls into the {split} split, so {follows}: give more articles", file=sys.stderr
            )


def _align(parsed: argparse.Namespace) -> None:
    if parsed.out.is_dir():
        raise TrainingError(
            f"--out {parsed.out} is a folder; name the page to write, such as"
            f" {parsed.out / 'alignments.html'}"
        )
    add_targets(parsed.prepared, parsed.closeness)
    articles = load(parsed.prepared, parsed.closeness)[1]
    step = max(1, len(articles) // parsed.articles)
    parsed.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(parsed.out, alignment_report(articles[::step][: parsed.articles], parsed.closeness))
    print(f"see {parsed.out}")


def _config(parsed: argparse.Namespace) -> None:
    print(as_toml(_run_config(parsed)), end="")


def _fit(parsed: argparse.Namespace) -> None:
    fit_run(parsed.prepared, parsed.out, _run_config(parsed), parsed.encoder)


def _report(parsed: argparse.Namespace) -> None:
    encoder = open_encoder(parsed.centroid) if parsed.centroid else None
    print(as_markdown(report_run(parsed.run, parsed.prepared, parsed.beside, encoder)["test"]))
    print(f"see {parsed.run / PAGE_FILE}")


def _compare(parsed: argparse.Namespace) -> None:
    print(compare(parsed.prepared, parsed.out, _run_config(parsed), parsed.on, parsed.split))
    print(f"see {parsed.out / COMPARISON_PAGE}")


def _search(parsed: argparse.Namespace) -> None:
    study = search(
        parsed.prepared,
        parsed.out,
        _run_config(parsed),
        parsed.space,
        trials=parsed.trials,
        jobs=parsed.jobs,
    )
    trials = counted(len(ended(study)), "trial")
    print(f"best of {trials}: {study.best_params}; see {parsed.out / SEARCH_PAGE}")


if __name__ == "__main__":
    sys.exit(main())
