import gzip
import importlib.util
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from summarizer import Summarizer, SummaryOptions, corpus_processes, corpus_reading
from summarizer.__main__ import main
from summarizer.batch_command import Progress
from summarizer.corpus_folder import MANIFEST_FILE
from summarizer.corpus_processes import LocalProcesses
from summarizer.corpus_reading import Columns
from summarizer.corpus_scoring import Counts, Settings, score_corpus, score_task, tasks_of
from summarizer.errors import CorpusError, InvalidOption
from tests.tiny import make_checkpoint

ARTICLES = [
    "The council cut the budget. Nobody came. The river is at the bridge!",
    "He said it. 😀 The storm was at the school. They said that on fire. She is with the police.",
    "A million people in a city.",
    "Fire at the school. It was said to the police.\n\nThe vote is a year on. The budget of the city.",
]


def here(files, job):
    """A runner without processes."""
    for position, file in enumerate(files):
        for task in tasks_of(file, position, job):
            yield score_task(task, job)


def write_lines(file: Path, rows) -> Path:
    file.write_bytes(
        b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)
    )
    return file


def results(out: Path) -> list[dict]:
    """Of all parts, in the order of their names."""
    found = []
    for part in sorted(out.glob("part-*")):
        if part.suffix == ".parquet":
            found += parquet.read_table(part).to_pylist()
        else:
            found += [json.loads(line) for line in part.read_bytes().splitlines()]
    return found


def contents(out: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in sorted(out.glob("part-*"))}


@pytest.fixture
def corpus(tmp_path) -> Path:
    rows = [{"id": f"a{n}", "text": ARTICLES[n % len(ARTICLES)], "n": n} for n in range(10)]
    return write_lines(tmp_path / "corpus.jsonl", rows)


@pytest.fixture
def score(tiny_checkpoint):
    def call(
        corpus: Path, out: Path, runner=here, checkpoint=tiny_checkpoint, on_progress=None, **settings
    ) -> Counts:
        settings.setdefault("rows_per_part", 3)
        return score_corpus(
            corpus, out, runner, Settings(**settings), checkpoint=str(checkpoint), on_progress=on_progress
        )

    return call


SCORED = st.sampled_from(ARTICLES).map(lambda text: {"text": text})
REFUSED = st.sampled_from([{"text": " "}, {"text": None}, {"text": 7}, {}, {"text": "?!"}])


@given(rows=st.lists(st.one_of(SCORED, REFUSED), max_size=12), rows_per_part=st.integers(1, 5))
def test_every_row_gets_what_evaluate_gives_or_an_error_in_the_order_of_the_input(
    summarizer: Summarizer, tiny_checkpoint, rows, rows_per_part
):
    rows = [{"id": number, **row} for number, row in enumerate(rows)]
    settings = Settings(rows_per_part=rows_per_part, options=SummaryOptions(words=9, order="score"))
    with tempfile.TemporaryDirectory() as folder:
        corpus, out = write_lines(Path(folder) / "c.jsonl", rows), Path(folder) / "out"
        counts = score_corpus(corpus, out, here, settings, checkpoint=str(tiny_checkpoint))
        found = results(out)
    assert [result["id"] for result in found] == [row["id"] for row in rows]
    assert (counts.rows, counts.errors) == (len(rows), sum("error" in result for result in found))
    for row, result in zip(rows, found, strict=True):
        if row.get("text") in ARTICLES:
            expected = summarizer.evaluate(row["text"], settings.options).as_dict()
            assert {"model": expected["model"], **result} == {"id": row["id"], **expected}
        else:
            assert set(result) == {"id", "error"}


