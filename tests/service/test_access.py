import multiprocessing
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service import ConfigError, ServiceConfig, create_app
from service.access import SECURITY_HEADERS
from service.rates import SharedStorage

KEY, OTHER_KEY = "correct-horse", "clé-à-molette"
ARTICLE = {"text": "The council cut the budget."}


@pytest.fixture
def client_of(summarizer):
    """Makes a client of an application with the given settings."""

    def make(**settings):
        return create_app(ServiceConfig(**settings), summarizer).test_client()

    return make


def key_headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}".encode().decode("latin-1")}


def test_without_keys_configured_nobody_needs_one(client_of):
    assert client_of().post("/api/evaluate", json=ARTICLE).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        key_headers("correct-hors"),
        key_headers(""),
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
    ],
)
@pytest.mark.parametrize("path", ["/api/evaluate", "/api/evaluate/batch", "/api/nothing", "/api", "/metrics"])
def test_without_a_known_key_every_address_of_the_api_is_a_401(client_of, headers, path):
    answer = client_of(api_keys=(KEY, OTHER_KEY)).post(path, json=ARTICLE, headers=headers)
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.get_json()["code"] == "unauthorized"
    assert KEY not in answer.get_data(as_text=True)


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_each_key_is_accepted_in_either_header(client_of, key):
    client = client_of(api_keys=(KEY, OTHER_KEY))
    assert client.post("/api/evaluate", json=ARTICLE, headers=key_headers(key)).status_code == 200
    as_header = {"X-API-Key": key.encode().decode("latin-1")}
    assert client.get("/api/model", headers=as_header).status_code == 200
    assert client.get("/metrics", headers=as_header).status_code == 200


def test_a_key_may_have_space_around_it(client_of):
    headers = {"Authorization": f"bearer   {KEY}  "}
    assert client_of(api_keys=(KEY,)).get("/api/model", headers=headers).status_code == 200


