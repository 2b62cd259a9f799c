"""What operators get: image, compose file, manifests, monitoring and handbook fit the service."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import yaml

from service.config import PREFIX, ServiceConfig
from service.metrics import Metrics
from service.record import Stage
from summarizer import ModelInfo

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
HANDBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS = {
    manifest["kind"]: manifest
    for file in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(file.read_text(encoding="utf-8"))
}
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads(
    (ROOT / "deploy" / "grafana" / "dashboards" / "summarizer.json").read_text(encoding="utf-8")
)
EXPRESSIONS = [
    *(rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
]
POD = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Names of the series of the service, without those of a histogram's parts, and their labels."""
    metrics = Metrics(ModelInfo("name", "1", "sha", "encoder"))
    found = {}
    for collector in vars(metrics).values():
        if hasattr(collector, "_labelnames"):
            for family in collector.collect():
                ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
                for end in ends[family.type]:
                    labels = {*collector._labelnames, *({"le"} if end == "_bucket" else ())}
                    found[family.name + end] = labels
    for family in metrics.registry.collect():
        if family.name == "summarizer_model_info":
            found[family.name] = set(family.samples[0].labels)
    return found


def test_dashboard_and_alerts_ask_for_nothing_that_the_service_does_not_measure(exposed):
    for expression in EXPRESSIONS:
        for name, selector in re.findall(r"(summarizer_\w+)(?:\{(.*?)\})?", expression):
            assert name in exposed, expression
            asked = set(re.findall(r"(\w+)=~?\"", selector)) - {"job", "instance"}
            assert asked <= exposed[name], expression


def test_everything_that_the_service_measures_is_on_the_dashboard_and_in_the_handbook(exposed):
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    for name in exposed:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert family in shown
        assert f"`{family}`" in HANDBOOK


def test_every_stage_has_its_line_in_the_handbook():
    for stage in get_args(Stage):
        assert f"`{stage}`" in HANDBOOK


def test_the_dashboard_finds_its_data_source_and_shows_something_else_in_each_panel():
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert DASHBOARD["templating"]["list"][0]["current"]["value"] == source["uid"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in COMPOSE["services"]
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(set(titles)) == len(titles)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]}
    assert len(places) == len(titles)


def test_every_alert_says_what_it_means_and_has_a_line_in_the_handbook():
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description"}
            assert rule["labels"]["severity"] in {"critical", "warning", "info"}
            assert f"`{rule['alert']}`" in HANDBOOK


def test_prometheus_asks_the_service_of_the_compose_file():
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert names["names"] == ["summarizer"]
    assert str(names["port"]) in COMPOSE["services"]["summarizer"]["ports"][0]
    assert f'job="{job["job_name"]}"' in ALERTS["groups"][0]["rules"][0]["expr"]


def documented_settings() -> dict[str, str]:
    rows = re.findall(rf"^\| `{PREFIX}(\w+)` \| (.*?) \|", HANDBOOK, flags=re.MULTILINE)
    assert len({name for name, _ in rows}) == len(rows)
    return dict(rows)


def test_the_handbook_s_settings_are_the_service_s():
    assert list(documented_settings()) == [field.name.upper() for field in fields(ServiceConfig)]


@pytest.mark.parametrize("field", fields(ServiceConfig), ids=lambda field: field.name)
def test_the_handbook_s_defaults_are_the_service_s(field):
    written = documented_settings()[field.name.upper()]
    if isinstance(field.default, bool | int | str):
        expected = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        assert written.split(" ")[0] == expected
    else:
        assert written in {"none", "the shipped one"}


def test_every_file_that_the_handbook_names_exists():
    for path in re.findall(r"`((?:deploy|examples|service|summarizer)/[\w./-]+)`", HANDBOOK):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", HANDBOOK):
        assert (ROOT / "docs" / path).exists(), path


def test_the_image_is_pinned_locked_and_runs_as_a_numbered_user():
    assert re.search(r"^ARG BASE=python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "packages"}
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    installs = re.findall(r"pip.* install .*", DOCKERFILE)
    assert all("--no-deps" in line for line in installs), "all else comes from requirements/, with hashes"
    # Not /readyz: a container that is busy must not be restarted.
    assert "/healthz" in DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") :]


def test_the_image_holds_what_it_copies_and_nothing_that_is_not_let_in():
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [
        source
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    ]
    assert sorted(copied) == sorted(allowed)
    assert all((ROOT / source).exists() for source in copied)


def test_compose_locks_every_container_up_and_pins_what_it_downloads():
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "build" in service or re.search(r":v?[\d.]+@sha256:[0-9a-f]{64}$", service["image"]), name
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).is_dir(), volume
                assert volume.endswith(":ro"), volume
    assert COMPOSE["services"]["summarizer"]["read_only"] is True
    assert COMPOSE["services"]["summarizer"]["environment"]["WEB_CONCURRENCY"] == "${WORKERS:-2}"


def test_settings_in_compose_and_manifests_are_settings():
    known = {PREFIX + field.name.upper() for field in fields(ServiceConfig)}
    given = {
        *COMPOSE["services"]["summarizer"]["environment"],
        *(variable["name"] for variable in CONTAINER["env"]),
    }
    assert {name for name in given if name.startswith(PREFIX)} <= known


def test_a_request_is_answered_before_a_worker_that_stops_is_killed_and_a_worker_before_the_container():
    config = (ROOT / "service" / "gunicorn.conf.py").read_text()
    graceful = int(re.search(r"^graceful_timeout = (\d+)", config, re.MULTILINE)[1])
    assert ServiceConfig().deadline_seconds < graceful
    assert int(COMPOSE["services"]["summarizer"]["stop_grace_period"].removesuffix("s")) > graceful
    for file in ("Dockerfile", "deploy/smoke.sh", "docs/operations.md"):
        told = re.findall(r"(?:--stop-timeout|-t)[ =](\d+)", (ROOT / file).read_text())
        assert told, file
        assert all(int(seconds) > graceful for seconds in told), file
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["spec"]["terminationGracePeriodSeconds"] > graceful + pause


def test_the_manifests_select_the_pods_of_the_deployment():
    labels = POD["metadata"]["labels"]
    assert MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    for spread in POD["spec"]["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == labels
    scaled = MANIFESTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert scaled["name"] == MANIFESTS["Deployment"]["metadata"]["name"]
    listed = MANIFESTS["Kustomization"]["resources"]
    folder = ROOT / "deploy" / "kubernetes"
    assert {*listed, "kustomization.yaml"} == {file.name for file in folder.iterdir()}
    assert MANIFESTS["Kustomization"]["images"][0]["name"] == CONTAINER["image"]


def test_pods_are_locked_up_and_get_no_variables_from_services():
    # A Service "summarizer" in the namespace would set SUMMARIZER_PORT, which is no setting.
    assert POD["spec"]["enableServiceLinks"] is False
    assert POD["spec"]["automountServiceAccountToken"] is False
    assert POD["spec"]["securityContext"]["runAsUser"] == 10001
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert MANIFESTS["NetworkPolicy"]["spec"]["egress"] == []
    assert {CONTAINER[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {
        "/healthz"
    }
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/readyz"


@pytest.mark.parametrize("kind", sorted(MANIFESTS.keys() - {"Kustomization"}))
def test_manifests_keep_to_kubernetes_own_schema(kind):
    validator = pytest.importorskip("kubernetes_validate")
    validator.validate(MANIFESTS[kind], validator.latest_version(), strict=True)