@pytest.mark.parametrize(
    ("row", "row_id", "code", "detail"),
    [
        (b"{]\n", None, "malformed_row", "row 2 of corpus.jsonl cannot be read"),
        (b"\xff\n", None, "malformed_row", "row 2 of corpus.jsonl cannot be read"),
        (b'{"id": "x", "text": "\\ud800"}\n', None, "malformed_row", "row 2 of corpus.jsonl"),
        (b"[" * 5000 + b"\n", None, "malformed_row", "row 2 of corpus.jsonl"),
        (["x"], None, "invalid_row", "a row must be an object; got list"),
        (
            {"text": "It is."},
            None,
            "invalid_row",
            "id must be a string or a whole number; the row has no such field",
        ),
        (
            {"id": 1.5, "text": "It is."},
            None,
            "invalid_row",
            "id must be a string or a whole number; got number",
        ),
        ({"id": True, "text": "It is."}, None, "invalid_row", "got boolean"),
        ({"id": "x"}, "x", "invalid_row", "text must be a string; the row has no such field"),
        ({"id": "x", "text": None}, "x", "invalid_row", "text must be a string; got null"),
        ({"id": "x", "text": ["It is."]}, "x", "invalid_row", "text must be a string; got list"),
        ({"id": "x", "text": ""}, "x", "empty_text", "empty"),
        ({"id": "x", "text": "—"}, "x", "no_sentences", ""),
        ({"id": "x", "text": "It is. " * 9}, "x", "too_many_sentences", "the limit is 8"),
    ],
)
def test_a_row_that_cannot_be_scored_becomes_an_error_and_stops_nothing(
    tmp_path, score, row, row_id, code, detail
):
    rows = [{"id": "before", "text": ARTICLES[0]}, row, {"id": "after", "text": ARTICLES[1]}]
    corpus = write_lines(tmp_path / "corpus.jsonl", rows)
    assert score(corpus, tmp_path / "out", max_sentences=8).errors == 1
    before, refused, after = results(tmp_path / "out")
    assert (before["id"], refused["id"], after["id"]) == ("before", row_id, "after")
    assert "error" not in before | after
    assert refused["error"]["code"] == code
    assert detail in refused["error"]["detail"]


def test_an_article_that_breaks_the_network_takes_no_other_down(tmp_path, corpus, score, monkeypatch):
    encode = Summarizer.encode

    def fail(self, documents):
        if any(document.text == ARTICLES[2] for document in documents):
            raise RuntimeError("no luck")
        return encode(self, documents)

    monkeypatch.setattr(Summarizer, "encode", fail)
    assert score(corpus, tmp_path / "out").errors == 2
    errors = {result["id"]: result["error"] for result in results(tmp_path / "out") if "error" in result}
    assert set(errors) == {"a2", "a6"}
    assert errors["a2"] == {"code": "internal_error", "detail": "RuntimeError: no luck"}


def test_a_line_of_any_length_is_passed_over_in_bounded_memory(tmp_path, score, monkeypatch):
    monkeypatch.setattr(corpus_reading, "MAX_ROW_BYTES", 100)
    rows = [{"id": "long", "text": "It is. " * 1000}, {"id": "x", "text": "It is."}]
    corpus = write_lines(tmp_path / "corpus.jsonl", [*rows, {"id": "last", "text": "It is. " * 1000}])
    (chunk,) = corpus_reading.read_chunks(corpus_reading.find_files(corpus)[0], Columns(), 10)
    assert len(chunk.payload) < 300
    score(corpus, tmp_path / "out")
    codes = [result.get("error", {}).get("code") for result in results(tmp_path / "out")]
    assert codes == ["row_too_long", None, "row_too_long"]


def test_a_part_of_long_articles_has_fewer_rows(tmp_path, corpus, score, monkeypatch):
    monkeypatch.setattr(corpus_reading, "MAX_CHUNK_BYTES", 200)
    counts = score(corpus, tmp_path / "out", rows_per_part=10)
    assert 1 < counts.parts < 10
    assert [result["id"] for result in results(tmp_path / "out")] == [f"a{n}" for n in range(10)]


