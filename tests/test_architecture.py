"""What may import what. The layers of each package are listed from the bottom to the top."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = {
    "summarizer": [
        {"errors"},
        {
            "alone",
            "batching",
            "compiled",
            "document",
            "drafts",
            "options",
            "sentence_ends",
            "tensors",
            "texts",
            "unpadded",
        },
        {"words", "recurrence", "byte_layers"},
        {"rarity", "token_ids", "typography", "html_article"},
        {"text_features", "lines"},
        {"kinds"},
        {"paragraphs", "encoder", "model", "client", "arguments", "corpus_reading"},
        {"sentences", "selection", "sentence_transformer", "corpus_writing"},
        {"corpus_folder"},
        {"checkpoint"},
        {"pipeline"},
        {"corpus_scoring"},
        {"corpus_on_ray", "corpus_processes"},
        {"batch_command"},
        {""},  # the package itself: its public names
        {"__main__"},
    ],
    "service": [
        {"config", "schema", "record", "cache", "connection", "body", "rates"},
        {"reading", "answers", "metrics", "logs", "worker"},
        {"engine"},
        {"errors", "evaluating"},
        {"access", "api", "health", "page"},
        {"openapi"},
        {""},
        {"master", "server"},
        {"gunicorn.conf"},
    ],
    "training": [
        {"errors"},
        {
            "boilerplate",
            "corpus",
            "alignment",
            "distill",
            "rows",
            "losses",
            "distributed",
            "network",
            "pages",
        },
        {"plots", "closeness", "fetch", "quotations", "near_duplicates", "readers"},
        {"formats", "baselines", "prepared", "config", "metrics"},
        {"inspection", "alignment_report", "leaning", "kinds", "evaluation"},
        {"fit"},
        {"report", "inspection_text"},
        {"card"},
        {"runs"},
        {"compare", "search"},
        {""},
        {"__main__"},
    ],
}
MAY_IMPORT = {"summarizer": set(), "service": {"summarizer"}, "training": {"summarizer"}}
ONLY_HERE = {
    "nltk": ("training/closeness.py",),  # Porter's stemmer
    "punkt": ("summarizer/sentence_ends.py", "summarizer/sentences.py"),
    "sentence_transformers": ("summarizer/sentence_transformer.py", "training/distill.py"),
    "ray": ("summarizer/corpus_on_ray.py",),
    "torch": (
        "summarizer/sentence_transformer.py",
        "summarizer/unpadded.py",
        "summarizer/byte_layers.py",
        "training/",
    ),
    "flask": ("service/",),
    "gunicorn": ("service/",),
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "base", "misc", "types"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Dotted names of everything that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            found |= {node.module or ""}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


ALL = [file for package in MAY_IMPORT for file in modules(package)]


@pytest.mark.parametrize("file", ALL, ids=lambda file: str(file.relative_to(ROOT)))
def test_packages_only_import_downwards(file):
    package = file.relative_to(ROOT).parts[0]
    foreign = {name.split(".")[0] for name in imports(file)} & set(MAY_IMPORT) - {package}
    assert foreign <= MAY_IMPORT[package]


@pytest.mark.parametrize("file", ALL, ids=lambda file: str(file.relative_to(ROOT)))
def test_heavy_packages_are_imported_in_one_place_only(file):
    relative = str(file.relative_to(ROOT))
    for name in {name.split(".")[0] for name in imports(file)} & ONLY_HERE.keys():
        assert relative.startswith(ONLY_HERE[name])


@pytest.mark.parametrize("file", modules("service"), ids=lambda file: file.name)
def test_the_service_does_not_know_of_torch(file):
    assert not {name.split(".")[0] for name in imports(file)} & {
        "torch",
        "numpy",
        "safetensors",
        "tokenizers",
    }


def layer_of(package: str, module: str) -> int:
    for layer, names in enumerate(LAYERS[package]):
        if module in names:
            return layer
    raise AssertionError(f"{package}.{module} has no layer yet: add it to LAYERS")


@pytest.mark.parametrize("package", LAYERS)
def test_within_a_package_imports_only_point_down(package):
    for file in modules(package):
        module = "" if file.stem == "__init__" else file.stem
        for name in imports(file):
            parts = name.split(".")
            if parts[0] != package or not (ROOT / package / f"{parts[-1]}.py").exists():
                continue
            assert layer_of(package, parts[-1]) < layer_of(package, module), f"{file.name} imports {name}"


@pytest.mark.parametrize("file", ALL, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_module_is_a_drawer_for_odds_and_ends(file):
    assert file.stem not in FORBIDDEN_NAMES


def test_importing_everything_reads_no_model_and_says_nothing():
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in ALL
        if file.stem not in {"__main__", "__init__"} and not file.name.endswith(".conf.py")
    ]
    code = (
        "import sys, logging\n"
        "def refuse(event, arguments):\n"
        "    if event == 'open' and 'checkpoints' in str(arguments[0]) or event == 'socket.connect':\n"
        "        raise RuntimeError(f'{event} {arguments} while importing')\n"
        "sys.addaudithook(refuse)\n"
        + "\n".join(f"import {name}" for name in names)
        + "\nassert not logging.getLogger().handlers\n"
        "assert 'sentence_transformers' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
