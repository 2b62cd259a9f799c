import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from service.config import ServiceConfig
from service.engine import Article, ClientGone, DeadlineExceeded, Engine, QueueFull
from service.metrics import Metrics
from service.record import RequestRecord
from summarizer import EmptyText, Evaluation, Summarizer, SummaryOptions

OPTIONS = SummaryOptions(sentences=1)


class Held:
    """A summarizer that encodes only once it is released, and records the batches that it was given."""

    def __init__(self, summarizer: Summarizer) -> None:
        self._summarizer = summarizer
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.most_at_once = 0
        self._at_once = 0
        self.busy = threading.Event()
        self.go = threading.Event()

    def encode(self, documents: Any) -> Any:
        texts = [document.text for document in documents]
        self.batches.append(texts)
        self.threads.add(threading.current_thread().name)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.busy.set()
        try:
            assert self.go.wait(20)
            if any("bomb" in text for text in texts):
                raise RuntimeError("boom")
            return self._summarizer.encode(documents)
        finally:
            self._at_once -= 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._summarizer, name)


class Bench:
    """An engine with a held summarizer, and threads that call it."""

    def __init__(self, summarizer: Summarizer, **settings: int) -> None:
        self.held = Held(summarizer)
        config = ServiceConfig(**settings)  # type: ignore[arg-type]
        self.engine = Engine(self.held, config, Metrics(summarizer.model))  # type: ignore[arg-type]
        self._threads = ThreadPoolExecutor(32)

    def ask(
        self, *texts: str, seconds: float = 20, abandoned: Callable[[], bool] = lambda: False
    ) -> Future[list[Any]]:
        """Call the engine in a thread, and return once the articles are admitted or refused."""
        before, began = self.engine.depth, time.monotonic()
        articles = [Article(text, None, OPTIONS) for text in texts]
        asked = self._threads.submit(self.engine.evaluate, articles, began + seconds, abandoned)
        while self.engine.depth == before and not asked.done():
            time.sleep(0.001)
        return asked

    def occupy(self) -> Future[list[Any]]:
        """Keep the engine busy with one article until it is released."""
        first = self.ask("The first is in work.")
        assert self.held.busy.wait(20)
        return first

    def wait_for_queue(self, articles: int) -> None:
        while len(self.engine._jobs) < articles:
            time.sleep(0.001)

    def close(self) -> None:
        self.held.go.set()
        self._threads.shutdown()


