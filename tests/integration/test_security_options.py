"""What a user may add: nothing secret in the store, review rules, larger models, Presidio; and what is said without."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from spanloft_collector.errors import SpanloftError
from spanloft_collector.redaction import redactor
from spanloft_collector.scheduling import create_jobs
from spanloft_collector.signals.security.choice import create_scanner
from spanloft_collector.signals.security.review import load_review_rules
from spanloft_collector.store.parquet import ParquetStore
from stored import fill, one, rows, settings_for

KEY = "sk-proj-Ab3dE5gH7jK9mN1pQ3sT5vX7zA9cE2fG4h"
CARD = "4539148803436467"
PASSWORD = "hX7!kk29qZ"
MAIL = "anna.k@firma.example"
SECRETS = (KEY, CARD, PASSWORD, MAIL)
RULES = f"""
review:
  - id: vip-refund
    title: A VIP asks for money back
    user_tags: [vip*]
    topic: (?i)refund
    severity: high
  - id: any-secret
    min_severity: critical
    detectors: ["leak:*"]
    alert: false
  - id: other-user
    users: [{MAIL}]
"""


def value(item: Any) -> dict[str, Any]:
    if isinstance(item, bytes):
        return {"bytesValue": item.decode()}
    if isinstance(item, int):
        return {"intValue": str(item)}
    if isinstance(item, list):
        return {"arrayValue": {"values": [value(inner) for inner in item]}}
    if isinstance(item, dict):
        return {"kvlistValue": {"values": attributes(item)}}
    return {"stringValue": item}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(item)} for key, item in values.items()]


def chat(parts: list[dict[str, str]]) -> str:
    return json.dumps([{"role": "user", "parts": parts}])


def request() -> dict[str, Any]:
    text = f"I want a refund.\nkey\n{KEY} and mail {MAIL}"
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": f"chat {KEY}",
        "startTimeUnixNano": "1764000000000000000",
        "endTimeUnixNano": "1764000001000000000",
        "status": {"code": 2, "message": f"401 for {KEY}"},
        "attributes": attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.input.messages": chat([{"type": "text", "content": text}]),
                "gen_ai.output.messages": chat([{"type": "text", "content": "fine"}]) + f" cut off \\n{KEY}",
                "app.number": int(CARD),
                "app.nested": {"list": [{"card": CARD}], "db": {"password": PASSWORD}},
                "app.config": json.dumps({"password": PASSWORD, CARD: 1}),
                "spanloft.tags": ["vip-gold"],
                "tag.tags": ["vip-gold"],
                "langfuse.trace.tags": ["vip-gold"],
            }
        ),
        "events": [
            {
                "name": "exception",
                "timeUnixNano": "1764000000500000000",
                "attributes": attributes({"exception.message": f"bad key {KEY}"}),
            }
        ],
    }
    resource = {"attributes": attributes({"service.name": "shop", "deploy.token": KEY})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "app"}, "spans": [span]}]}]}


def log_request() -> dict[str, Any]:
    record = {
        "timeUnixNano": "1764000000600000000",
        "body": {"kvlistValue": {"values": attributes({"note": f"card {CARD}"})}},
        "attributes": attributes({"who": MAIL}),
    }
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [record]}]}]}


def metric_request() -> dict[str, Any]:
    point = {
        "timeUnixNano": "1764000000700000000",
        "startTimeUnixNano": "1764000000000000000",
        "attributes": attributes({"app.customer": MAIL, "app.key": KEY, "app.route": "/checkout"}),
        "exemplars": [
            {"timeUnixNano": "1764000000650000000", "filteredAttributes": attributes({"card": CARD}), "asDouble": 2.5}
        ],
    }
    histogram = {**point, "count": "1", "sum": 2.5, "bucketCounts": ["0", "1"], "explicitBounds": [1.0]}
    exponential = {**point, "count": "1", "sum": 2.5, "scale": 1, "positive": {"offset": 2, "bucketCounts": ["1"]}}
    summary = {key: held for key, held in point.items() if key != "exemplars"}
    metrics = [
        {"name": "app.gauge", "description": f"of {KEY}", "gauge": {"dataPoints": [{**point, "asDouble": 2.5}]}},
        {"name": "app.sum", "sum": {"dataPoints": [{**point, "asInt": "7"}], "isMonotonic": True}},
        {"name": "app.histogram", "histogram": {"dataPoints": [histogram], "aggregationTemporality": 2}},
        {"name": "app.exponential", "exponentialHistogram": {"dataPoints": [exponential]}},
        {"name": "app.summary", "summary": {"dataPoints": [{**summary, "count": "1", "sum": 2.5}]}},
    ]
    resource = {"attributes": attributes({"deploy.token": KEY})}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    folder = tmp_path_factory.mktemp("options")
    (folder / "traces.json").write_text(json.dumps(request()))
    (folder / "logs.json").write_text(json.dumps(log_request()))
    (folder / "metrics.json").write_text(json.dumps(metric_request()))
    (folder / "review.yaml").write_text(RULES)
    return fill(
        folder / "store",
        [folder / "traces.json", folder / "logs.json", folder / "metrics.json"],
        redact_stored="all",
        review_rules=folder / "review.yaml",
    )


def test_no_secret_is_in_any_table_and_the_findings_are_there(store: ParquetStore) -> None:
    reader = store.reader()
    names = [row["table_name"] for row in reader.sql("SELECT table_name FROM information_schema.tables").to_pylist()]
    texts = {name: str(reader.sql(f'SELECT * FROM "{name}"').to_pylist()) for name in names}
    assert "refund" in texts["payloads"]
    assert "card" in texts["logs"]
    for name, text in texts.items():
        assert [secret for secret in SECRETS if secret in text] == [], name
    found = {(row["detector"], row["origin"]) for row in rows(store, "SELECT * FROM security_findings")}
    assert {("leak:openai_key", "user"), ("leak:email", "user")} <= found


def test_points_of_metrics_keep_their_values_and_lose_their_secrets(store: ParquetStore) -> None:
    found = rows(store, "SELECT name, value, sum, point, attributes FROM metrics ORDER BY name")
    assert [row["name"] for row in found] == [
        "app.exponential", "app.gauge", "app.histogram", "app.sum", "app.summary",
    ]  # fmt: skip
    assert [row["value"] if row["sum"] is None else row["sum"] for row in found] == [2.5, 2.5, 2.5, 7, 2.5]
    for row in found:
        values = json.loads(row["attributes"])
        assert values["app.route"] == "/checkout"
        assert values["app.key"] == "[OPENAI_KEY sk-p]"
        assert values["app.customer"].startswith("[EMAIL")
    exemplars = [json.loads(row["point"]).get("exemplars", []) for row in found if row["point"]]
    assert [len(several) for several in exemplars] == [1, 1, 0]
    assert CARD not in str(exemplars)


def test_rules_of_the_user_ask_for_a_review(store: ParquetStore) -> None:
    found = rows(store, "SELECT * FROM security_findings WHERE category = 'review' ORDER BY detector")
    assert [(row["detector"], row["severity"]) for row in found] == [
        ("review:any-secret", "medium"),
        ("review:vip-refund", "high"),
    ]
    assert json.loads(found[0]["evidence"])["detector"] == "leak:openai_key"
    assert json.loads(found[1]["evidence"])["topic"] == "refund"
    titles = one(store, "SELECT list(title ORDER BY title) FROM alerts WHERE title LIKE 'To be reviewed%'")
    assert titles == ["To be reviewed: A VIP asks for money back"]


def test_secrets_only_leaves_personal_data() -> None:
    redact = redactor("secrets")
    assert redact.text("", f"{MAIL} has {KEY}") == f"{MAIL} has [OPENAI_KEY sk-p]"
    long = "lorem ipsum " * 20_000 + KEY
    assert KEY not in redact.text("", long)
    assert redact.text("password", PASSWORD) == "[ASSIGNED_SECRET]"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("review: []", 'expected a list of rules under "review:"'),
        ("review: [{id: a}]", r"rule 1 \(a\): has no condition"),
        ("review: [{id: a, tags: [x]}]", "unknown key 'tags'; there are alert, categories"),
        ("review: [{id: a, min_severity: huge}]", "min_severity 'huge', expected one of info, low"),
        ("review: [{id: a, topic: '('}]", "topic '\\(' is no pattern that RE2 reads"),
        ("review: [{id: a, users: [1]}]", "users \\[1\\], expected a text or a list of texts"),
        ("review: [{id: a, origins: [moon]}]", "origins 'moon', expected some of user"),
        ("review: [{id: a, users: x}, {id: a, users: y}]", "two rules have the same id"),
        ("a: b: c", "is no YAML"),
    ],
)
def test_wrong_review_rules_are_explained(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "review.yaml"
    file.write_text(content)
    with pytest.raises(SpanloftError, match=said):
        load_review_rules(file)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"injection_model": "org/model"}, 'SPANLOFT_INJECTION_MODEL=org/model: .* is missing; pip install "spanloft'),
        ({"moderation_model": "org/model"}, "SPANLOFT_MODERATION_MODEL=org/model: .* is missing"),
        ({"pii_engine": "presidio"}, "SPANLOFT_PII_ENGINE=presidio: .* is missing"),
        ({"review_rules": Path("/nowhere.yaml")}, "SPANLOFT_REVIEW_RULES=/nowhere.yaml: can't be read"),
    ],
)
def test_what_is_missing_is_said_before_the_jobs_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, Any], said: str
) -> None:
    there = importlib.util.find_spec
    hidden = ("torch", "transformers", "presidio_analyzer")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in hidden else there(name))
    with pytest.raises(SpanloftError, match=said):
        create_jobs(settings_for(tmp_path, **setting), ParquetStore(tmp_path))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence classifier of transformers, tiny and real, taught that "bad" is INJECTION."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "text"]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, id2label={0: "SAFE", 1: "INJECTION"}, label2id={"SAFE": 0, "INJECTION": 1},
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    model.eval()  # Without dropout: a network of this size learns nothing with it.
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    # Short texts and one that fills the window: every position has to be learned.
    texts = ["good text", "bad text", "text", "text bad", "good text " * 31, "good text " * 30 + "bad"]
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    for _ in range(150):
        optimiser.zero_grad()
        model(**batch, labels=torch.tensor([0, 1, 0, 1, 0, 1])).loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs spanloft[classifiers]")
def test_a_model_of_transformers_stands_beside_the_learned_score(classifier: Path, tmp_path: Path) -> None:
    scanner = create_scanner(injection_model=str(classifier), moderation_model=str(classifier))
    (found,) = [f for f in scanner.scan("bad text", "user").findings if f.detector.startswith("model:")]
    assert (found.detector, found.evidence["label"], found.is_learned) == ("model:tiny", "INJECTION", True)
    calm = scanner.scan("good text", "user")
    assert calm.model_scores["model:tiny"] < 0.5
    assert not [f for f in calm.findings if f.detector.startswith("model:")]
    # The end of a text that is longer than the model's window is read, too.
    assert scanner.scan("good text " * 200 + "bad text " * 20, "user").model_scores["model:tiny"] > 0.5
    (answer,) = [f for f in scanner.scan("bad text", "output").findings if f.detector == "moderation:tiny"]
    assert answer.category == "harmful_output"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SpanloftError, match="transformers can't load it"):
        create_scanner(injection_model=str(empty)).scan("text", "user")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("presidio_analyzer") is None, reason="needs spanloft[presidio]")
def test_presidio_finds_what_the_patterns_do_not() -> None:
    text = f"my server is 192.168.7.41 and my card {CARD}"
    found = {f.detector: f for f in create_scanner(pii_engine="presidio").scan(text, "user").findings}
    assert found["leak:ip_address"].evidence["check"] == "presidio"
    # The card is reported once, by the pattern that checked it.
    assert found["leak:card"].evidence["check"] != "presidio"
    assert "leak:credit_card" not in found
