"""The datasets that jobs and maintenance write; ``model`` lists them beside what is received."""

from __future__ import annotations

from spanloft_collector.columns import IDENTITY, SPARED, Column
from spanloft_collector.security_columns import SECURITY_DETECTIONS, SECURITY_SCORES

COSTS = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the call, UTC"),
    Column("provider", "VARCHAR", "Provider as recorded on the span"),
    Column("model", "VARCHAR", "Model name that was looked up: the response model, else the request model"),
    Column("price_model", "VARCHAR", "Model of the price list that matched"),
    Column("price_provider", "VARCHAR", "Provider of the price list that matched"),
    Column("uncached_input_tokens", "BIGINT", "Input tokens neither read from nor written to the cache"),
    Column("cache_read_tokens", "BIGINT", "Input tokens read from the cache"),
    Column("cache_write_tokens", "BIGINT", "Input tokens written to the cache"),
    Column("output_tokens", "BIGINT", "Output tokens including reasoning"),
    Column("input_cost_usd", "DOUBLE", "Cost of uncached input"),
    Column("cache_read_cost_usd", "DOUBLE", "Cost of cache reads"),
    Column("cache_write_cost_usd", "DOUBLE", "Cost of cache writes"),
    Column("output_cost_usd", "DOUBLE", "Cost of output"),
    Column("other_cost_usd", "DOUBLE", "Cost of audio, images, requests and tools"),
    Column("cost_usd", "DOUBLE", "Sum of the components; NULL when unknown"),
    Column("reported_cost_usd", "DOUBLE", "Cost as the client reported it"),
    Column("usage_source", "VARCHAR", "reported, estimated or missing"),
    Column("price_source", "VARCHAR", "exact, pattern, override, reported or none"),
    Column("price_note", "VARCHAR", "Why a call has no price, or which rule or tier was applied"),
    Column("price_date", "DATE", "Date from which the price was valid, where the list has a history"),
    Column("price_version", "VARCHAR", "Version of the price list"),
    Column("priced_at", "TIMESTAMP", "When this row was computed, UTC"),
)

REPRICES = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the call, UTC"),
    Column("provider", "VARCHAR", "Provider as recorded on the span"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("old_cost_usd", "DOUBLE", "Cost before the run; NULL when it was unknown"),
    Column("old_price_source", "VARCHAR", "How the price was found before the run"),
    Column("old_price_version", "VARCHAR", "Version of the price list before the run"),
    Column("cost_usd", "DOUBLE", "Cost that the run set; NULL when it is unknown"),
    Column("price_source", "VARCHAR", "exact, pattern, override, reported or none"),
    Column("price_version", "VARCHAR", "Version of the price list that the run used"),
    Column("run", "VARCHAR", "Run that changed the price: the UTC time of its start"),
    Column("priced_at", "TIMESTAMP", "When this row was computed, UTC"),
)

