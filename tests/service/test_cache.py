import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from service.cache import ENTRY_BYTES, ResponseCache


def key(number: int) -> bytes:
    return number.to_bytes(32)


def test_a_body_is_found_again_under_its_key_and_no_other():
    cache = ResponseCache(10_000)
    cache.put(key(1), b"one")
    assert cache.get(key(1)) == b"one"
    assert cache.get(key(2)) is None


def test_the_least_recently_used_body_is_dropped():
    cache = ResponseCache(3 * (ENTRY_BYTES + 1))
    for number in (1, 2, 3):
        cache.put(key(number), b"x")
    cache.get(key(1))
    cache.put(key(4), b"x")
    assert [cache.get(key(number)) for number in (1, 2, 3, 4)] == [b"x", None, b"x", b"x"]


def test_a_body_that_does_not_fit_still_removes_the_previous_one():
    cache = ResponseCache(ENTRY_BYTES + 5)
    cache.put(key(1), b"small")
    assert cache.get(key(1)) == b"small"
    cache.put(key(1), b"larger")
    assert cache.get(key(1)) is None
    assert cache.size == 0


def test_nothing_is_kept_without_room():
    cache = ResponseCache(0)
    cache.put(key(1), b"")
    assert cache.get(key(1)) is None
    assert cache.size == 0


@given(
    st.integers(0, 4000),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2000), st.booleans())),
)
def test_it_never_exceeds_its_limit_and_returns_only_the_latest_body(limit, steps):
    cache = ResponseCache(limit)
    latest = {}
    for number, size, asks in steps:
        if asks:
            assert cache.get(key(number)) in (None, latest.get(number))
        else:
            latest[number] = bytes(size)
            cache.put(key(number), latest[number])
            fits = size + ENTRY_BYTES <= limit
            assert (cache.get(key(number)) == latest[number]) or not fits
        assert cache.size <= limit


def test_small_bodies_do_not_take_more_memory_than_the_limit_says():
    limit = 2_000_000
    cache = ResponseCache(limit)
    gc.collect()
    tracemalloc.start()
    for number in range(50_000):
        cache.put(key(number), b"x" * (number % 50))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cache.size <= limit
    assert held <= limit * 1.1


def test_threads_do_not_disturb_each_other_s_counting():
    cache = ResponseCache(20_000)

    def churn(start: int) -> None:
        for number in range(2000):
            cache.put(key((start + number) % 97), b"x" * (number % 300))
            cache.get(key(number % 97))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(churn, range(8)))
    assert 0 < cache.size <= 20_000
    assert cache.size == sum(len(body) + ENTRY_BYTES for body in cache._bodies.values())
