"""One call, one bill: whoever reports it, in one batch or in several, in one trace or in two."""

from hypothesis import given, settings
from hypothesis import strategies as st
from spanloft_collector.model import BILLABLE_OPERATIONS
from spanloft_collector.pipeline.duplicates import CallKey, DuplicateFinder

COUNTS = (None, None)


def call(span_id, parent=None, **more):
    base = {
        "trace_id": "t1",
        "provider": "openai",
        "operation": "chat",
        "input_tokens": 100,
        "output_tokens": 20,
        "has_messages": True,
        "scope_name": "inner",
        "start_us": 1_000,
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
    }
    return CallKey(span_id=span_id, parent_span_id=parent, **{**base, **more})


def plain(span_id, parent=None, operation=None, trace_id="t1"):
    return CallKey(trace_id, span_id, parent, operation=operation)


def mark(*rows):
    return dict(zip([row.span_id for row in rows], DuplicateFinder().mark(rows), strict=True))


def test_a_framework_span_around_the_sdks_span():
    assert mark(call("a", scope_name="langchain"), call("b", "a")) == {"a": ("b", "parent"), "b": COUNTS}


def test_through_spans_that_are_not_billed():
    rows = [call("a", scope_name="langchain"), plain("h", "a"), plain("i", "h", "invoke_workflow"), call("b", "i")]
    assert mark(*rows)["a"] == ("b", "parent")
    assert mark(*reversed(rows))["a"] == ("b", "parent")


def test_a_tool_that_calls_a_model_makes_a_call_of_its_own():
    rows = [call("a"), plain("t", "a", "execute_tool"), call("b", "t")]
    assert set(mark(*rows).values()) == {COUNTS}


def test_the_span_with_messages_stays_when_both_agree_on_usage():
    # The native anthropic span has no content by default, the instrumentor's around it has.
    rows = [call("a", scope_name="otel"), call("b", "a", scope_name="native", has_messages=False)]
    assert mark(*rows) == {"a": COUNTS, "b": ("a", "parent")}


def test_the_inner_usage_counts_when_they_do_not_agree():
    rows = [call("a", scope_name="otel", output_tokens=210), call("b", "a", has_messages=False)]
    assert mark(*rows) == {"a": ("b", "parent"), "b": COUNTS}


def test_the_span_with_usage_stays():
    rows = [call("a"), call("b", "a", input_tokens=None, output_tokens=None)]
    assert mark(*rows) == {"a": COUNTS, "b": ("a", "parent")}


def test_three_layers_count_once():
    rows = [call("a", scope_name="1"), call("b", "a", scope_name="2"), call("c", "b", scope_name="3")]
    assert mark(*rows) == {"a": ("c", "parent"), "b": ("c", "parent"), "c": COUNTS}
    rows[1] = rows[1]._replace(has_messages=True)
    rows[2] = rows[2]._replace(has_messages=False)
    assert mark(*rows) == {"a": ("b", "parent"), "b": COUNTS, "c": ("b", "parent")}
    rows[1] = rows[1]._replace(has_messages=False)
    assert mark(*rows) == {"a": COUNTS, "b": ("a", "parent"), "c": ("a", "parent")}


def test_an_aggregate_of_several_calls():
    rows = [
        call("a", input_tokens=300, output_tokens=60, response_id="r2"),
        call("b", "a", response_id="r1", start_us=1_100),
        call("c", "a", response_id="r2", input_tokens=200, output_tokens=40, start_us=1_200),
    ]
    assert mark(*rows) == {"a": ("c", "aggregate"), "b": COUNTS, "c": COUNTS}


def test_a_failed_first_try_inside_the_span_of_a_router():
    rows = [
        call("a", scope_name="litellm"),
        call("b", "a", input_tokens=None, output_tokens=None, start_us=1_100),
        call("c", "a", start_us=1_200),
    ]
    assert mark(*rows) == {"a": ("c", "aggregate"), "b": COUNTS, "c": COUNTS}