def test_blank_lines_a_byte_order_mark_and_a_missing_last_line_feed_are_no_rows(tmp_path, score):
    row = json.dumps({"id": "x", "text": ARTICLES[0]}).encode()
    corpus = write_lines(tmp_path / "corpus.jsonl", [b"\xef\xbb\xbf" + row + b"\r\n\n  \n" + row])
    counts = score(corpus, tmp_path / "out")
    assert (counts.rows, counts.errors) == (2, 0)
    assert [result["id"] for result in results(tmp_path / "out")] == ["x", "x"]


def as_formats(corpus: Path, folder: Path) -> list[Path]:
    zipped, table = folder / "corpus.jsonl.gz", folder / "corpus.parquet"
    zipped.write_bytes(gzip.compress(corpus.read_bytes()))
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    parquet.write_table(pyarrow.Table.from_pylist(rows), table, row_group_size=4)
    return [corpus, zipped, table]


@pytest.mark.parametrize("part_format", ["jsonl", "parquet"])
def test_every_format_in_gives_the_same_out(tmp_path, corpus, score, part_format):
    found = []
    for number, file in enumerate(as_formats(corpus, tmp_path)):
        out = tmp_path / f"out-{number}"
        score(file, out, format=part_format, columns=Columns(keep=("n",)))
        found.append(
            [{**result, "n": int(result["n"])} for result in results(out)]  # from JSON Lines a string
        )
    assert found[0] == found[1] == found[2]
    assert [result["n"] for result in found[0]] == list(range(10))


def test_a_folder_is_read_in_the_order_of_names(tmp_path, score):
    folder = tmp_path / "corpus"
    (folder / "2025").mkdir(parents=True)
    write_lines(folder / "b.jsonl", [{"id": "last", "text": ARTICLES[0]}])
    write_lines(folder / "2025" / "z.jsonl", [{"id": "first", "text": ARTICLES[0]}])
    (folder / "README.md").write_text("not an article")
    (folder / "_SUCCESS.jsonl").write_text("not an article")
    assert score(folder, tmp_path / "out").parts == 2
    assert [result["id"] for result in results(tmp_path / "out")] == ["first", "last"]


def test_what_programs_leave_in_hidden_folders_is_not_read(tmp_path, score):
    corpus = tmp_path / ".hidden" / "corpus"  # only names within the corpus matter
    for folder in (".ipynb_checkpoints", "_temporary/0", "2025/.cache", "2025/a_b"):
        (corpus / folder).mkdir(parents=True)
        write_lines(corpus / folder / "a.jsonl", [{"id": folder, "text": ARTICLES[0]}])
    assert score(corpus, tmp_path / "out").parts == 1
    assert [result["id"] for result in results(tmp_path / "out")] == ["2025/a_b"]


def test_parquet_keeps_the_types_of_parquet(tmp_path, score):
    when = datetime(2025, 5, 1, tzinfo=UTC)
    rows = [{"key": 2**40, "body": ARTICLES[0], "when": when, "tags": ["a", None]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "c.parquet")
    columns = Columns("key", "body", ("when", "tags"))
    for part_format in ("parquet", "jsonl"):
        score(tmp_path / "c.parquet", tmp_path / part_format, format=part_format, columns=columns)
    (typed,) = results(tmp_path / "parquet")
    assert (typed["id"], typed["when"], typed["tags"]) == (2**40, when, ["a", None])
    assert typed["error"] is None
    (plain,) = results(tmp_path / "jsonl")
    assert (plain["id"], plain["when"], plain["tags"]) == (2**40, "2025-05-01T00:00:00Z", ["a", None])


def test_a_parquet_cell_that_cannot_be_read_fails_alone(tmp_path, score):
    broken = pyarrow.array([b"It is.", b"\xff", b"It is."]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"id": ["x", "y", "z"], "text": broken}), tmp_path / "c.parquet")
    assert score(tmp_path / "c.parquet", tmp_path / "out").errors == 1
    assert [result.get("error", {}).get("code") for result in results(tmp_path / "out")] == [
        None,
        "malformed_row",
        None,
    ]


