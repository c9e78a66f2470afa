"""Parts of the dashboard that need no page: formats, scope, tree, messages, palette, the start command."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spanloft_dashboard import data, launch
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import messages, theme, tree
from spanloft_dashboard.components.scope import EPOCH, RANGES, Scope, parse_time
from synthetic_handmade import FOREIGN_HOST, HOSTILE_TEXT


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (fmt.count(9_999), "9,999"),
        (fmt.count(12_345), "12.3 k"),
        (fmt.count(2_800_000), "2.8 M"),
        (fmt.count(None), "unknown"),
        (fmt.money(None), "unknown"),
        (fmt.money(0), "$0"),
        (fmt.money(0.0000117), "$0.000012"),
        (fmt.money(0.0048), "$0.0048"),
        (fmt.money(12.5), "$12.50"),
        (fmt.money(12_345.6), "$12,346"),
        (fmt.duration(3.21), "3.2 ms"),
        (fmt.duration(840), "840 ms"),
        (fmt.duration(4_980), "4.98 s"),
        (fmt.duration(200_000), "3 min 20 s"),
        (fmt.percent(0.0081), "0.81 %"),
        (fmt.percent(0.374), "37.4 %"),
        (fmt.change(11, 10), "+10 %"),
        (fmt.change(10.05, 10), "+0.5 %"),
        (fmt.change(10, 10), "0 %"),
        (fmt.change(1, 0), None),
        (fmt.change(120, 10), "×12"),
        (fmt.change(None, 10), None),
        (fmt.ago(12), "12 s"),
        (fmt.ago(7_200), "2 h"),
    ],
)
def test_numbers_are_written_with_their_unit(written: str | None, expected: str | None) -> None:
    assert written == expected


def test_names_cannot_format_a_label() -> None:
    label = fmt.label(f"![x](http://{FOREIGN_HOST}/a.png) **b** :red[c] <i>d</i> $e$", 200)
    bare = re.sub(r"\\.", "", label)
    assert not re.search(r"[!\[\]()*:<>$]", bare), "every mark of Markdown is escaped"
    for address in ("http://a.example", "www.a.example", "me@a.example"):
        plain = fmt.label(address).replace("\\", "")
        assert address not in plain, "Markdown would make a link of it"
        assert plain.replace(fmt.JOINER, "") == address


def test_control_characters_and_direction_marks_are_shown() -> None:
    shown = fmt.visible(HOSTILE_TEXT)
    assert "\x1b" not in shown
    assert "␛[31m" in shown
    assert "\u202e" not in shown
    assert "⟨U+202E⟩" in shown
    assert fmt.visible("line\n\ttab") == "line\n\ttab"


def test_a_window_of_a_relative_range_holds_the_newest_calls() -> None:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    for name, (length, bucket, _) in RANGES.items():
        window = Scope(range=name).window()
        assert (window.until - window.since).total_seconds() == length
        assert window.until > now
        assert window.before == window.since - (window.until - window.since)
        assert length / bucket <= 100


def test_a_custom_period_gets_few_buckets() -> None:
    scope = Scope(range="custom", since=EPOCH, until=EPOCH + dt.timedelta(days=400))
    assert scope.window().bucket_s == 7 * 86_400
    assert scope.url() == {"from": "1970-01-01T00:00:00Z", "to": "1971-02-05T00:00:00Z"}
    assert scope.url(**{"from": None, "to": None, "range": "1h"}) == {"range": "1h"}


def test_a_url_holds_only_what_is_not_the_default() -> None:
    assert Scope().url() == {}
    scope = Scope(range="7d", filters={"model": ("gpt-5", "o3")}, text="lamp")
    assert scope.url(trace="ab") == {"range": "7d", "model": ["gpt-5", "o3"], "q": "lamp", "trace": "ab"}
    assert scope.parameters()["models"] == ["gpt-5", "o3"]
    assert scope.parameters()["services"] is None


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-13-01"])
def test_a_time_that_is_none_is_ignored(text: str | None) -> None:
    assert parse_time(text) is None


def test_times_of_the_url_are_utc() -> None:
    assert parse_time("2026-03-02T12:00:00Z") == EPOCH.replace(year=2026, month=3, day=2, hour=12)
    assert parse_time("2026-03-02T12:00:00+02:00") == EPOCH.replace(year=2026, month=3, day=2, hour=10)


def _span(identity: str, parent: str | None, at: int = 0, **values: Any) -> dict[str, Any]:
    base = dict.fromkeys(("input_tokens", "output_tokens", "cost_usd", "duplicate_of"))
    start = EPOCH + dt.timedelta(milliseconds=at)
    return {
        **base,
        "span_id": identity,
        "parent_span_id": parent,
        "name": identity,
        "start_time": start,
        "duration_ms": 10.0,
    } | values


def test_a_tree_adds_up_what_its_calls_cost_and_not_what_parents_repeat() -> None:
    spans = [
        _span("root", None, input_tokens=30, output_tokens=3),
        _span("a", "root", 1, input_tokens=10, output_tokens=1, cost_usd=0.1),
        _span("b", "root", 2, input_tokens=20, output_tokens=2, cost_usd=0.2),
        _span("c", "root", 3, input_tokens=20, output_tokens=2, cost_usd=0.2, duplicate_of="b"),
    ]
    (root,) = tree.build(spans)
    assert root.cost_usd == pytest.approx(0.3)
    assert root.tokens == 33
    assert root.size == 4
    assert [branch.span_id for branch in tree.rows([root], None)] == ["root", "a", "b", "c"]
    assert tree.bounds(spans) == (EPOCH, 13.0)


def test_unknown_cost_stays_unknown_in_a_tree() -> None:
    (root,) = tree.build([_span("root", None), _span("a", "root", cost_usd=None)])
    assert root.cost_usd is None


def test_spans_without_their_parent_and_circles_of_parents_are_drawn() -> None:
    roots = tree.build([_span("a", "b"), _span("b", "a"), _span("self", "self"), _span("orphan", "gone")])
    assert {branch.span_id for branch in tree.rows(roots, None)} == {"a", "b", "self", "orphan"}


def test_a_large_trace_is_folded_and_unfolds_where_one_looks() -> None:
    spans = [_span("root", None)]
    for step in range(50):
        spans.append(_span(f"s{step}", "root", step))
        spans += [_span(f"s{step}.{inner}", f"s{step}", step) for inner in range(100)]
    (root,) = tree.build(spans)
    folded = tree.rows([root], None)
    assert len(folded) == 51
    assert folded[1].hidden == 100
    opened = tree.rows([root], "s7.3")
    assert "s7.3" in {branch.span_id for branch in opened}
    assert len(opened) == 151


def test_a_trace_of_ten_thousand_spans_in_a_line_is_drawn_fast() -> None:
    spans = [_span("0", None)] + [_span(str(number), str(number - 1), number) for number in range(1, 10_000)]
    roots = tree.build(spans)
    assert len(tree.rows(roots, "9999")) <= tree.MAX_ROWS
    assert roots[0].size == 10_000


@pytest.mark.parametrize(
    ("value", "expected"), [('{"a": 1}', {"a": 1}), ("not json", "not json"), (None, None), (3, 3)]
)
def test_a_json_column_that_is_no_json_stays_text(value: Any, expected: Any) -> None:
    assert messages.parse(value) == expected


def test_a_query_can_be_pasted_with_its_parameters() -> None:
    values = {"since": EPOCH, "until": EPOCH, "services": ["a'b"], "search": None, "bucket_s": 60}
    text = data.query_text("traces_histogram", values)
    assert "TIMESTAMP '1970-01-01 00:00:00.000000'" in text
    assert "['a''b']" in text
    assert "$services" not in text
    assert "NULL IS NULL" not in text, "a filter that is not set is left out"
    assert "providers" not in data.query_text("overview_volume", {"providers": None})


def test_the_start_command_shuts_what_must_be_shut(tmp_path: Path) -> None:
    command = launch.command(tmp_path, "127.0.0.1", 8501)
    for flag in (
        "--server.address=127.0.0.1",
        "--server.port=8501",
        "--browser.gatherUsageStats=false",
        "--server.showEmailPrompt=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
        "--server.enableAgentApi=false",
    ):
        assert flag in command
    values = launch.environment(tmp_path, "http://127.0.0.1:4318", {})
    assert values["SPANLOFT_STORE"] == str(tmp_path)
    assert values["OTEL_SDK_DISABLED"] == "true"


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
DEFICIENCIES = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


def _linear(color: str) -> tuple[float, float, float]:
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def _lab(rgb: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = (min(max(value, 0.0), 1.0) for value in rgb)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _pairs() -> Iterator[tuple[str, str]]:
    yield theme.ERROR, theme.OK
    yield theme.WARNING, theme.ERROR
    three = [theme.PROVIDERS[name] for name in ("openai", "anthropic", "gcp.gemini", "aws.bedrock")]
    for place, first in enumerate(three):
        for second in three[place + 1 :]:
            yield first, second
    kinds = list(theme.TOKEN_KINDS.values())
    yield from zip(kinds, kinds[1:], strict=False)


@pytest.mark.parametrize("deficiency", [None, *DEFICIENCIES])
def test_colours_that_mean_something_stay_apart_for_everyone(deficiency: str | None) -> None:
    for pair in _pairs():
        seen = []
        for color in pair:
            rgb = _linear(color)
            if deficiency:
                rows = DEFICIENCIES[deficiency]
                rgb = tuple(sum(a * b for a, b in zip(row, rgb, strict=True)) for row in rows)  # type: ignore[assignment]
            seen.append(_lab(rgb))
        distance = sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5
        assert distance > 15, f"{pair} are alike ({distance:.0f}) for {deficiency or 'anyone'}"
