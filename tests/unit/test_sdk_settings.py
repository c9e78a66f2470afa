"""Settings, choices, stamps, the import hook, ``connect``: what needs no call and no collector."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import spanloft
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider
from spanloft import choices, config, fallback
from spanloft.activation import Activation
from spanloft.content import ContentSwitches
from spanloft.import_hook import ImportHook
from spanloft.modules import MODULES
from spanloft.stamps import StampProcessor, current_stamp

ENDPOINTS = [
    ({}, None, "http://127.0.0.1:4318/v1/traces"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1/"}, None, "http://c:1/v1/traces"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1/base"}, None, "http://c:1/base/v1/traces"),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:1/exact"}, None, "http://c:1/exact"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"}, "http://arg:2", "http://arg:2/v1/traces"),
    ({}, "arg:2", "http://arg:2/v1/traces"),
    ({}, "https://arg/custom/path", "https://arg/custom/path"),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None, "http://127.0.0.1:4317"),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "https://c:4317/x", "https://c:4317"),
]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith(("OTEL_", "SPANLOFT_", "OPENINFERENCE_"))]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("environment", "argument", "expected"), ENDPOINTS)
def test_endpoint(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], argument: str | None, expected: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert config.load(endpoint=argument).endpoint == expected


def test_headers_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Team=a%20b,authorization=Basic%20x")
    monkeypatch.setenv("SPANLOFT_API_KEY", "k-env")
    assert config.load().headers == {"x-team": "a b", "authorization": "Basic x"}
    assert config.load(api_key="k-arg").headers["authorization"] == "Bearer k-arg"
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_HEADERS")
    assert config.load().headers == {"authorization": "Bearer k-env"}


@pytest.mark.parametrize(
    ("argument", "ours", "theirs", "expected"),
    [
        (None, None, None, True),
        (None, "false", None, False),
        (True, "false", None, True),
        (False, "true", "SPAN_ONLY", False),
        (None, None, "NO_CONTENT", False),
        (None, None, "false", False),
        (None, None, "true", True),
        (None, "true", "NO_CONTENT", True),
    ],
)
def test_content(
    monkeypatch: pytest.MonkeyPatch, argument: bool | None, ours: str | None, theirs: str | None, expected: bool
) -> None:
    for name, value in (("SPANLOFT_CAPTURE_CONTENT", ours), (config.CONTENT_VARIABLE, theirs)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert config.load(capture_content=argument).capture_content is expected


@pytest.mark.parametrize(
    ("theirs", "capture", "expected"),
    [
        (None, True, "SPAN_ONLY"),
        ("true", True, "SPAN_ONLY"),
        ("span_and_event", True, "span_and_event"),
        ("EVENT_ONLY", True, "EVENT_ONLY"),
        ("NO_CONTENT", True, "SPAN_ONLY"),
        ("SPAN_ONLY", False, "NO_CONTENT"),
    ],
)
def test_content_switches(monkeypatch: pytest.MonkeyPatch, theirs: str | None, capture: bool, expected: str) -> None:
    import os

    if theirs is not None:
        monkeypatch.setenv(config.CONTENT_VARIABLE, theirs)
    before = dict(os.environ)
    switches = ContentSwitches()
    switches.apply(capture)
    assert os.environ[config.CONTENT_VARIABLE] == expected
    switches.restore()
    assert dict(os.environ) == before


def test_service_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/srv/app/worker.py"])
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=None))  # type: ignore[misc]
    assert config.load().service_name == "worker"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=from%20resource")
    assert config.load().service_name == "from resource"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "named")
    assert config.load().service_name == "named"
    assert config.load(service_name="argument").service_name == "argument"


def test_spool_and_store(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.load().spool == Path("~/.spanloft/spool").expanduser()
    monkeypatch.setenv("SPANLOFT_SPOOL", "off")
    assert config.load().spool is None
    monkeypatch.setenv("SPANLOFT_STORE", "~/elsewhere")
    assert config.store_path() == Path("~/elsewhere").expanduser()


# --- choices --------------------------------------------------------------------------------------------------------


def _installed(
    monkeypatch: pytest.MonkeyPatch, libraries: dict[str, str], instrumentors: dict[str, str | None]
) -> None:
    """Pretends: ``libraries`` name → version; ``instrumentors`` distribution → why it refuses, or ``None``."""

    def distribution(name: str) -> Any:
        if name not in libraries:
            raise PackageNotFoundError(name)
        return SimpleNamespace(version=libraries[name])

    entries = {
        name: SimpleNamespace(name="x", dist=SimpleNamespace(name=name, version="1.0", refusal=refusal))
        for name, refusal in instrumentors.items()
    }
    monkeypatch.setattr(choices, "distribution", distribution)
    monkeypatch.setattr(choices, "_instrumentors", lambda: entries)
    monkeypatch.setattr(choices, "_conflict", lambda dist: dist.refusal)


def _chosen() -> dict[str, str | None]:
    return {choice.library: choice.instrumentor for choice in choices.choose()}


OTEL, OI = "opentelemetry-instrumentation-", "openinference-instrumentation-"


def test_one_instrumentor_by_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, {"openai": "3.54.0"}, {f"{OI}openai": None, f"{OTEL}genai-openai": None})
    assert _chosen() == {"openai": f"{OTEL}genai-openai"}


def test_refused_goes_to_the_next_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, {"openai": "9.0"}, {f"{OI}openai": None, f"{OTEL}genai-openai": "only <4"})
    (choice,) = choices.choose()
    assert choice.instrumentor == f"{OI}openai"
    assert "refused: only <4" in choice.reason


def test_nothing_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, {"cohere": "7.3"}, {})
    (choice,) = choices.choose()
    assert choice.instrumentor is None
    assert f"pip install {OI}cohere" in choice.reason
    assert choice.missing == f"{OI}cohere"


def test_a_missing_instrumentor_is_told_in_one_line_when_the_library_is_imported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _installed(monkeypatch, {"cohere": "7.3", "boto3": "1.0"}, {})
    activation = Activation(NoOpTracerProvider(), True)
    activation.start(choices.choose())
    try:
        for name in ("cohere", "boto3"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        assert caplog.messages == []
        activation.start(choices.choose())
    finally:
        activation.stop()
    (line,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert line == f"cohere 7.3 has no instrumentor, only its HTTP calls are traced: pip install {OI}cohere"


def test_too_narrow_range_is_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, {"google-genai": "3.4.0"}, {f"{OTEL}google-genai": "only <3", f"{OI}google-genai": None})
    assert _chosen() == {"google-genai": f"{OTEL}google-genai"}


@pytest.mark.parametrize(("installed", "expected"), [("3.7.0", None), ("2.9.1", f"{OI}mistralai")])
def test_libraries_that_trace_themselves(monkeypatch: pytest.MonkeyPatch, installed: str, expected: str | None) -> None:
    _installed(monkeypatch, {"mistralai": installed}, {f"{OI}mistralai": None})
    assert _chosen() == {"mistralai": expected}


def test_langchain_of_openinference_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = {"langchain-core": "1.7.2", "openai": "3.54.0"}
    both = {f"{OTEL}genai-langchain": None, f"{OI}langchain": None, f"{OTEL}genai-openai": None}
    _installed(monkeypatch, libraries, both)
    assert _chosen() == {"langchain": f"{OTEL}genai-langchain", "openai": f"{OTEL}genai-openai"}
    _installed(monkeypatch, libraries, {**both, f"{OTEL}genai-langchain": "requires langchain"})
    assert _chosen() == {"langchain": f"{OI}langchain", "openai": None}


def test_users_disabling_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "requests, x")
    _installed(monkeypatch, {"openai": "3.54.0"}, {f"{OTEL}genai-openai": None})
    (choice,) = choices.choose()
    assert choice.instrumentor is None
    assert "disabled" in choice.reason


def test_really_installed_choices() -> None:
    chosen = {choice.library: choice for choice in choices.choose()}
    for name in ("openai", "anthropic"):
        assert chosen[name].instrumentor == f"{OTEL}genai-{name}"
        assert chosen[name].version == version(name)
        assert chosen[name].entry_point is not None


def test_watched_modules_are_those_of_the_table() -> None:
    libraries = {library.module for library in choices.LIBRARIES}
    assert set(MODULES) == libraries | set(fallback.CLIENTS) | {"opentelemetry.trace"}


# --- stamps ---------------------------------------------------------------------------------------------------------


def _started(context: Context | None = None) -> dict[str, Any]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(StampProcessor())
    span: Any = provider.get_tracer("t").start_span("x", context=context)
    return dict(span.attributes)


def test_stamp_nests_and_ends() -> None:
    with spanloft.context(user="a", tags=["x"], prompt="greet"):
        with spanloft.context(session="s", tags="y", prompt={"name": "greet", "version": 2}):
            assert _started() == {
                "user.id": "a",
                "session.id": "s",
                "gen_ai.conversation.id": "s",
                "gen_ai.prompt.name": "greet",
                "gen_ai.prompt.version": "2",
                "spanloft.tags": ("x", "y"),
            }
        assert _started()["spanloft.tags"] == ("x",)
        # A remote parent's context has no stamp of its own.
        assert _started(Context())["user.id"] == "a"
    assert _started() == {}


def test_stamp_as_decorator() -> None:
    @spanloft.context(user="a", tags=["t"])
    def inner(depth: int = 0) -> dict[str, Any]:
        return inner(depth - 1) if depth else dict(current_stamp())

    assert inner(2) == {"user.id": "a", "spanloft.tags": ("t",)}
    assert current_stamp() == {}


# --- import hook ----------------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "hooked_package").mkdir()
    (tmp_path / "hooked_package" / "__init__.py").write_text("value = 1\n")
    (tmp_path / "hooked_package" / "part.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "hooked_package"  # type: ignore[misc]
    for name in ("hooked_package", "hooked_package.part"):
        sys.modules.pop(name, None)


def test_hook_calls_once_after_the_import(module: str) -> None:
    hook, calls = ImportHook(), []
    for name in (module, f"{module}.part"):
        hook.watch(name, lambda name=name: calls.append((name, sys.modules[name].value)))  # type: ignore[misc]
    assert calls == []
    loaded = importlib.import_module(f"{module}.part")
    assert calls == [(module, 1), (f"{module}.part", 2)]
    assert type(loaded.__loader__).__name__ == type(loaded.__spec__.loader).__name__ == "SourceFileLoader"  # type: ignore[union-attr]  # fmt: skip
    hook.watch(module, lambda: calls.append(("again", 0)))
    assert calls[-1] == ("again", 0)
    hook.remove()
    assert hook not in sys.meta_path


def test_hook_lets_errors_of_the_import_through_and_keeps_its_own(module: str, tmp_path: Path) -> None:
    (tmp_path / "hooked_package" / "broken.py").write_text("raise OSError('of the module')\n")

    def fail() -> None:
        raise RuntimeError("of the callback")

    hook = ImportHook()
    hook.watch(module, fail)
    hook.watch(f"{module}.broken", fail)
    importlib.import_module(module)
    with pytest.raises(OSError, match="of the module"):
        importlib.import_module(f"{module}.broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{module}.missing")
    hook.remove()


# --- connect --------------------------------------------------------------------------------------------------------


def test_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    with pytest.raises(spanloft.SpanloftError, match="no store at"):
        spanloft.connect(tmp_path)
    with duckdb.connect(str(tmp_path / "spanloft.duckdb")) as made:
        made.execute("CREATE TABLE t AS SELECT 1 AS a")
    monkeypatch.setenv("SPANLOFT_STORE", str(tmp_path))
    with spanloft.connect() as connection:
        assert connection.sql("FROM t").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):
            connection.execute("CREATE TABLE u (a INT)")
    (tmp_path / "spanloft.duckdb").write_bytes(b"no database" * 100)
    with pytest.raises(spanloft.SpanloftError, match="cannot open"):
        spanloft.connect(tmp_path)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(spanloft.SpanloftError) as error:
        spanloft.connect(tmp_path)
    assert str(error.value) == 'duckdb is missing: pip install "spanloft[all]"'
