import shutil
import subprocess
import sys

import pytest

import summarizer
import summarizer.compiled


def run(code: str) -> None:
    """In a process that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_is_there_and_listed():
    assert len(set(summarizer.__all__)) == len(summarizer.__all__)
    for name in summarizer.__all__:
        assert getattr(summarizer, name).__name__ == name
    assert set(summarizer.__all__) <= set(dir(summarizer))


def test_a_name_that_does_not_exist_is_an_ordinary_error():
    with pytest.raises(AttributeError, match="module 'summarizer' has no attribute 'Sumarizer'"):
        summarizer.Sumarizer  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Sumarizer'"):
        from summarizer import Sumarizer  # noqa: F401


def test_a_star_import_brings_the_public_names():
    run("from summarizer import *; Summarizer, EmptyText, SummaryOptions, Evaluation")


@pytest.mark.parametrize(
    "code",
    [
        "import summarizer.client",
        "from summarizer import EmptyText, Evaluation, SummaryOptions",
        "import summarizer.__main__ as command",
        "import summarizer.__main__ as command\ntry: command.main(['--help'])\nexcept SystemExit: pass",
        "import summarizer.__main__ as command\ntry: command.main(['--version'])\nexcept SystemExit: pass",
    ],
    ids=["client", "errors and records", "command", "help", "version"],
)
def test_what_needs_no_model_loads_neither_torch_nor_numpy(code):
    run(f"import sys\n{code}\nassert not {{'torch', 'numpy', 'nltk', 'tokenizers'}} & sys.modules.keys()")


def test_scoring_an_article_does_not_load_nltk(tiny_checkpoint):
    run(
        "import sys\nfrom summarizer import Summarizer\n"
        f"Summarizer.load({str(tiny_checkpoint)!r}).evaluate('It was. He said so.')\n"
        "assert not {'nltk', 'scipy', 'sklearn'} & sys.modules.keys()"
    )


def test_where_there_is_a_compiler_the_kernels_are_compiled():
    """Else all tests of them would be skipped in silence."""
    assert shutil.which("cc") is None or summarizer.compiled.kernels is not None
