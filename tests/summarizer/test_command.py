import io
import json
import subprocess
import sys

import pytest

from summarizer.__main__ import main
from tests.summarizer.test_html_article import FIRST, PAGE, SECOND

ARTICLE = "The council cut the budget. Nobody came. 😀 The river is at the bridge! It was said."


@pytest.fixture
def article(tmp_path):
    file = tmp_path / "article.txt"
    file.write_text(ARTICLE, encoding="utf-8")
    return str(file)


def run(*arguments: str, checkpoint) -> int:
    return main([*arguments, "--checkpoint", str(checkpoint)])


def test_it_prints_the_summary_a_sentence_a_line(article, tiny_checkpoint, capsys, summarizer):
    assert run(article, "--sentences", "2", checkpoint=tiny_checkpoint) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line in ARTICLE for line in lines)


def test_it_reads_standard_input(tiny_checkpoint, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ARTICLE.encode())))
    assert run("--sentences", "1", checkpoint=tiny_checkpoint) == 0
    assert capsys.readouterr().out.strip() in ARTICLE


def test_scores_show_every_sentence_with_a_bar_and_a_mark(article, tiny_checkpoint, capsys, summarizer):
    assert run(article, "--scores", "--sentences", "1", checkpoint=tiny_checkpoint) == 0
    lines = capsys.readouterr().out.splitlines()
    sentences = summarizer.evaluate(ARTICLE).sentences
    assert len(lines) == len(sentences)
    for line, sentence in zip(lines, sentences, strict=True):
        assert line.startswith(f"{sentence.score:.2f} ")
        assert line.endswith(sentence.text)
    assert sum(" * " in line for line in lines) == 1


def test_json_is_the_form_of_the_api(article, tiny_checkpoint, capsys, summarizer):
    assert run(article, "--json", "--words", "9", "--order", "score", checkpoint=tiny_checkpoint) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sentences"][2]["text"] in ARTICLE
    assert set(found) == {"model", "sentences", "summary", "warnings"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sentences", "0"], "sentences must be a whole number of at least 1; got 0"),
        (["--ratio", "2"], "ratio must be a number"),
        (["--threshold", "nan"], "threshold must be a number"),
    ],
)
def test_an_impossible_option_is_one_line_and_status_2(article, tiny_checkpoint, capsys, arguments, message):
    assert run(article, *arguments, checkpoint=tiny_checkpoint) == 2
    error = capsys.readouterr().err
    assert error.startswith("summarizer: ")
    assert message in error
    assert error.count("\n") == 1


def test_two_budgets_are_refused(article, tiny_checkpoint, capsys):
    with pytest.raises(SystemExit) as caught:
        run(article, "--sentences", "2", "--words", "3", checkpoint=tiny_checkpoint)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([""], "article"),
        (["--checkpoint", ""], "--checkpoint"),
        (["--encoder", ""], "--encoder"),
        (["batch", "", "out"], "IN"),
        (["batch", "in.jsonl", ""], "OUT"),
        (["batch", "in.jsonl", "out", "--checkpoint", ""], "--checkpoint"),
    ],
)
def test_an_empty_name_is_neither_the_current_folder_nor_the_default(
    tmp_path, capsys, monkeypatch, arguments, named
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert f"argument {named}: the name is empty" in capsys.readouterr().err


def test_files_that_cannot_be_read_are_named(tmp_path, tiny_checkpoint, capsys):
    (tmp_path / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    (tmp_path / "empty.txt").write_bytes(b"")
    for name, message in [("latin.txt", "byte 3"), ("empty.txt", "empty"), ("missing.txt", "missing.txt")]:
        assert run(str(tmp_path / name), checkpoint=tiny_checkpoint) == 1
        assert message in capsys.readouterr().err


def test_a_closed_standard_input_is_one_line_and_status_1(tiny_checkpoint, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)  # as after <&-
    assert run(checkpoint=tiny_checkpoint) == 1
    assert capsys.readouterr().err.startswith("summarizer: standard input is closed; name a file")


def test_ctrl_c_while_it_reads_shows_no_trace(tiny_checkpoint, capsys, monkeypatch):
    class Interrupted(io.BytesIO):
        def read(self, *_):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Interrupted()))
    assert run(checkpoint=tiny_checkpoint) == 130
    assert capsys.readouterr().err == "summarizer: interrupted\n"


