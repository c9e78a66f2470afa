"""Settings of the collector, the jobs and the dashboard. The environment's names are ``SPANLOFT_<FIELD>``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ByteSize, Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from spanloft_collector.errors import SpanloftError
from spanloft_collector.location import Location, parse_location

_BYTES = TypeAdapter(ByteSize)

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """One class for all settings; command-line options win over the environment."""

    model_config = SettingsConfigDict(env_prefix="SPANLOFT_", extra="ignore", frozen=True)

    store: Annotated[Location, NoDecode] = Field(
        default=Path("~/.spanloft"),
        description="Directory of the store, or ducklake:postgres:CONNECTION;data=PATH for many machines",
    )
    local: Path | None = Field(
        default=None, description="Folder on this machine for the journal, where the store is a DuckLake"
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; another than loopback needs API keys")
    grpc_port: int = Field(default=4317, ge=0, le=65535, description="Port of OTLP/gRPC; 0 picks a free one")
    http_port: int = Field(default=4318, ge=0, le=65535, description="Port of OTLP/HTTP; 0 picks a free one")
    dashboard_port: int = Field(default=8501, ge=0, le=65535, description="Port of the dashboard; 0 picks a free one")
    api_key: SecretStr | None = Field(
        default=None,
        description="Keys that may send: KEY, or PROJECT:KEY, comma-separated. Needed on any host but loopback",
    )
    max_body_bytes: int = Field(
        default=64 * 1024 * 1024, gt=0, description="Largest request accepted, after decompression"
    )
    max_inflight_bytes: int = Field(
        default=128 * 1024 * 1024, gt=0, description="Request bytes in memory beyond which senders are told to wait"
    )
    max_journal_bytes: int = Field(
        default=8 * 1024**3, gt=0, description="Journal size beyond which senders are told to wait"
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=64,
        description="Processes that decode spans [default: one per core]; 0 decodes in the pipeline's own process",
    )
    publish_interval_s: float = Field(
        default=1.0, gt=0, description="Longest time an accepted span waits before it is published"
    )
    publish_rows: int = Field(default=12_288, gt=0, description="Spans that are published together at the most")
    compact_interval_s: float = Field(default=10.0, gt=0, description="How often small files are merged")
    grace_s: float = Field(
        default=600.0, ge=0, description="How long a superseded file stays on disk for queries that still read it"
    )
    retention_days: str | None = Field(
        default=None,
        description="Days that data is kept: N; PROJECT=N for single projects, comma-separated [default: for ever]",
    )
    retention_bytes: str | None = Field(
        default=None,
        description="Size beyond which the oldest days are dropped: 50GB; PROJECT=5GB for single projects, "
        "comma-separated [default: no limit]",
    )
    monthly_budget_usd: float | None = Field(
        default=None, gt=0, description="US dollars a month that the dashboard's Cost page counts down"
    )
    canaries: str | None = Field(
        default=None,
        description="Texts that must never leave a system prompt, comma-separated: one in an answer is a leak",
    )
    redact_stored: Literal["off", "secrets", "all"] = Field(
        default="off",
        description="What is taken out of texts before they are stored: secrets, or all (personal data, too)",
    )
    review_rules: Path | None = Field(
        default=None, description="YAML file of rules that say which traces a person should look at"
    )
    injection_model: str | None = Field(
        default=None,
        description="Sequence classifier that scores texts for injection beside the built-in model: a name or a folder",
    )
    moderation_model: str | None = Field(
        default=None, description="Sequence classifier that moderates answers: a name or a folder"
    )
    pii_engine: Literal["builtin", "presidio"] = Field(
        default="builtin", description="What finds personal data; presidio is used beside the built-in patterns"
    )
    prices: Path | None = Field(default=None, description="YAML file of price overrides")
    cache: Path = Field(default=Path("~/.cache/spanloft"), description="Folder for models and vectors made once")
    embedding_model: str = Field(
        default="all-MiniLM-L6-v2",
        description="Model of embeddings: all-MiniLM-L6-v2, all-MiniLM-L6-v2/int8, sentence-transformers:NAME; or off",
    )
    jobs_processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes for heavy work of jobs, embeddings and drift; over Ray on a DuckLake store",
    )
    drift_baseline: str | None = Field(
        default=None, description="Days that are a pinned baseline of drift, both included: DAY..DAY [default: none]"
    )

    @field_validator("store", mode="before")
    @classmethod
    def _somewhere(cls, value: object) -> object:
        return parse_location(value) if isinstance(value, str) else value

    @field_validator("retention_days")
    @classmethod
    def _known_terms(cls, value: str | None) -> str | None:
        for entry in (value or "0").split(","):
            project, separator, days = entry.strip().rpartition("=")
            if not days.strip().isdigit() or (separator and not project.strip()):
                raise ValueError("expected a number of days, and PROJECT=DAYS for one project, like 30 or 30,demo=7")
        return value

    @field_validator("retention_bytes", mode="before")
    @classmethod
    def _known_sizes(cls, value: object) -> object:
        for entry in str(value or "0").split(","):
            project, separator, size = entry.strip().rpartition("=")
            try:
                _BYTES.validate_python(size.strip())
            except ValidationError:
                size = ""
            if not size or (separator and not project.strip()):
                raise ValueError("expected a size, and PROJECT=SIZE for one project, like 50GB or 50GB,demo=5GB")
        return None if value is None else str(value)


def load_settings(**overrides: object) -> Settings:
    """Read the environment; ``overrides`` that are not None win.

    Raises:
        SpanloftError: a value is invalid; the message names the variable and what was expected.
    """
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SpanloftError(f"SPANLOFT_{name}={first['input']!r}: {first['msg']}") from None


def parse_api_keys(value: str) -> dict[str, str]:
    """Parse ``KEY`` or ``PROJECT:KEY``, comma-separated, into key -> project.

    Raises:
        SpanloftError: an entry is empty.
    """
    keys: dict[str, str] = {}
    for entry in value.split(","):
        project, separator, key = entry.strip().rpartition(":")
        if not key or (separator and not project):
            raise SpanloftError("SPANLOFT_API_KEY: expected KEY or PROJECT:KEY, comma-separated, found an empty part")
        keys[key] = project or "default"
    return keys