@pytest.fixture
def bench(summarizer: Summarizer) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: int) -> Bench:
        made.append(Bench(summarizer, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_concurrent_requests_get_exactly_the_evaluations_that_each_would_get_alone(bench, summarizer):
    texts = [f"It was storm {n}. " * (1 + n % 7) + "The city said no! " * (n % 3) for n in range(60)]
    asking = bench(batch_sentences=20)
    asking.held.go.set()
    answers = [asking.ask(text) for text in texts]
    assert [answer.result() for answer in answers] == [[summarizer.evaluate(text, OPTIONS)] for text in texts]


def test_the_callers_own_sentences_and_options_are_kept_apart_by_article(bench, summarizer):
    asking = bench()
    asking.held.go.set()
    own = Article(None, ["A river", "a bridge. A school"], SummaryOptions(sentences=2))
    text = Article("A river. A bridge.", None, SummaryOptions(words=2))
    found = asking.engine.evaluate([own, text], time.monotonic() + 20, lambda: False)
    assert found == [
        summarizer.evaluate_sentences(own.sentences, own.options),
        summarizer.evaluate(text.text, text.options),
    ]


def test_articles_that_wait_while_the_engine_is_busy_go_through_it_together(bench):
    asking = bench()
    first = asking.occupy()
    others = [asking.ask("A second one."), asking.ask("A third.", "A fourth.")]
    asking.wait_for_queue(3)
    asking.held.go.set()
    assert all(isinstance(f, Evaluation) for answer in [first, *others] for f in answer.result())
    assert asking.held.batches == [["The first is in work."], ["A second one.", "A third.", "A fourth."]]


def test_a_batch_is_closed_by_its_sentences_but_a_long_article_still_goes(bench):
    asking = bench(batch_sentences=4)
    asking.occupy()
    texts = ["One. Two. Three.", "One is.", "One. Two. Three. Four. Five. Six.", "Two are."]
    answer = asking.ask(*texts)
    asking.wait_for_queue(4)
    asking.held.go.set()
    answer.result()
    assert asking.held.batches[1:] == [texts[:2], texts[2:3], texts[3:]]


def test_an_idle_engine_waits_for_more_articles_as_long_as_configured(bench):
    asking = bench(batch_wait_ms=10_000, batch_sentences=2)
    asking.held.go.set()
    asking.ask("One that begins. The thread with it.").result()
    answers = [asking.ask("The first waits."), asking.ask("The second is enough.")]
    for answer in answers:
        answer.result()
    assert asking.held.batches[1:] == [["The first waits.", "The second is enough."]]


def test_an_idle_engine_computes_an_article_in_the_thread_that_brings_it(bench):
    asking = bench()
    asking.held.go.set()
    for _ in range(2):
        asking.ask("Nobody else is here.").result()
    assert asking.held.threads.isdisjoint({"engine"})


def test_two_batches_are_never_in_work_at_once(bench):
    asking = bench()
    answers = [asking.ask(f"Number {number} is here.") for number in range(20)]
    asking.held.go.set()
    for answer in answers:
        answer.result()
    assert asking.held.most_at_once == 1


def test_one_article_does_not_begin_beside_a_batch_of_several(bench):
    asking = bench()
    together = asking.ask("The first of two.", "The second of two.")
    assert asking.held.busy.wait(20)
    third = asking.ask("The third waits.")
    while not asking.engine._jobs and asking.held.most_at_once == 1:
        time.sleep(0.001)
    asking.held.go.set()
    assert len(together.result() + third.result()) == 3
    assert asking.held.most_at_once == 1


def test_a_full_queue_refuses_immediately_and_is_open_again_afterwards(bench):
    asking = bench(queue_articles=2)
    first = asking.occupy()
    assert not asking.engine.full
    second = asking.ask("The second waits.", "And so does the third: a request is let in whole.")
    assert asking.engine.full
    assert asking.engine.depth == 3
    refused = asking.ask("No room.")
    with pytest.raises(QueueFull, match="the limit is 2") as raised:
        refused.result(timeout=5)  # while the first is still in work
    assert raised.value.retry_after >= 1
    asking.held.go.set()
    first.result()
    second.result()
    assert asking.engine.depth == 0
    assert isinstance(asking.ask("Room again.").result()[0], Evaluation)
    assert "No room." not in [text for batch in asking.held.batches for text in batch]


def test_a_request_whose_time_is_up_is_answered_then_and_never_computed(bench):
    asking = bench()
    first = asking.occupy()
    late = asking.ask("Too late.", seconds=0.05)
    with pytest.raises(DeadlineExceeded):
        late.result(timeout=5)  # while the first is still in work
    assert asking.engine.depth == 1
    asking.held.go.set()
    first.result()
    asking.ask("The next.").result()
    assert asking.held.batches == [["The first is in work."], ["The next."]]


def test_a_request_whose_client_has_gone_is_never_computed(bench):
    asking = bench()
    first = asking.occupy()
    gone = asking.ask("Nobody waits.", abandoned=lambda: True)
    asking.wait_for_queue(1)
    asking.held.go.set()
    first.result()
    with pytest.raises(ClientGone):
        gone.result(timeout=5)
    assert asking.held.batches == [["The first is in work."]]


def test_an_article_that_cannot_be_scored_fails_alone(bench):
    asking = bench()
    asking.held.go.set()
    found = asking.ask("It was.", " ", "He said.").result()
    assert [type(result) for result in found] == [Evaluation, EmptyText, Evaluation]


def test_a_failing_computation_affects_only_the_article_that_causes_it(bench):
    asking = bench()
    first = asking.occupy()
    sound, faulty = asking.ask("It was."), asking.ask("A bomb.")
    asking.wait_for_queue(2)
    asking.held.go.set()
    with pytest.raises(RuntimeError, match="boom"):
        faulty.result(timeout=5)
    assert isinstance(sound.result()[0], Evaluation)
    assert isinstance(first.result()[0], Evaluation)
    assert asking.engine.depth == 0
    assert isinstance(asking.ask("The thread lives.").result()[0], Evaluation)


def test_the_stages_of_a_request_add_up_to_its_time(bench):
    asking = bench()
    record = RequestRecord()
    began = time.monotonic()
    threading.Timer(0.1, asking.held.go.set).start()
    articles = [Article("It was. He said.", None, OPTIONS)] * 3
    asking.engine.evaluate(articles, began + 20, lambda: False, record)
    total = time.monotonic() - began
    assert record.seconds.keys() == {"split", "queue", "encode", "score", "select"}
    assert 0 < sum(record.seconds.values()) <= total + 0.001
    assert record.sentences == 6


def test_a_refusal_is_recorded(bench):
    asking = bench()
    record = RequestRecord()
    with pytest.raises(DeadlineExceeded):
        asking.engine.evaluate([Article("It was.", None, OPTIONS)], 0, lambda: False, record)
    assert record.rejected == "deadline_exceeded"
    assert asking.engine.depth == 0


def test_where_the_system_has_no_thread_left_the_request_fails_alone(bench, monkeypatch):
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "engine":
            raise RuntimeError("can't start new thread")
        start(thread)

    made = bench(batch_wait_ms=1)
    made.held.go.set()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            made.ask("There is no room for it.").result()
    assert len(made.ask("Now there is.").result()) == 1
    assert made.engine.depth == 0