def test_keys_from_a_file_are_accepted_too(client_of, tmp_path):
    (tmp_path / "keys").write_text(f"{KEY}\n{OTHER_KEY}\n")
    client = client_of(api_keys_file=tmp_path / "keys")
    assert client.get("/api/model").status_code == 401
    assert client.get("/api/model", headers=key_headers(KEY)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs"])
def test_health_checks_and_description_need_no_key(client_of, path):
    assert client_of(api_keys=(KEY,)).get(path).status_code == 200


def test_no_key_reaches_the_log(client_of, caplog):
    caplog.set_level("DEBUG")
    client = client_of(api_keys=(KEY,))
    client.get("/api/model", headers=key_headers(KEY))
    client.get("/api/model", headers=key_headers("mistyped-key"))
    assert KEY not in caplog.text
    assert "mistyped" not in caplog.text


def test_more_requests_than_the_limit_are_429_with_the_time_to_wait(client_of):
    client = client_of(rate_limit="3/hour")
    assert [client.get("/api/model").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = client.post("/api/evaluate", json=ARTICLE)
    assert refused.get_json()["code"] == "rate_limited"
    assert 3590 < int(refused.headers["Retry-After"]) <= 3600
    assert client.get("/healthz").status_code == 200


def test_who_is_turned_away_is_counted_by_the_reason(client_of):
    client = client_of(rate_limit="2/hour", api_keys=(KEY,))
    assert [client.get("/api/model").status_code for _ in range(5)] == [401, 401, 429, 429, 429]
    counted = client.get("/metrics", headers=key_headers(KEY)).get_data(as_text=True)
    assert 'summarizer_rejections_total{reason="unauthorized"} 2.0' in counted
    assert 'summarizer_rejections_total{reason="rate_limited"} 3.0' in counted


def test_addresses_are_counted_separately_and_an_ipv6_network_counts_as_one(client_of):
    client = client_of(rate_limit="1/hour")

    def status(address: str) -> int:
        return client.get("/api/model", environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [status("10.0.0.1"), status("10.0.0.2"), status("10.0.0.1")] == [200, 200, 429]
    assert [status("2001:db8::1"), status("2001:db8::2"), status("2001:db8:0:1::1")] == [200, 429, 200]
    assert [status("fe80::1"), status("fe80::2"), status("fe80:0:0:1::1")] == [200, 429, 200]
    assert status("") == 200


def test_an_address_is_the_same_with_a_port_and_written_as_ipv6(client_of):
    client = client_of(rate_limit="1/hour", trusted_proxies=1)

    def status(address: str) -> int:
        return client.get("/api/model", headers={"X-Forwarded-For": address}).status_code

    assert [status("192.0.2.1:5001"), status("192.0.2.1:5002"), status("::ffff:192.0.2.1")] == [200, 429, 429]
    # A socket for both families sees every IPv4 address like this; they are not one network.
    assert [status("::ffff:192.0.2.2"), status("::ffff:192.0.2.3")] == [200, 200]
    assert [status("[2001:db8::1]:5001"), status("[2001:db8::2]"), status("2001:db8::3")] == [200, 429, 429]


def test_keys_are_counted_separately_and_guesses_count_for_the_address(client_of):
    client = client_of(rate_limit="1/hour", api_keys=(KEY, OTHER_KEY))
    assert client.get("/api/model", headers=key_headers(KEY)).status_code == 200
    assert client.get("/api/model", headers=key_headers(KEY)).status_code == 429
    assert client.get("/api/model", headers=key_headers(OTHER_KEY)).status_code == 200
    assert client.get("/api/model", headers=key_headers("guess")).status_code == 401
    assert client.get("/api/model", headers=key_headers("another")).status_code == 429


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        (0, [200, 429, 429]),  # the caller can forge the header
        (1, [200, 200, 429]),  # the last address is what the proxy saw
        (2, [200, 429, 429]),
    ],
)
def test_addresses_are_trusted_from_the_configured_number_of_proxies(client_of, proxies, expected):
    client = client_of(rate_limit="1/hour", trusted_proxies=proxies)
    seen = ["192.0.2.1, 198.51.100.1", "192.0.2.1, 198.51.100.2", "192.0.2.3, 198.51.100.2"]
    if proxies == 2:
        seen = ["192.0.2.1, 198.51.100.1", "192.0.2.1, 198.51.100.2", "192.0.2.9, 192.0.2.1, 198.51.100.2"]
    statuses = [
        client.post("/api/evaluate", json=ARTICLE, headers={"X-Forwarded-For": addresses}).status_code
        for addresses in seen
    ]
    assert statuses == expected


@pytest.mark.parametrize(
    "rate",
    [
        "many",
        "0/minute",
        "60",
        "-1/hour",
        "5/minute;1/second",
        "9" * 5000 + "/hour",
        "5/99999999999999999999999year",
        "5/2year",
        f"{10**13}/hour",
    ],
)
def test_an_invalid_rate_stops_the_start_and_names_the_setting(client_of, rate):
    with pytest.raises(ConfigError, match=r"SUMMARIZER_RATE_LIMIT must be .* as in 60/minute; got"):
        client_of(rate_limit=rate)


def test_wrong_keys_are_counted_at_the_metrics_too(client_of):
    client = client_of(api_keys=(KEY,), rate_limit="2/hour")
    guesses = [client.get("/metrics", headers=key_headers(f"guess-{n}")).status_code for n in range(4)]
    assert guesses == [401, 401, 429, 429]
    assert [client.get("/metrics", headers=key_headers(KEY)).status_code for _ in range(4)] == [200] * 4


def test_where_requests_cannot_be_counted_they_pass(client_of, monkeypatch, caplog):
    client = client_of(rate_limit="1/hour")

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SharedStorage, "incr", full)
    assert [client.get("/api/model").status_code for _ in range(3)] == [200] * 3
    assert "pass without a rate limit: database or disk is full" in caplog.text


def test_a_missing_key_is_told_from_an_unknown_one(client_of):
    client = client_of(api_keys=(KEY,))
    assert "no API key was sent" in client.get("/api/model").get_json()["detail"]
    unknown = client.get("/api/model", headers=key_headers("other"))
    assert "the API key is unknown" in unknown.get_json()["detail"]