COST_DAILY = (
    Column("day", "DATE", "UTC day of the calls"),
    Column("service_name", "VARCHAR", "Service that made the calls"),
    Column("provider", "VARCHAR", "Provider"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("calls", "BIGINT", "Billable calls, duplicates removed"),
    Column("unpriced_calls", "BIGINT", "Calls whose cost is unknown; not in cost_usd"),
    Column("input_tokens", "BIGINT", "Input tokens including cached ones"),
    Column("cache_read_tokens", "BIGINT", "Cache reads"),
    Column("cache_write_tokens", "BIGINT", "Cache writes"),
    Column("output_tokens", "BIGINT", "Output tokens"),
    Column("cost_usd", "DOUBLE", "Cost of the priced calls; NULL when none could be priced"),
)

LATENCY_MINUTE = (
    Column("minute", "TIMESTAMP", "UTC minute in which the calls started"),
    Column("service_name", "VARCHAR", "Service that made the calls"),
    Column("provider", "VARCHAR", "Provider"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("calls", "BIGINT", "Calls that started in the minute"),
    Column("errors", "BIGINT", "Of these, calls that failed"),
    Column("duration_p50_ms", "DOUBLE", "Median duration of successful calls in milliseconds"),
    Column("duration_p95_ms", "DOUBLE", "95th percentile of the duration"),
    Column("duration_p99_ms", "DOUBLE", "99th percentile of the duration"),
    Column("ttft_calls", "BIGINT", "Calls that reported a time to first token"),
    Column("ttft_p50_ms", "DOUBLE", "Median time to first token in milliseconds"),
    Column("ttft_p95_ms", "DOUBLE", "95th percentile of the time to first token"),
    Column("ttft_p99_ms", "DOUBLE", "99th percentile of the time to first token"),
    Column("tokens_per_s_p50", "DOUBLE", "Median output tokens per second of generation (after the first token)"),
    Column("output_tokens", "BIGINT", "Output tokens of the minute"),
)

USAGE_HOURLY = (
    Column("hour", "TIMESTAMP", "UTC hour in which the calls started; several rows of the same hour add up"),
    Column("service_name", "VARCHAR", "Service that made the calls"),
    Column("provider", "VARCHAR", "Provider"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("price_source", "VARCHAR", "exact, pattern, override, reported or none"),
    Column("failed", "BOOLEAN", "Whether the calls of this row failed"),
    Column("calls", "BIGINT", "Billable calls, duplicates removed"),
    Column("rate_limited", "BIGINT", "Of these, failed because of a rate limit"),
    Column("priced_calls", "BIGINT", "Of these, calls with a cost"),
    Column("cost_usd", "DOUBLE", "Cost of the priced calls; NULL when none could be priced"),
    Column("priced_tokens", "BIGINT", "Input and output tokens of the priced calls"),
    Column("input_tokens", "BIGINT", "Input tokens including cached ones"),
    Column("uncached_input_tokens", "BIGINT", "Input tokens neither read from nor written to the cache"),
    Column("cache_read_tokens", "BIGINT", "Cache reads"),
    Column("cache_write_tokens", "BIGINT", "Cache writes"),
    Column("output_tokens", "BIGINT", "Output tokens"),
    Column("durations_ms", "DOUBLE[]", "Duration of each call in milliseconds, in no order"),
    Column("ttfts_ms", "DOUBLE[]", "Time to first token in milliseconds of each call that reported one"),
    Column("speeds_tokens_per_s", "DOUBLE[]", "Output tokens per second of generation of each call where it is known"),
)

ALERTS = (
    Column("alert_id", "VARCHAR", "Id of the alert; a later row with the same id takes its place"),
    Column("time", "TIMESTAMP", "When it happened: the call, or the end of the window it was seen in, UTC"),
    Column("kind", "VARCHAR", "cost, latency, errors, drift or security"),
    Column("severity", "VARCHAR", "info, warning or critical"),
    Column("title", "VARCHAR", "What happened, in one sentence with its figures"),
    Column(
        "series", "VARCHAR", "What it is about, such as 'harbour-support / gpt-5'; NULL when it is about everything"
    ),
    Column("service_name", "VARCHAR", "Service it is about; NULL when it is about several"),
    Column("model", "VARCHAR", "Model it is about; NULL when it is about several"),
    Column("window_start", "TIMESTAMP", "Start of the window that was looked at, UTC; NULL for a single call"),
    Column("window_end", "TIMESTAMP", "End of that window, UTC"),
    Column("evidence", "JSON", "Figures behind it: value, expected, threshold, calls, method"),
    Column("trace_id", "VARCHAR", "Trace of the call that shows it best; NULL when no single call does"),
    Column("span_id", "VARCHAR", "Span of that call"),
    Column("page", "VARCHAR", "Path of the dashboard page that shows more, such as /latency"),
    Column("job", "VARCHAR", "Job that raised it"),
    Column("state", "VARCHAR", "open, or resolved once it is over"),
    Column("updated_at", "TIMESTAMP", "When this row was written, UTC"),
)

PROMPT_VERSIONS = (
    Column("version_id", "VARCHAR", "Id of the version, 12 hex digits"),
    Column("prompt_id", "VARCHAR", "Id of the prompt that it is a version of, 12 hex digits"),
    Column("prompt", "VARCHAR", "Name that the app gave, else how the text begins"),
    Column("version", "VARCHAR", "Version that the app gave; NULL where versions were told apart by their text"),
    Column("source", "VARCHAR", "explicit: the app names the prompt; mined: found in the texts"),
    Column("role", "VARCHAR", "Message the text was found in: system, user; NULL when no text was received"),
    Column("service_name", "VARCHAR", "Service that used it first"),
    Column("template", "VARCHAR", "Text, with {…} for what varies from call to call; NULL when no text was received"),
    Column("first_time", "TIMESTAMP", "Start of the first call that used it, UTC"),
)

PROMPT_CALLS = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the call, UTC"),
    Column("version_id", "VARCHAR", "Version of the prompt that the call used"),
    Column("service_name", "VARCHAR", "Service that made the call"),
    Column("provider", "VARCHAR", "Provider"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("failed", "BOOLEAN", "Whether the call failed"),
    Column("duration_ms", "DOUBLE", "Duration in milliseconds"),
    Column("input_tokens", "BIGINT", "Input tokens including cached ones"),
    Column("output_tokens", "BIGINT", "Output tokens"),
    Column("cost_usd", "DOUBLE", "Cost when the job read the call; NULL when unknown"),
)

SAVINGS = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the call that need not have been made or paid in full, UTC"),
    Column(
        "kind", "VARCHAR", "exact: same request again; near: same words again; prefix: begins like an earlier prompt"
    ),
    *SPARED,
    Column(
        "saved_tokens",
        "BIGINT",
        "exact, near: all tokens of the call; prefix: input tokens that a cache would have held",
    ),
    Column("saved_usd", "DOUBLE", "Dollars that would have been saved; NULL when the price is unknown"),
)

DERIVED: dict[str, tuple[Column, ...]] = {
    "costs": COSTS,
    "reprices": REPRICES,
    "cost_daily": COST_DAILY,
    "latency_minute": LATENCY_MINUTE,
    "usage_hourly": USAGE_HOURLY,
    "alerts": ALERTS,
    "prompt_versions": PROMPT_VERSIONS,
    "prompt_calls": PROMPT_CALLS,
    "savings": SAVINGS,
    "security_detections": SECURITY_DETECTIONS,
    "security_scores": SECURITY_SCORES,
}
"""Derived datasets by name."""