def test_a_different_model_or_kind_inside_is_a_different_call():
    judge = call("b", "a", request_model="gpt-4o-mini", response_model="gpt-4o-mini-2024-07-18", output_tokens=3)
    assert set(mark(call("a"), judge).values()) == {COUNTS}
    embedding = call("b", "a", operation="embeddings")
    assert set(mark(call("a"), embedding).values()) == {COUNTS}


def test_two_answers_of_the_provider_are_two_calls():
    rows = [call("a", response_id="r1"), call("b", "a", response_id="r2", input_tokens=40)]
    assert set(mark(*rows).values()) == {COUNTS}


def test_one_response_in_two_traces():
    rows = [
        call("a", trace_id="t1", response_id="r1", scope_name="native", has_messages=False),
        call("b", trace_id="t2", response_id="r1", scope_name="openllmetry", start_us=1_500),
    ]
    assert mark(*rows) == {"a": ("b", "response_id"), "b": COUNTS}


def test_three_instrumentors_in_two_traces_count_once():
    rows = [
        call("a", response_id=None, scope_name="otel", has_messages=True),
        call("b", "a", response_id="r1", scope_name="native", has_messages=False),
        call("c", trace_id="t2", response_id="r1", scope_name="openllmetry"),
    ]
    found = mark(*rows)
    assert sorted(verdict == COUNTS for verdict in found.values()) == [False, False, True]
    assert len({verdict[0] for verdict in found.values() if verdict != COUNTS}) == 1


def test_the_same_id_of_different_providers_or_of_no_id_is_no_twin():
    ids = {"a": "r1", "b": "r1", "c": None, "d": None}
    providers = {"a": "openai", "b": "anthropic", "c": "openai", "d": "openai"}
    rows = [
        call(name, trace_id=name, scope_name=name, response_id=ids[name], provider=providers[name]) for name in "abcd"
    ]
    assert set(mark(*rows).values()) == {COUNTS}


def test_azure_behind_the_openai_client_is_one_provider():
    rows = [
        call("a", trace_id="a", response_id="r", scope_name="1"),
        call("b", trace_id="b", response_id="r", scope_name="2", provider="azure.ai.openai"),
    ]
    assert COUNTS in mark(*rows).values()
    assert len(set(mark(*rows).values())) == 2


def test_usage_that_conflicts_needs_models_that_agree():
    one = call("a", trace_id="a", response_id="r", scope_name="1")
    other = call("b", trace_id="b", response_id="r", scope_name="2", output_tokens=500)
    assert len(set(mark(one, other).values())) == 2
    unknown = other._replace(request_model=None, response_model=None)
    assert set(mark(one, unknown).values()) == {COUNTS}
    agreeing = unknown._replace(output_tokens=21)
    assert len(set(mark(one, agreeing).values())) == 2


def test_a_test_server_that_reuses_ids_does_not_merge_calls():
    rows = [call(str(n), trace_id=f"t{n}", response_id="chatcmpl-test", start_us=n * 1_000_000) for n in range(9)]
    assert set(mark(*rows).values()) == {COUNTS}
    # With a second instrumentor on, every call still counts once.
    twins = [row._replace(span_id=f"{row.span_id}x", trace_id=f"{row.trace_id}x", scope_name="2") for row in rows]
    found = mark(*(row for pair in zip(rows, twins, strict=True) for row in pair))
    assert sum(verdict == COUNTS for verdict in found.values()) == 9


def test_the_same_id_hours_later_is_another_call():
    rows = [
        call("a", trace_id="a", response_id="r", scope_name="1"),
        call("b", trace_id="b", response_id="r", scope_name="2", start_us=7_200_000_000),
    ]
    assert set(mark(*rows).values()) == {COUNTS}


def test_what_was_published_counts_for_good():
    finder = DuplicateFinder()
    assert finder.mark([call("b", "a", has_messages=False)]) == [COUNTS]
    assert finder.mark([call("a", scope_name="outer")]) == [("b", "parent")]
    # The parent came first: now the child is the duplicate.
    assert finder.mark([call("c", scope_name="outer", trace_id="t9")]) == [COUNTS]
    assert finder.mark([call("d", "c", trace_id="t9")]) == [("c", "parent")]


