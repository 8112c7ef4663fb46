"""Alerts and the dashboard ask for what our processes tell, and each alert says what to do."""

import json
import re

import pytest

from infra.telemetry.metrics import catalogue
from tests.support.deploy import DEPLOY, loaded, unknown_in
from tests.support.house import ROOT

ALERTS = [rule for group in loaded("alerts.yml")["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "headrace.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text().partition("## Alerts")[2]
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are(rule: dict[str, str]) -> None:
    assert unknown_in(rule["expr"]) == []


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_a_panel_asks_for_metrics_that_there_are(title: str, expression: str) -> None:
    assert unknown_in(expression.replace("$__rate_interval", "1m")) == [], title


def test_a_metric_or_label_that_nobody_feeds_is_seen() -> None:
    assert unknown_in('rate(headrace_jobs_total{state="x", tenant="y"}[5m])') == ["headrace_jobs_total{tenant}"]
    assert unknown_in("headrace_jobs_totals + headrace_ttft_seconds_bucket") == ["headrace_jobs_totals"]


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    text = " ".join([*(each["expr"] for each in ALERTS), *(expression for _, expression in QUERIES)])

    assert [entry.name for entry in catalogue() if entry.name not in text] == []


def test_every_alert_is_explained_with_what_to_do() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", OPERATIONS, re.MULTILINE)

    assert [each["alert"] for each in ALERTS] == explained
    for each in ALERTS:
        assert each["labels"]["severity"] in {"page", "look"}
        assert each["annotations"]["summary"]


def test_the_dashboard_is_provisioned_from_where_it_is_mounted() -> None:
    (provider,) = loaded("grafana/provisioning/dashboards/headrace.yaml")["providers"]
    (source,) = loaded("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    mounts = loaded("compose.yaml")["services"]["grafana"]["volumes"]

    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]} == {
        source["uid"]
    }
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
