import errno
import stat
from pathlib import Path

import pytest

from summarizer.drafts import draft_of, draft_of_file, is_free, remove_drafts, write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_only_when_it_is_whole(tmp_path):
    with draft_of(tmp_path / "deep" / "wanted", marker="config") as draft:
        (draft / "config").write_text("1")
        assert not (tmp_path / "deep" / "wanted").exists()
    assert names(tmp_path / "deep") == ["wanted"]
    assert stat.S_IMODE((tmp_path / "deep" / "wanted" / "config").stat().st_mode) == 0o644


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "config").write_text("old")
    with pytest.raises(ZeroDivisionError), draft_of(tmp_path / "wanted", marker="config") as draft:
        (draft / "config").write_text(f"new {1 / 0}")
    assert names(tmp_path) == ["wanted"]
    assert (tmp_path / "wanted" / "config").read_text() == "old"


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "config").write_text("old")
    rename = Path.rename

    def fails_for_the_draft(path, target):
        if (path / "config").read_text() == "new":
            raise OSError(errno.EIO, "as a disk may say")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_draft)
    with pytest.raises(OSError, match="as a disk may say"), draft_of(tmp_path / "wanted", "config") as draft:
        (draft / "config").write_text("new")
    assert names(tmp_path) == ["wanted"]
    assert (tmp_path / "wanted" / "config").read_text() == "old"


def test_a_folder_of_the_same_kind_and_an_empty_one_are_replaced(tmp_path):
    (tmp_path / "wanted").mkdir()
    for content in ("first", "second"):
        with draft_of(tmp_path / "wanted", marker="config") as draft:
            (draft / "config").write_text(content)
    assert names(tmp_path) == ["wanted"]
    assert (tmp_path / "wanted" / "config").read_text() == "second"


def test_what_somebody_else_wrote_is_not_replaced(tmp_path):
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "thesis.txt").write_text("three years of work")
    (tmp_path / "file").write_text("a file")
    for name in ("wanted", "file"):
        with pytest.raises(FileExistsError, match="contains no config, so it is not replaced"):  # noqa: SIM117
            with draft_of(tmp_path / name, marker="config"):
                pytest.fail("nothing should be written")
    assert names(tmp_path / "wanted") == ["thesis.txt"]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    file = tmp_path / "wanted.json"
    write_whole(file, "é")
    assert file.read_bytes() == "é".encode()
    with pytest.raises(ZeroDivisionError), draft_of_file(file) as draft:
        draft.write_text(f"new {1 / 0}")
    assert file.read_text() == "é"
    assert names(tmp_path) == ["wanted.json"]


def test_processes_that_write_the_same_file_write_drafts_of_their_own(tmp_path):
    file = tmp_path / "wanted.json"
    with draft_of_file(file, shared=True) as one, draft_of_file(file, shared=True) as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert names(tmp_path) == ["wanted.json"]


def test_what_a_killed_process_left_neither_occupies_a_folder_nor_stays(tmp_path):
    with draft_of_file(tmp_path / "wanted.json", shared=True) as left:
        left.write_text("half")
        left.with_name(left.name.replace("wanted", "killed")).write_text("half")
    assert not is_free(tmp_path)
    (tmp_path / "wanted.json").unlink()
    assert is_free(tmp_path)
    remove_drafts(tmp_path)
    assert names(tmp_path) == []
    assert is_free(tmp_path / "absent")
    (tmp_path / ".hidden").touch()
    assert not is_free(tmp_path)
    assert not is_free(tmp_path / ".hidden")