def test_parents_that_come_later_link_what_waited_for_them():
    finder = DuplicateFinder()
    assert finder.mark([call("c", "b")]) == [COUNTS]
    assert finder.mark([plain("b", "a")]) == [COUNTS]
    assert finder.mark([call("a", scope_name="outer")]) == [("c", "parent")]


def test_an_aggregate_whose_calls_came_one_by_one():
    finder = DuplicateFinder()
    assert finder.mark([call("b", "a", response_id="r1")]) == [COUNTS]
    assert finder.mark([call("c", "a", response_id="r2")]) == [COUNTS]
    assert finder.mark([call("a", input_tokens=200, output_tokens=40, response_id="r2")]) == [("c", "aggregate")]


def test_a_span_sent_twice_keeps_its_verdict():
    finder = DuplicateFinder()
    rows = [call("a", scope_name="outer"), call("b", "a")]
    assert finder.mark(rows) == finder.mark(rows)


def test_spans_of_other_operations_never_count_as_calls():
    assert mark(plain("a", None, "invoke_agent"), plain("b", "a", "execute_tool")) == {"a": COUNTS, "b": COUNTS}


def test_memory_is_bounded():
    finder = DuplicateFinder(capacity=100)
    for number in range(1_000):
        finder.mark([call(str(number), f"p{number}", trace_id=str(number), response_id=f"r{number}")])
    assert len(finder._above) <= 100
    assert len(finder._waiting) <= 100
    assert len(finder._responses) <= 25


ids = st.sampled_from("abcdefgh")
keys = st.builds(
    CallKey,
    trace_id=st.sampled_from(["t1", "t2"]),
    span_id=ids,
    parent_span_id=st.one_of(st.none(), ids),
    provider=st.sampled_from([None, "openai", "azure.ai.openai", "anthropic"]),
    response_id=st.sampled_from([None, "r1", "r2"]),
    operation=st.sampled_from([None, "chat", "embeddings", "execute_tool", "invoke_agent"]),
    input_tokens=st.sampled_from([None, 0, 100, 200]),
    output_tokens=st.sampled_from([None, 20, 40]),
    has_messages=st.booleans(),
    scope_name=st.sampled_from(["1", "2"]),
    start_us=st.integers(0, 3),
    request_model=st.sampled_from([None, "gpt-4o", "claude-x"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(keys, max_size=8, unique_by=lambda row: row[:2]), max_size=4))
def test_any_spans_in_any_batches(batches):
    finder, again = DuplicateFinder(), DuplicateFinder()
    verdicts = {}
    for batch in batches:
        marks = finder.mark(batch)
        assert marks == again.mark(batch)
        for row, verdict in zip(batch, marks, strict=True):
            key = (row.trace_id, row.span_id)
            assert verdicts.setdefault(key, verdict) == verdict
            if verdict != COUNTS:
                assert row.operation in BILLABLE_OPERATIONS or key in verdicts
    counted = {span_id for (_, span_id), verdict in verdicts.items() if verdict == COUNTS}
    # Whatever is a duplicate points at a span that counts: no call is lost.
    assert {verdict[0] for verdict in verdicts.values() if verdict != COUNTS} <= counted


def test_the_report_with_the_cached_tokens_counts_even_if_the_other_has_the_messages():
    outer = CallKey("t", "a", None, "openai", None, "chat", 100, 20, True, "framework", 1, "gpt-4o", "gpt-4o")
    inner = outer._replace(span_id="b", parent_span_id="a", response_id="r", has_messages=False, scope_name="client")
    assert DuplicateFinder().mark([outer, inner]) == [(None, None), ("a", "parent")]
    assert DuplicateFinder().mark([outer, inner._replace(details=1)]) == [("b", "parent"), (None, None)]
