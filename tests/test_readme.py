"""What the README promises is true."""

import ast
import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain
from pathlib import Path

import pytest

from service.errors import CODES
from summarizer import Summarizer, errors
from summarizer.options import OPTION_NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PERFORMANCE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
# Functions of the service that take a code, and the position of that argument.
CODE_ARGUMENT = {"problem": 1, "BadRequest": 0}
# Of base classes, and of refusals by the HTTP library that no request is known to cause.
NEVER_SENT = {"invalid_input", "unavailable", "bad_request"}
ARTICLE = (
    "The city council voted on Tuesday to rebuild the old bridge. The plan will cost a lot of money.\n\n"
    "Residents had asked for it for years. Work begins in May. Not everyone is happy about the price."
)


def test_the_python_example_runs_with_the_shipped_checkpoint(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(block, {"article": ARTICLE})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 5
    summary = re.split(r"(?<=\.) ", lines[0])
    assert len(summary) == 3
    assert all(sentence in ARTICLE for sentence in summary)


@pytest.mark.parametrize("option", OPTION_NAMES)
def test_every_option_is_documented(option):
    assert f"| `{option}` " in README


def codes_in(file: Path) -> set[str]:
    """The codes that a module of the service gives to errors, read from its source.

    A code is what a call of ``problem`` or ``BadRequest`` passes as ``code``, or a class attribute ``code``.
    """
    codes = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            codes |= {
                statement.value.value
                for statement in node.body
                if isinstance(statement, ast.Assign)
                and isinstance(statement.value, ast.Constant)
                and [getattr(target, "id", None) for target in statement.targets] == ["code"]
            }
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODE_ARGUMENT:
            code = next((word.value for word in node.keywords if word.arg == "code"), None)
            code = code or node.args[CODE_ARGUMENT[node.func.id]]
            if isinstance(code, ast.Constant):
                codes.add(code.value)
            else:  # an error's own code, or one of CODES
                assert ast.unparse(code) in ("error.code", "code"), f"{file}:{node.lineno}"
    return codes


def test_every_error_code_is_documented_with_its_status():
    documented: dict[int, set[str]] = {}
    for statuses, codes in re.findall(r"^\| (\d{3}(?:, \d{3})*) \| (.*) \|$", README, flags=re.MULTILINE):
        names = re.findall(r"`(\w+)`", codes)
        if "," in statuses:  # one code each
            documented |= {int(s): {name} for s, name in zip(statuses.split(", "), names, strict=True)}
        else:
            documented[int(statuses)] = set(names)
    assert documented == {status: set(codes) - NEVER_SENT for status, codes in CODES.items()}


def test_the_service_s_list_of_error_codes_is_complete():
    used = set().union(*map(codes_in, (ROOT / "service").glob("*.py")))
    assert {"malformed_json", "repeated_id", "rate_limited", "queue_full"} <= used  # each kind of place
    used |= {
        cls.code
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.InputError)
    }
    assert used - NEVER_SENT <= set(chain(*CODES.values()))


def table(text: str, first_line: str) -> list[dict[str, str]]:
    """The rows of the Markdown table that begins with a line, by the names of its columns."""
    lines = text[text.index(first_line) :].partition("\n\n")[0].splitlines()
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


def number(cell: str) -> Decimal:
    return Decimal(cell.replace(",", ""))


def test_the_comparison_is_that_of_the_benchmarks():
    shown = table(README, "| | ms, median | articles/s |")
    measured = {row["system"]: row for row in table(PERFORMANCE, "| system | articles/s |")}
    ours = {"quote-summarizer": "ours", "first three sentences": "lead"}
    names = [re.sub(r" \(.*", "", row[""]) for row in shown]
    assert [ours.get(name, name) for name in names] == [
        name for name in measured if name != "ours, and its JSON"
    ]
    for name, row in zip(names, shown, strict=True):
        found = measured[ours.get(name, name)]
        for column in ("ms, median", "articles/s", "ROUGE-2", "words"):
            written = number(row[column])
            assert written == number(found[column]).quantize(written, ROUND_HALF_UP), (name, column)
        assert row["minus ours (95 %)"] == found["minus ours (95 %)"].replace("-", "−"), name


@pytest.mark.parametrize("package", ["summarizer", "service"])
def test_the_layout_names_every_module_and_nothing_else(package):
    (layout,) = re.findall(r"```\n(summarizer/ .*?)```", README, flags=re.DOTALL)
    (section,) = re.findall(rf"^{package}/ .*?(?=^\S|\Z)", layout, flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"\w[\w.]*\.py\b", section)
    assert sorted(named) == sorted({file.name for file in (ROOT / package).glob("*.py")} - {"__init__.py"})


DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "requirements" / "README.md",
]


def anchors(document: Path) -> set[str]:
    """What links may name after #: the headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_shipped_checkpoint_is_small_sound_and_described():
    folder = ROOT / "summarizer" / "checkpoints" / "default"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 25_000_000
    shipped = Summarizer.load()
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {shipped.model.name} {shipped.model.version}\n")
    assert set(shipped.card["metrics"]) == {"validation", "test"}