def _count(file: str, times: int) -> None:
    storage = SharedStorage(file)
    for _ in range(times):
        storage.incr("somebody", 60)
    storage.close()


def _begin(file: str, barrier: threading.Barrier) -> int:
    barrier.wait()
    storage = SharedStorage(file)
    count = storage.incr("somebody", 60)
    storage.close()
    return count


def test_workers_that_start_at_once_all_open_the_same_new_file(tmp_path):
    workers = 8
    with ThreadPoolExecutor(workers) as pool:
        for number in range(30):
            file, barrier = str(tmp_path / f"{number}.sqlite"), threading.Barrier(workers)
            counts = [pool.submit(_begin, file, barrier) for _ in range(workers)]
            assert sorted(found.result() for found in counts) == list(range(1, workers + 1))


def test_processes_count_together_and_lose_nothing(tmp_path):
    file = str(tmp_path / "rates.sqlite")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_count, args=(file, 200)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    storage = SharedStorage(file)
    assert storage.get("somebody") == 400
    assert storage.check()
    storage.clear("somebody")
    assert storage.get("somebody") == 0
    storage.close()


def test_threads_count_together_in_what_another_one_opened():
    storage = SharedStorage(":memory:")
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: storage.incr("somebody", 60), range(100)))
    assert sorted(counts) == list(range(1, 101))
    storage.close()
    with pytest.raises(storage.base_exceptions):
        storage.get("somebody")


def test_counts_can_be_read_while_another_process_writes(tmp_path):
    storage = SharedStorage(str(tmp_path / "rates.sqlite"))
    storage.incr("somebody", 60)
    other = sqlite3.connect(tmp_path / "rates.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert storage.get("somebody") == 1
    other.close()
    storage.close()


def test_a_window_ends_and_expired_counts_are_deleted(tmp_path, monkeypatch):
    now, wall = time.monotonic(), time.time()
    monkeypatch.setattr("service.rates.time.monotonic", lambda: now)
    monkeypatch.setattr("service.rates.time.time", lambda: wall)
    storage = SharedStorage(":memory:")
    assert [storage.incr("a", 10), storage.incr("a", 10), storage.incr("b", 10)] == [1, 2, 1]
    assert storage.get_expiry("a") == pytest.approx(wall + 10)
    now, wall = now + 10, wall - 3600  # meanwhile the clock was set back
    assert (storage.get("a"), storage.get_expiry("a")) == (0, pytest.approx(wall))
    assert storage.incr("a", 10) == 1
    assert storage.reset() == 1  # the count of b has expired
    storage.close()


def test_pages_of_other_origins_may_not_call_unless_configured(client_of):
    origin = {"Origin": "https://news.example"}
    answer = client_of().post("/api/evaluate", json=ARTICLE, headers=origin)
    assert not {name for name, _ in answer.headers if name.startswith("Access-Control")}
    answer = client_of(cors_origins=("https://other.example",)).get("/api/model", headers=origin)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_pages_of_a_configured_origin_may_call_with_a_key(client_of):
    client = client_of(cors_origins=("https://news.example",), api_keys=(KEY,))
    origin = {"Origin": "https://news.example"}
    asking = {
        **origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    preflight = client.options("/api/evaluate", headers=asking)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://news.example"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    for headers, status in [(origin, 401), ({**origin, **key_headers(KEY)}, 200)]:
        answer = client.post("/api/evaluate", json=ARTICLE, headers=headers)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "https://news.example"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Origin" not in client.get("/healthz", headers=origin).headers


def test_a_star_lets_every_page_call(client_of):
    answer = client_of(cors_origins=("*",)).get("/api/model", headers={"Origin": "https://any.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/model"), ("GET", "/healthz"), ("GET", "/nothing"), ("PUT", "/api/evaluate")],
)
def test_every_answer_has_the_security_headers(client, method, path):
    answer = client.open(path, method=method)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
