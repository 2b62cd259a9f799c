"""What the README promises is true."""

import re
from itertools import chain
from pathlib import Path

import pytest

from service.errors import CODES
from summarizer import Summarizer, errors
from summarizer.options import OPTION_NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


def test_every_error_code_is_documented():
    inputs = [
        cls.code
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.InputError)
    ]
    for code in {*inputs, *chain(*CODES.values())} - {"invalid_input", "bad_request"}:
        assert f"`{code}`" in README


@pytest.mark.parametrize("package", ["summarizer", "service"])
def test_the_layout_names_every_module_and_nothing_else(package):
    (layout,) = re.findall(r"```\n(summarizer/ .*?)```", README, flags=re.DOTALL)
    (section,) = re.findall(rf"^{package}/ .*?(?=^\S|\Z)", layout, flags=re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"\w[\w.]*\.py\b", section))
    there = {file.name for file in (ROOT / package).glob("*.py")} - {"__init__.py"}
    assert named <= there
    plain = {"__main__.py", "document.py", "options.py", "errors.py", "client.py"}
    assert there - named <= plain


def test_the_shipped_checkpoint_is_small_sound_and_described():
    folder = ROOT / "summarizer" / "checkpoints" / "default"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 25_000_000
    shipped = Summarizer.load()
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {shipped.model.name} {shipped.model.version}\n")
    assert set(shipped.card["metrics"]) == {"validation", "test"}