def test_a_missing_part_alone_is_scored_again(tmp_path, corpus, score):
    out = tmp_path / "out"
    assert score(corpus, out).parts == 4
    whole = contents(out)
    ages = {part.name: part.stat().st_mtime_ns for part in out.glob("part-*")}
    (out / "part-00000-000002.jsonl").unlink()
    (out / ".part-00000-000002.jsonl.0.draft").write_text("half")
    counts = score(corpus, out)
    assert (counts.rows, counts.kept_rows, counts.parts) == (10, 7, 4)
    assert contents(out) == whole
    same = [name for name, age in ages.items() if (out / name).stat().st_mtime_ns == age]
    assert len(same) == 3
    assert not list(out.glob(".*"))


def test_the_manifest_says_when_all_parts_are_there(tmp_path, corpus, score):
    out, seen = tmp_path / "out", []

    def look(counts, size):
        seen.append((counts.rows, json.loads((out / MANIFEST_FILE).read_text())["complete"]))

    score(corpus, out, on_progress=look)
    assert seen == [(3, False), (6, False), (9, False), (10, False)]
    manifest = json.loads((out / MANIFEST_FILE).read_text())
    assert (manifest["complete"], manifest["parts"], manifest["rows"]) == (True, 4, 10)


def test_while_a_missing_part_is_made_again_the_manifest_does_not_say_that_all_are_there(
    tmp_path, corpus, score
):
    out = tmp_path / "out"
    score(corpus, out)
    whole = (out / MANIFEST_FILE).read_bytes()
    (out / "part-00000-000002.jsonl").unlink()

    def killed(counts, size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(corpus, out, on_progress=killed)
    assert json.loads((out / MANIFEST_FILE).read_text())["complete"] is False
    for _ in range(2):  # with a part missing, and with none
        score(corpus, out)
        assert (out / MANIFEST_FILE).read_bytes() == whole


def test_another_input_setting_or_model_is_refused_by_name(tmp_path, corpus, score):
    out = tmp_path / "out"
    score(corpus, out)
    before = contents(out)
    other_model = make_checkpoint(tmp_path / "other", width=4)
    for named, arguments in {
        "settings options words was null, now it is 5": {"options": SummaryOptions(words=5)},
        "settings columns text was": {"columns": Columns(text="body")},
        "settings rows_per_part was 3, now it is 4": {"rows_per_part": 4},
        "settings format": {"format": "parquet"},
        "model sha256": {"checkpoint": other_model},
    }.items():
        with pytest.raises(CorpusError, match=named):
            score(corpus, out, **arguments)
    other = write_lines(tmp_path / "other.jsonl", [{"id": 1, "text": ARTICLES[0]}])
    with pytest.raises(CorpusError, match=r"input corpus\.jsonl bytes was \d+, now it is absent"):
        score(other, out)
    os.utime(corpus, ns=(0, 0))
    with pytest.raises(CorpusError, match=r"input corpus\.jsonl modified"):
        score(corpus, out)
    assert contents(out) == before


def test_a_folder_with_other_things_is_left_alone(tmp_path, corpus, score):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(CorpusError, match=r"contains other files, but no manifest\.json"):
        score(corpus, other)
    with pytest.raises(CorpusError, match="is part of the input"):
        score(tmp_path, tmp_path / "out")
    with pytest.raises(CorpusError, match="is a file"):
        score(corpus, other / "thesis.txt")
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("content", ["[]", "{}", "null", "3", "{"])
def test_a_folder_with_another_manifest_is_left_alone(tmp_path, corpus, score, content):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / MANIFEST_FILE).write_text(content)
    with pytest.raises(CorpusError, match=r"manifest\.json .*name a new folder"):
        score(corpus, tmp_path / "other")
    assert (tmp_path / "other" / MANIFEST_FILE).read_text() == content