def test_characters_that_the_output_cannot_hold_are_one_line_and_nothing_is_lost_in_silence(
    article, tiny_checkpoint, capsys, monkeypatch
):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    assert run(article, "--scores", checkpoint=tiny_checkpoint) == 1
    error = capsys.readouterr().err
    assert error.startswith("summarizer: standard output is encoded as latin-1, which cannot represent '")
    assert error.endswith("; set PYTHONIOENCODING=utf-8\n")
    assert written.getvalue() == b""


@pytest.mark.parametrize("text", [ARTICLE.replace("😀", ""), "Совет города урезал бюджет. Никто не пришёл."])
@pytest.mark.parametrize("encoding", ["utf-16le", "utf-16be"])
def test_utf_16_is_refused_though_its_bytes_are_utf_8(
    tmp_path, tiny_checkpoint, capsys, monkeypatch, text, encoding
):
    raw = text.encode(encoding)
    (tmp_path / "article.txt").write_bytes(raw)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    for name, source in [(str(tmp_path / "article.txt"), "article.txt"), ("-", "standard input")]:
        assert run(name, checkpoint=tiny_checkpoint) == 1
        output = capsys.readouterr()
        assert output.out == ""
        assert f"{source} is not UTF-8: " in output.err
        assert "U+0000, as in UTF-16; convert it first" in output.err


def test_a_stray_null_is_no_reason_to_refuse_an_article(tmp_path, tiny_checkpoint, capsys):
    (tmp_path / "article.txt").write_text(f"{ARTICLE}\0", encoding="utf-8")
    assert run(str(tmp_path / "article.txt"), checkpoint=tiny_checkpoint) == 0


def test_a_warning_goes_to_standard_error(article, tiny_checkpoint, capsys):
    assert run(article, "--words", "1", checkpoint=tiny_checkpoint) == 0
    output = capsys.readouterr()
    assert output.out.strip() == ""
    assert "every sentence is longer than words=1" in output.err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_stops_early_is_no_error(article, tiny_checkpoint, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = f"{sys.executable} -m summarizer {article} --scores --checkpoint {tiny_checkpoint} | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["page.html", "page.HTM", "page", "-"])
def test_a_page_is_read_as_its_main_text_and_json_says_what_offsets_refer_to(
    tmp_path, tiny_checkpoint, capsys, monkeypatch, name
):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PAGE.encode())))
    (tmp_path / name).write_text(PAGE, encoding="utf-8")
    file = name if name == "-" else str(tmp_path / name)
    assert run(file, "--json", checkpoint=tiny_checkpoint) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["text"] == f"{FIRST}\n\n{SECOND}"
    for sentence in found["sentences"]:
        assert found["text"][sentence["start"] : sentence["end"]] == sentence["text"]


def test_a_fragment_is_a_page_only_if_asked(tmp_path, tiny_checkpoint, capsys):
    (tmp_path / "fragment").write_text(f"<p>{FIRST}</p><p>{SECOND}</p>", encoding="utf-8")
    assert run(str(tmp_path / "fragment"), "--json", checkpoint=tiny_checkpoint) == 0
    assert json.loads(capsys.readouterr().out)["sentences"][0]["text"].startswith("<p>")
    assert run(str(tmp_path / "fragment"), "--html", "--json", checkpoint=tiny_checkpoint) == 0
    assert json.loads(capsys.readouterr().out)["text"] == f"{FIRST}\n\n{SECOND}"


def test_a_page_without_an_article_is_one_line_and_status_1(tmp_path, tiny_checkpoint, capsys):
    (tmp_path / "empty.html").write_text("<html></html>")
    assert run(str(tmp_path / "empty.html"), checkpoint=tiny_checkpoint) == 1
    assert capsys.readouterr().err.startswith("summarizer: no article was found in the page; ")


def test_an_article_can_be_read_as_a_kind(article, kinds_checkpoint, capsys):
    printed = []
    for kind in ("news", "paper"):
        assert run(str(article), "--scores", "--kind", kind, checkpoint=kinds_checkpoint) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] != printed[1]
    assert run(str(article), "--kind", "poem", checkpoint=kinds_checkpoint) == 2
    assert "kind must be one of news, paper; got 'poem'" in capsys.readouterr().err
