import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from service.metrics import SCORES, Metrics
from service.record import RequestRecord
from summarizer import Evaluation, ModelInfo, ScoredSentence

MODEL = ModelInfo("tiny", "0.0.1", "f" * 64, "tiny-static")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(MODEL)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_request_is_counted_by_route_and_status_with_its_seconds_and_stages(metrics):
    record = RequestRecord(route="/api/evaluate", cached=False)
    record.add("encode", 0.2)
    record.add("encode", 0.1)
    metrics.request(record, 200, 0.5)
    metrics.request(RequestRecord(), 404, 0.001)
    assert value(metrics, "summarizer_requests_total", route="/api/evaluate", status="200") == 1
    assert value(metrics, "summarizer_requests_total", route="(none)", status="404") == 1
    assert value(metrics, "summarizer_request_seconds_sum", route="/api/evaluate") == 0.5
    assert value(metrics, "summarizer_stage_seconds_count", stage="encode") == 1
    assert value(metrics, "summarizer_stage_seconds_sum", stage="encode") == pytest.approx(0.3)
    assert value(metrics, "summarizer_cache_lookups_total", result="miss") == 1


def test_a_rejection_is_counted_by_its_reason(metrics):
    metrics.request(RequestRecord(route="/api/evaluate", rejected="queue_full"), 503, 0.001)
    assert value(metrics, "summarizer_rejections_total", reason="queue_full") == 1


def test_what_alerts_watch_is_there_before_it_first_happens(metrics):
    alerts = (Path(__file__).parents[2] / "deploy/prometheus/alerts.yml").read_text()
    for reason in re.findall(r'reason=~"([^"]*)"', alerts)[0].split("|"):
        assert value(metrics, "summarizer_rejections_total", reason=reason) == 0
    for status in re.findall(r'requests_total\{status="(\d+)"', alerts):
        for route in ("/api/evaluate", "/api/evaluate/batch"):
            assert value(metrics, "summarizer_requests_total", route=route, status=status) == 0


def test_scores_fall_into_tenths(metrics, summarizer):
    evaluation = summarizer.evaluate("It was a storm. He said no. The river is in the city.")
    metrics.scores([evaluation])
    for bound in ("0.1", "0.5", "1.0"):
        expected = sum(sentence.score <= float(bound) for sentence in evaluation.sentences)
        assert value(metrics, "summarizer_score_bucket", le=bound) == expected


def scored(*scores: float) -> Evaluation:
    sentences = tuple(
        ScoredSentence(index, "It was.", 0, 7, score, index + 1, False, False)
        for index, score in enumerate(scores)
    )
    return Evaluation("It was.", sentences, (), MODEL)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.1, 0.3, 1.0]) | st.floats(0, 1), max_size=20), max_size=4))
def test_scores_of_a_whole_article_are_counted_as_one_by_one(articles):
    metrics = Metrics(MODEL)
    metrics.scores(scored(*scores) for scores in articles)
    registry = CollectorRegistry()
    expected = Histogram("summarizer_score", "One by one.", buckets=SCORES, registry=registry)
    for score in itertools.chain.from_iterable(articles):
        expected.observe(score)
    for bound in [*map(str, SCORES), "+Inf"]:
        assert value(metrics, "summarizer_score_bucket", le=bound) == registry.get_sample_value(
            "summarizer_score_bucket", {"le": bound}
        )
    assert value(metrics, "summarizer_score_sum") == pytest.approx(
        registry.get_sample_value("summarizer_score_sum")
    )


def test_addresses_that_do_not_exist_share_one_label(client):
    for number in range(3):
        client.get(f"/api/nowhere/{number}")
    text = client.get("/metrics").get_data(as_text=True)
    found = re.findall(r'summarizer_requests_total\{route="([^"]*)",status="404"\}', text)
    assert found == ["(none)"]


def test_the_application_counts_an_evaluation(client):
    def counted() -> dict[str, float]:
        text = client.get("/metrics").get_data(as_text=True)
        return {
            name: float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])  # type: ignore[index]
            for name in ("summarizer_sentences_total", "summarizer_batch_articles_count")
        }

    client.post("/api/evaluate", data="It was the first of all.", content_type="text/plain")
    before = counted()
    client.post("/api/evaluate", data="It was a counted one. He said so.", content_type="text/plain")
    after = counted()
    assert after["summarizer_sentences_total"] == before["summarizer_sentences_total"] + 2
    assert after["summarizer_batch_articles_count"] == before["summarizer_batch_articles_count"] + 1


WORKER = """
import sys
from prometheus_client import values
values.ValueClass = values.MultiProcessValue(lambda: int(sys.argv[1]))
from service.metrics import Metrics
from service.record import RequestRecord
from summarizer import Evaluation, ModelInfo, ScoredSentence
model = ModelInfo("tiny", "0.0.1", sys.argv[2] * 64, "tiny-static")
metrics = Metrics(model)
metrics.queue_depth(5)
sentences = [ScoredSentence(0, "It was.", 0, 7, score, 1, False, False) for score in (0.25, 0.25, 1.0)]
metrics.scores([Evaluation("It was.", tuple(sentences), (), model)])
metrics.request(RequestRecord(route="/api/evaluate"), 200, 0.5)
if sys.argv[3:]:
    metrics.queue_depth(1)
    print(metrics.exposition().decode())
"""


def work(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WORKER, *arguments],
        env={"PROMETHEUS_MULTIPROC_DIR": str(folder), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_counts_of_dead_workers_stay_and_what_only_living_ones_have_goes(tmp_path):
    from prometheus_client.multiprocess import mark_process_dead

    work(tmp_path, "0", "a")
    work(tmp_path, "1", "a")
    mark_process_dead(0, str(tmp_path))
    mark_process_dead(1, str(tmp_path))
    text = work(tmp_path, "0", "b", "shown")  # replaces the first and has its number
    assert 'summarizer_requests_total{route="/api/evaluate",status="200"} 3.0' in text
    assert "summarizer_queue_articles 1.0" in text
    assert 'summarizer_score_bucket{le="0.2"} 0.0' in text
    assert 'summarizer_score_bucket{le="0.3"} 6.0' in text
    assert "summarizer_score_count 9.0" in text
    assert "summarizer_score_sum 4.5" in text
    assert len(re.findall(r"^summarizer_model_info\{.*\} 1\.0$", text, re.M)) == 1
    assert "b" * 64 in text
    assert {file.name for file in tmp_path.iterdir() if file.name.startswith("counter")} == {
        "counter_0.db",
        "counter_1.db",
    }