def test_two_runs_do_not_share_a_folder(tmp_path, corpus, score):
    def meanwhile(counts, size):
        with pytest.raises(BlockingIOError, match="is being written by another process"):
            score(corpus, tmp_path / "out")

    assert score(corpus, tmp_path / "out", on_progress=meanwhile).parts == 4


def test_input_that_cannot_be_read_is_named(tmp_path, corpus, score):
    _, zipped, table = as_formats(corpus, tmp_path)
    zipped.write_bytes(zipped.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"corpus\.jsonl\.gz is damaged after row"):
        score(zipped, tmp_path / "cut")
    with pytest.raises(CorpusError, match="should have one column 'body'; its columns are id, text, n"):
        score(table, tmp_path / "columns", columns=Columns(text="body"))
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"corpus\.parquet is not a readable Parquet file"):
        score(table, tmp_path / "damaged")
    with pytest.raises(CorpusError, match=r"missing\.jsonl does not exist"):
        score(tmp_path / "missing.jsonl", tmp_path / "out")
    (tmp_path / "a.csv").write_text("id,text")
    with pytest.raises(CorpusError, match=r"should end in one of \.jsonl, \.jsonl\.gz, \.parquet"):
        score(tmp_path / "a.csv", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="contains no file"):
        score(tmp_path / "empty", tmp_path / "out")


def test_a_kept_column_cannot_hide_a_result():
    with pytest.raises(CorpusError, match="'summary' cannot be kept"):
        Settings(Columns(keep=("summary",)))


def test_parquet_without_pyarrow_names_the_extra_and_json_lines_do_not_need_it(
    tmp_path, corpus, score, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CorpusError, match=r"run pip install '.\[distributed\]' in the project's folder"):
        score(corpus, tmp_path / "out", format="parquet")
    assert score(corpus, tmp_path / "out").parts == 4


def test_processes_write_the_parts_that_one_alone_writes(tmp_path, corpus, score):
    score(corpus, tmp_path / "alone", format="parquet")
    score(corpus, tmp_path / "together", runner=LocalProcesses(2), format="parquet")
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")
    with pytest.raises(InvalidOption, match="processes must be at least 1; got 0"):
        LocalProcesses(0)


def test_reading_waits_for_scoring(tmp_path, corpus, score, monkeypatch):
    read, ahead = [], []

    def counted(*arguments):
        for task in tasks_of(*arguments):
            read.append(task)
            yield task

    monkeypatch.setattr(corpus_processes, "tasks_of", counted)
    score(
        corpus,
        tmp_path / "out",
        LocalProcesses(1),
        rows_per_part=1,
        on_progress=lambda counts, size: ahead.append(len(read) - counts.parts),
    )
    assert len(read) == 10
    assert max(ahead) <= 3


def test_a_process_that_is_killed_ends_the_run_with_a_reason_and_nothing_is_lost(tmp_path, corpus, score):
    def kill(counts, size):
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(CorpusError, match="one of the processes was killed"):
        score(corpus, tmp_path / "out", LocalProcesses(1), rows_per_part=1, on_progress=kill)
    assert 1 <= len(contents(tmp_path / "out")) < 10
    assert score(corpus, tmp_path / "out", rows_per_part=1).kept_rows >= 1
    assert [result["id"] for result in results(tmp_path / "out")] == [f"a{n}" for n in range(10)]


