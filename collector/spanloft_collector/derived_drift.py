"""The datasets of embeddings and of what is measured with them; ``model`` lists them beside the others."""

from __future__ import annotations

from spanloft_collector.columns import IDENTITY, SPARED, Column

CALL_TEXTS = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the call, UTC"),
    Column("side", "VARCHAR", "input: the last message of the user; output: the answer"),
    Column("text_key", "VARCHAR", "First 32 hex digits of the text's SHA-256; names its vector"),
    Column("service_name", "VARCHAR", "Service that made the call"),
    Column("service_version", "VARCHAR", "Its version"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("prompt_name", "VARCHAR", "Name of the prompt template"),
    Column("prompt_version", "VARCHAR", "Version of the prompt template"),
    Column("user_id", "VARCHAR", "End user the call was made for"),
    Column("session_id", "VARCHAR", "Session or conversation; the trace where there is none"),
    Column("characters", "BIGINT", "Length of the text"),
    Column("tokens", "BIGINT", "Input tokens of the call for an input, output tokens for an output"),
    Column("language", "VARCHAR", "Language by its common words, else the script; a share to watch, not a verdict"),
    Column("refusal", "BOOLEAN", "Whether an answer declines to help, by its wording (English)"),
    Column("tool_calls", "BIGINT", "Tools that an answer calls"),
    Column("retrieval_score", "DOUBLE", "Best score of the documents retrieved in the trace; NULL without any"),
)

TEXT_VECTORS = (
    Column("start_time", "TIMESTAMP", "First call of the day that has the text, UTC"),
    Column("text_key", "VARCHAR", "First 32 hex digits of the text's SHA-256"),
    Column("embedding_model", "VARCHAR", "Model that made the vector"),
    Column("embedding_version", "VARCHAR", "Version of its weights; vectors of two versions are never compared"),
    Column("quantization", "VARCHAR", "fp32 or int8; vectors of the two are never compared"),
    Column("text", "VARCHAR", "Beginning of the text"),
    Column("vector", "FLOAT[]", "Vector of length 1"),
    Column("embedded_at", "TIMESTAMP", "When the vector was made or taken from an earlier day, UTC"),
)

DRIFT_WINDOWS = (
    Column("day", "DATE", "UTC day of the window's newest texts"),
    Column("window_id", "VARCHAR", "Id of the window and its baseline, 16 hex digits"),
    Column("series_id", "VARCHAR", "Id of the series, 12 hex digits"),
    Column("series", "VARCHAR", "What is compared: service, operation, model, prompt, side"),
    Column("side", "VARCHAR", "input or output"),
    Column("service_name", "VARCHAR", "Service that made the calls"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("prompt_name", "VARCHAR", "Name of the prompt template"),
    Column("baseline", "VARCHAR", "rolling, pinned or version: what the window is compared with"),
    Column("baseline_start", "TIMESTAMP", "First text of the baseline, UTC"),
    Column("baseline_end", "TIMESTAMP", "Last text of the baseline, UTC"),
    Column("window_start", "TIMESTAMP", "First text of the window, UTC"),
    Column("window_end", "TIMESTAMP", "Last text of the window, UTC"),
    Column("n_baseline", "BIGINT", "Texts of the baseline"),
    Column("n_window", "BIGINT", "Texts of the window"),
    Column("status", "VARCHAR", "drifted, no drift, or not enough data"),
    Column("reason", "VARCHAR", "Why there is no verdict, or why not all texts took part"),
    Column("p_value", "DOUBLE", "Chance of so large a difference where nothing has changed"),
    Column("q_value", "DOUBLE", "p-value adjusted for the number of series of that day (false-discovery rate)"),
    Column("effect", "DOUBLE", "Shift of the middle in units of the baseline's spread; about the share that moved"),
    Column("effect_low", "DOUBLE", "Lower end of its 95 % interval"),
    Column("effect_high", "DOUBLE", "Upper end of its 95 % interval"),
    Column("kind", "VARCHAR", "Of a drift: topic, style, topic and style, or gradual"),
    Column("cumulative", "DOUBLE", "Sum of the days so far, in standard deviations; 5 is an alarm, of 200 series 7.7"),
    Column("since", "TIMESTAMP", "Start of the first window of this drift, UTC; NULL without drift"),
    Column("changes", "JSON", "What else changed then [{what, value, share_before, share_after}]"),
    Column("form", "JSON", "How the form of the texts shifted {feature: standard errors}"),
    Column("numbers", "JSON", "Numbers that changed [{name, before, after, effect, p_value, q_value}]"),
    Column("map", "JSON", "Points in two dimensions [{x, y, part, text, trace_id, span_id}]"),
    Column("embedding_model", "VARCHAR", "Model, version and quantisation of the vectors"),
    Column("computed_at", "TIMESTAMP", "When this row was computed, UTC"),
)

DRIFT_TOPICS = (
    Column("day", "DATE", "UTC day of the window's newest texts"),
    Column("window_id", "VARCHAR", "Id of the window and its baseline"),
    Column("series_id", "VARCHAR", "Id of the series"),
    Column("rank", "BIGINT", "1 is the most certain"),
    Column("topic", "VARCHAR", "Name made of the topic's own words"),
    Column("change", "VARCHAR", "appeared, grew or shrank"),
    Column("share_before", "DOUBLE", "Share of the baseline's texts, 0 to 1"),
    Column("share_after", "DOUBLE", "Share of the window's texts, 0 to 1"),
    Column("examples", "JSON", "Calls nearest to its middle [{trace_id, span_id, text}]"),
)

SIMILAR_CALLS = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the call that need not have been made, UTC"),
    *SPARED,
    Column("saved_tokens", "BIGINT", "All tokens of the call"),
    Column("saved_usd", "DOUBLE", "Cost of the call in dollars; NULL when it is unknown"),
    Column("similarity", "DOUBLE", "Cosine of the vectors of the two last messages"),
    Column("answer_similarity", "DOUBLE", "Cosine of the vectors of the two answers; NULL where one was not received"),
)

DATASETS: dict[str, tuple[Column, ...]] = {
    "call_texts": CALL_TEXTS,
    "text_vectors": TEXT_VECTORS,
    "drift_windows": DRIFT_WINDOWS,
    "drift_topics": DRIFT_TOPICS,
    "similar_calls": SIMILAR_CALLS,
}

COMMENTS = {
    "call_texts": "Texts of the model calls that were embedded, inputs and outputs apart, with what goes with them",
    "text_vectors": "One vector for each different text of a day",
    "drift_windows": "Each series' windows against their baseline: drifted or not, how sure, how much, since when",
    "drift_topics": "Topics that grew, appeared or shrank in a window, with example calls",
    "similar_calls": "Calls whose request means nearly the same as an earlier one, and how alike the two answers were",
}
