import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rows import Rows, RowStore, RowStoreError

ABOUT = {"rows": "test"}


def block(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count * 3, dtype=np.float32).reshape(count, 3)


def filled(folder: Path) -> Path:
    with RowStore(folder, ABOUT, 3) as store:
        store.add("a", block(0, 2))
        store.add("none", block(0, 0))
        store.add("b", block(100, 4))
        store.flush()
    return folder


def test_what_was_added_is_read_back_by_its_key(tmp_path):
    rows = Rows.open(filled(tmp_path / "store"))
    np.testing.assert_array_equal(rows["a"], block(0, 2))
    np.testing.assert_array_equal(rows["b"], block(100, 4))
    assert rows["none"].shape == (0, 3)
    assert "c" not in rows


def test_a_store_that_is_opened_again_goes_on_where_it_was(tmp_path):
    filled(tmp_path / "store")
    with RowStore(tmp_path / "store", ABOUT, 3) as store:
        assert "a" in store
        store.add("c", block(7, 1))
        store.flush()
        np.testing.assert_array_equal(store.read()["c"], block(7, 1))
    np.testing.assert_array_equal(Rows.open(tmp_path / "store")["b"], block(100, 4))


@given(cut=st.integers(0, 200), which=st.sampled_from(["rows.f32", "index.jsonl"]))
def test_a_kill_at_any_byte_costs_whole_groups_at_the_end_and_nothing_else(tmp_path_factory, cut, which):
    folder = filled(tmp_path_factory.mktemp("kill") / "store")
    content = (folder / which).read_bytes()
    (folder / which).write_bytes(content[: max(0, len(content) - cut)])
    with RowStore(folder, ABOUT, 3) as store:
        left = [key for key in ("a", "none", "b") if key in store]
        assert left == ["a", "none", "b"][: len(left)]
        for key in ("a", "b"):
            if key not in store:
                store.add(key, block(0, 2) if key == "a" else block(100, 4))
        store.flush()
    rows = Rows.open(folder)
    np.testing.assert_array_equal(rows["a"], block(0, 2))
    np.testing.assert_array_equal(rows["b"], block(100, 4))


def test_rows_that_changed_on_disk_are_refused_by_name(tmp_path):
    folder = filled(tmp_path / "store")
    content = bytearray((folder / "rows.f32").read_bytes())
    content[30] ^= 1
    (folder / "rows.f32").write_bytes(content)
    rows = Rows.open(folder)
    np.testing.assert_array_equal(rows["a"], block(0, 2))
    with pytest.raises(RowStoreError, match=r"rows\.f32 is damaged: rows 2 to 6"):
        rows["b"]


def test_a_store_of_something_else_is_refused(tmp_path):
    filled(tmp_path / "store")
    with pytest.raises(RowStoreError, match=r"expected {'rows': 'other', 'width': 3}"):
        RowStore(tmp_path / "store", {"rows": "other"}, 3)
    (tmp_path / "store" / "about.json").write_text("{")
    with pytest.raises(RowStoreError, match=r"about\.json is damaged"):
        RowStore(tmp_path / "store", ABOUT, 3)


def test_a_folder_without_a_store_is_refused(tmp_path):
    with pytest.raises(RowStoreError, match="does not contain readable rows"):
        Rows.open(tmp_path)


def test_rows_of_another_width_are_refused(tmp_path):
    with RowStore(tmp_path / "store", ABOUT, 3) as store, pytest.raises(ValueError, match=r"shape \(n, 3\)"):
        store.add("a", np.zeros((2, 4), np.float32))


def _hold(folder: Path, held, release) -> None:  # type: ignore[no-untyped-def]
    with RowStore(folder, ABOUT, 3):
        held.set()
        release.wait(30)


def test_two_processes_cannot_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "store", held, release))
    other.start()
    try:
        assert held.wait(30)
        with pytest.raises(BlockingIOError, match="being written by another process"):
            RowStore(tmp_path / "store", ABOUT, 3)
    finally:
        release.set()
        other.join()
    RowStore(tmp_path / "store", ABOUT, 3).close()


def test_the_index_is_plain_lines(tmp_path):
    lines = (filled(tmp_path / "store") / "index.jsonl").read_text().splitlines()
    assert [json.loads(line)[:3] for line in lines] == [["a", 0, 2], ["none", 2, 0], ["b", 2, 4]]