@pytest.fixture
def long_run(tmp_path, tiny_checkpoint):
    """A command that is at work, and a way to run it again."""
    rows = [{"id": n, "text": " ".join(ARTICLES) * 20} for n in range(600)]
    corpus, out = write_lines(tmp_path / "long.jsonl", rows), tmp_path / "out"
    command = [sys.executable, "-m", "summarizer", "batch", str(corpus), str(out), "--rows-per-part", "5"]
    command += ["--processes", "1", "--checkpoint", str(tiny_checkpoint)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(list(out.glob("part-*"))) < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    yield process, corpus, out
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.stderr.close()


def test_a_killed_run_leaves_whole_parts_and_no_process_and_goes_on_to_the_same_bytes(
    tmp_path, long_run, score
):
    process, corpus, out = long_run
    process.kill()
    process.wait()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.killpg(process.pid, 0)  # its processes are in its group
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a process outlives its parent")
    kept = contents(out)
    assert 3 <= len(kept) < 120
    counts = score(corpus, out, rows_per_part=5)
    assert (counts.rows, counts.kept_rows) == (600, 5 * len(kept))
    found = contents(out)
    assert {name: found[name] for name in kept} == kept
    assert [result["id"] for result in results(out)] == list(range(600))


def test_an_interrupted_run_says_how_to_go_on_and_shows_no_trace(long_run):
    process, _, out = long_run
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines() == ["summarizer batch: interrupted; run the same command again to resume"]
    assert not json.loads((out / MANIFEST_FILE).read_text())["complete"]
    assert all(part.endswith(b"\n") for part in contents(out).values())


def test_the_command_scores_a_corpus_and_sums_up(tmp_path, corpus, tiny_checkpoint, capsys, summarizer):
    arguments = ["batch", str(corpus), str(tmp_path / "out"), "--checkpoint", str(tiny_checkpoint)]
    arguments += ["--processes", "1", "--sentences", "1", "--keep", "n"]
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("10 rows in 1 parts; 10 in ")
    first = results(tmp_path / "out")[0]
    assert first["n"] == 0
    assert first["summary"]["text"] == summarizer.evaluate(ARTICLES[0], SummaryOptions(sentences=1)).summary
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_errors_are_counted_for_this_run_and_it_says_so_where_an_earlier_one_left_parts(
    tmp_path, tiny_checkpoint, capsys
):
    rows = [{"id": "bad", "text": ""}, {"id": "good", "text": ARTICLES[0]}]
    arguments = ["batch", str(write_lines(tmp_path / "c.jsonl", rows)), str(tmp_path / "out")]
    arguments += ["--checkpoint", str(tiny_checkpoint), "--processes", "1"]
    for ending in (", 1 with errors\n", ", 0 with errors in this run\n"):
        assert main(arguments) == 0
        assert capsys.readouterr().err.endswith(ending)


def test_a_run_without_one_good_row_is_status_1(tmp_path, corpus, tiny_checkpoint, capsys):
    arguments = ["batch", str(corpus), str(tmp_path / "out"), "--checkpoint", str(tiny_checkpoint)]
    assert main([*arguments, "--text", "body", "--processes", "1"]) == 1
    assert capsys.readouterr().err.endswith(
        "10 with errors\nsummarizer batch: no row could be scored; the error of each row is in the parts\n"
    )


def test_what_the_command_cannot_do_is_one_line_and_status_1_or_2(tmp_path, corpus, capsys):
    out = str(tmp_path / "out")
    for arguments, status, message in [
        ([str(tmp_path / "missing.jsonl"), out], 1, "does not exist"),
        ([str(corpus), out, "--words", "0"], 2, "words must be a whole number"),
        ([str(corpus), out, "--rows-per-part", "0"], 2, "rows_per_part must be at least 1; got 0"),
        ([str(corpus), out, "--processes", "0"], 2, "processes must be at least 1; got 0"),
        ([str(corpus), out, "--checkpoint", str(tmp_path / "no")], 1, "no"),
    ]:
        assert main(["batch", *arguments]) == status
        error = capsys.readouterr().err
        assert error.startswith("summarizer batch: ")
        assert message in error
        assert error.count("\n") == 1


def test_an_article_may_be_in_a_file_named_batch(tmp_path, tiny_checkpoint, capsys, monkeypatch):
    (tmp_path / "batch").write_text(ARTICLES[0])
    monkeypatch.chdir(tmp_path)
    assert main(["./batch", "--sentences", "1", "--checkpoint", str(tiny_checkpoint)]) == 0
    assert capsys.readouterr().out.strip() in ARTICLES[0]


def test_progress_on_a_terminal_is_one_line(monkeypatch):
    class Terminal:
        written = ""

        def isatty(self):
            return True

        def write(self, text):
            self.written += text

        def flush(self):
            pass

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    terminal = Terminal()
    progress = Progress(terminal)
    for second in (0.1, 10.0, 20.0):
        now[0] = second
        progress.update(Counts(rows=int(second * 100), size=int(second * 10)), 1000)
    progress.finish(Counts(rows=2000, parts=4))
    lines = terminal.written.split("\r\x1b[K")
    assert lines[1:3] == [
        "1,000 articles (10 %), 0 with errors, 100 articles/s, 1 min 30 s left",
        "2,000 articles (20 %), 0 with errors, 100 articles/s, 1 min 20 s left",
    ]
    assert lines[3] == "2,000 rows in 4 parts; 2,000 in 20 s, 0 with errors\n"


def test_without_ray_the_message_names_the_extra(tmp_path, corpus, tiny_checkpoint, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = [str(corpus), str(tmp_path / "out"), "--ray", "--checkpoint", str(tiny_checkpoint)]
    assert main(["batch", *arguments]) == 1
    assert "run pip install '.[distributed]' in the project's folder" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")
def test_ray_writes_the_same_parts_and_goes_on_where_it_was(tmp_path, corpus, score, tiny_checkpoint):
    folder = tmp_path / "corpora"
    folder.mkdir()
    as_formats(corpus, folder)
    score(folder, tmp_path / "alone")
    command = [sys.executable, "-m", "summarizer", "batch", str(folder), str(tmp_path / "out"), "--ray"]
    command += ["--rows-per-part", "3", "--checkpoint", str(tiny_checkpoint)]

    def run():
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert run().returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    (tmp_path / "out" / "part-00001-000001.jsonl").unlink()
    again = run()
    assert "17 of them from an earlier run" in again.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    damaged = tmp_path / "damaged.jsonl.gz"
    damaged.write_bytes((folder / "corpus.jsonl.gz").read_bytes()[:-20])
    command[4:6] = [str(damaged), str(tmp_path / "damaged")]
    refused = run()
    assert refused.returncode == 1
    assert "damaged.jsonl.gz is damaged after row" in refused.stderr
    assert "Traceback" not in refused.stderr.splitlines()[-1]


def test_a_corpus_is_read_as_one_kind_and_an_unknown_one_is_refused_first(tmp_path, kinds_checkpoint):
    corpus = write_lines(tmp_path / "corpus.jsonl", [{"id": "1", "text": ARTICLES[1]}])
    for kind in ("news", "paper"):
        score_corpus(
            corpus,
            tmp_path / kind,
            here,
            Settings(options=SummaryOptions(kind=kind)),
            checkpoint=str(kinds_checkpoint),
        )
        (result,) = results(tmp_path / kind)
        expected = Summarizer.load(kinds_checkpoint).evaluate(ARTICLES[1], SummaryOptions(kind=kind))
        assert result["sentences"] == expected.as_dict()["sentences"]
        manifest = json.loads((tmp_path / kind / MANIFEST_FILE).read_text())
        assert manifest["settings"]["options"]["kind"] == kind
    score_corpus(corpus, tmp_path / "recognized", here, Settings(), checkpoint=str(kinds_checkpoint))
    manifest = json.loads((tmp_path / "recognized" / MANIFEST_FILE).read_text())
    assert "kind" not in manifest["settings"]["options"]  # as in folders from before there were kinds
    with pytest.raises(InvalidOption, match="one of news, paper; got 'poem'"):
        score_corpus(
            corpus,
            tmp_path / "poem",
            here,
            Settings(options=SummaryOptions(kind="poem")),
            checkpoint=str(kinds_checkpoint),
        )
    assert not (tmp_path / "poem").exists()
