"""All commands but ``run``. Parts beyond the SDK are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .cli import part, run_program

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="LLM observability in one directory: OTLP in, plain DuckDB out.",
)
jobs_app = typer.Typer(invoke_without_command=True, help="Run the jobs: for ever, or one by hand.")
app.add_typer(jobs_app, name="jobs")

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="SPANLOFT_STORE",
        help="Directory of the store, or ducklake:postgres:CONNECTION;data=PATH [default: ~/.spanloft]",
    ),
]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on [default: 127.0.0.1]")]
GrpcPortOption = Annotated[int | None, typer.Option("--grpc-port", help="Port of OTLP/gRPC [default: 4317]")]
HttpPortOption = Annotated[int | None, typer.Option("--http-port", help="Port of OTLP/HTTP [default: 4318]")]
DashboardPortOption = Annotated[
    int | None, typer.Option("--dashboard-port", help="Port of the dashboard [default: 8501]")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="From this day or time (UTC): 2026-03-01, 2026-03-01T12:00, or 7d ago")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Up to, not including, this day or time")]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", envvar="SPANLOFT_PRICES", help="YAML file of price overrides")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; write nothing")]


@app.command()
def up(
    store: StoreOption = None,
    host: HostOption = None,
    grpc_port: GrpcPortOption = None,
    http_port: HttpPortOption = None,
    dashboard_port: DashboardPortOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Fill an empty store with labelled sample data")] = False,
) -> None:
    """Start collector, jobs and dashboard; Ctrl-C drains and stops them."""
    part("streamlit")
    settings = _settings(store, host=host, grpc_port=grpc_port, http_port=http_port, dashboard_port=dashboard_port)
    chosen = {"--grpc-port": grpc_port, "--http-port": http_port, "--dashboard-port": dashboard_port}
    fixed = frozenset(option for option, value in chosen.items() if value is not None)
    raise SystemExit(part("spanloft_collector.supervisor").run(settings, fixed_ports=fixed, demo=demo))


@app.command()
def collector(
    store: StoreOption = None,
    host: HostOption = None,
    grpc_port: GrpcPortOption = None,
    http_port: HttpPortOption = None,
) -> None:
    """Receive OTLP and store it."""
    settings = _settings(store, host=host, grpc_port=grpc_port, http_port=http_port)

    def announce(grpc: int, http: int) -> None:
        typer.echo(f"OTLP/gRPC  {settings.host}:{grpc}\nOTLP/HTTP  http://{settings.host}:{http}")
        sys.stdout.flush()

    part("spanloft_collector.app").run_collector(settings, announce)


@jobs_app.callback()
def jobs(context: typer.Context, store: StoreOption = None) -> None:
    """Run all jobs until stopped."""
    context.obj = store
    if context.invoked_subcommand is None:
        part("spanloft_collector.scheduling").run_jobs(_settings(store))


@jobs_app.command("run")
def jobs_run(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the job, or 'all'")],
    store: StoreOption = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Drop the results and compute everything again")
    ] = False,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Go on until nothing is left (always on)")] = True,
) -> None:
    """Run one job by hand, with a progress bar."""
    part("spanloft_collector.commands").run_job(_settings(store or context.obj), name, recompute=recompute)


@app.command()
def dashboard(store: StoreOption = None, host: HostOption = None, dashboard_port: DashboardPortOption = None) -> None:
    """Start the dashboard."""
    part("streamlit")
    settings = _settings(store, host=host, dashboard_port=dashboard_port)
    launch = part("spanloft_dashboard.launch")
    environment = {**os.environ, **launch.environment(settings.store)}
    command = launch.command(settings.store, settings.host, settings.dashboard_port)
    os.execvpe(command[0], command, environment)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def run(context: typer.Context) -> None:
    """Run a Python program instrumented: spanloft run app.py ARG..., or spanloft run -m module ARG..."""
    raise SystemExit(run_program(context.args))


@app.command()
def load(
    paths: Annotated[list[Path], typer.Argument(help="OTLP files: .json, .jsonl, .pb, each also .gz; or folders")],
    store: StoreOption = None,
) -> None:
    """Load OTLP files through the same pipeline as the collector."""
    raise SystemExit(part("spanloft_collector.commands").load(_settings(store), paths))


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SQL statement, e.g. 'FROM llm_calls LIMIT 10'")],
    store: StoreOption = None,
    output: Annotated[str, typer.Option("--format", help="table, csv, json or parquet")] = "table",
) -> None:
    """Query the store; also while the collector writes."""
    raise SystemExit(part("spanloft_collector.sql_command").run_sql(_settings(store), statement, output))


@app.command()
def drift(
    baseline: Annotated[
        str, typer.Argument(help="JSON lines (text, optional session), or a SQL query: the time before")
    ],
    window: Annotated[str, typer.Argument(help="JSON lines or a SQL query: the time in question")],
    store: StoreOption = None,
    model: Annotated[str | None, typer.Option("--model", help="Embedding model [default: all-MiniLM-L6-v2]")] = None,
    alpha: Annotated[float, typer.Option("--alpha", min=1e-6, max=0.5, help="False alarms that are accepted")] = 0.01,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed and data give the same verdict")] = 0,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 on drift, for CI")] = False,
) -> None:
    """Say whether a window of texts has drifted from a baseline, how sure that is, and what moved; prints JSON."""
    settings = _settings(store, embedding_model=model)
    verdict = part("spanloft_collector.drift_command").run_drift(settings, baseline, window, alpha=alpha, seed=seed)
    raise SystemExit(1 if exit_code and verdict.drifted else 0)


@app.command()
def reprice(
    store: StoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    model: Annotated[str | None, typer.Option("--model", help="Only models of this name or glob")] = None,
    prices: PricesOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Price stored calls anew with this version's prices and your overrides; old prices stay in 'reprices'."""
    code = part("spanloft_collector.maintenance_commands").run_reprice(
        _settings(store, prices=prices), since=since, until=until, model=model, dry_run=dry_run
    )
    raise SystemExit(code)


@app.command()
def remap(
    store: StoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    dialect: Annotated[
        str | None, typer.Option("--dialect", help="Only spans stored with this dialect (a glob; 'none': unclaimed)")
    ] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Only spans of this scope (a glob)")] = None,
    prices: PricesOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Map stored spans anew with this version's dialects; raw attributes stay as they came."""
    code = part("spanloft_collector.maintenance_commands").run_remap(
        _settings(store, prices=prices), since=since, until=until, dialect=dialect, scope=scope, dry_run=dry_run
    )
    raise SystemExit(code)


@app.command()
def export(
    output: Annotated[Path, typer.Argument(help="An empty or new folder")],
    store: StoreOption = None,
    file_format: Annotated[str, typer.Option("--format", help="parquet, csv, or otlp (JSON lines)")] = "parquet",
    dataset: Annotated[list[str] | None, typer.Option("--dataset", help="Only this dataset; may be repeated")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    service: Annotated[str | None, typer.Option("--service", help="Only this service (a glob)")] = None,
) -> None:
    """Write the store, or a part of it, to files; 'spanloft load' takes the OTLP ones."""
    code = part("spanloft_collector.maintenance_commands").run_export(
        _settings(store),
        output,
        file_format=file_format,
        datasets=dataset or [],
        since=since,
        until=until,
        service=service,
    )
    raise SystemExit(code)


@app.command()
def compact(store: StoreOption = None, dry_run: DryRunOption = False) -> None:
    """Merge small files now; the collector also does it by and by."""
    raise SystemExit(part("spanloft_collector.maintenance_commands").run_compact(_settings(store), dry_run=dry_run))


@app.command()
def expire(
    store: StoreOption = None,
    days: Annotated[
        str | None,
        typer.Option("--days", envvar="SPANLOFT_RETENTION_DAYS", help="Days to keep: 30, or 30,demo=7 by project"),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--bytes", envvar="SPANLOFT_RETENTION_BYTES", help="Size to keep: 50GB, or 50GB,demo=5GB by project"
        ),
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Drop days that are older, or more, than is to be kept; the collector does it too when this is configured."""
    settings = _settings(store, retention_days=days, retention_bytes=size)
    raise SystemExit(part("spanloft_collector.maintenance_commands").run_expire(settings, dry_run=dry_run))


@app.command()
def migrate(
    source: Annotated[Path, typer.Argument(help="Directory of the store that is taken over")],
    store: StoreOption = None,
) -> None:
    """Take a store in a directory into an empty DuckLake (--store) without writing its files anew."""
    raise SystemExit(part("spanloft_collector.scale_commands").run_migrate(_settings(store), source))


@app.command()
def scan(
    path: Annotated[
        Path, typer.Argument(help="JSON lines with text and optionally origin: user, document, tool; - is stdin")
    ],
    fail: Annotated[bool, typer.Option("--fail", help="Exit with 1 when a text is flagged")] = False,
) -> None:
    """Look for injections, jailbreaks and leaks in a file of texts; one JSON line per text."""
    raise SystemExit(part("spanloft_collector.security_commands").run_scan(path, fail=fail))


@app.command()
def redteam(
    target: Annotated[str, typer.Option("--target", help="Address of your app that takes a POST of JSON")],
    field: Annotated[
        str, typer.Option("--field", help="'messages' for OpenAI's chat shape, else the field that takes the text")
    ] = "messages",
    answer: Annotated[str, typer.Option("--answer", help="Where the answer stands, e.g. data.reply")] = "",
    header: Annotated[list[str] | None, typer.Option("--header", help="Name: value; may be given again")] = None,
    system_prompt: Annotated[
        Path | None,
        typer.Option(
            "--system-prompt", exists=True, dir_okay=False, help="File with your prompt, to recognise it in an answer"
        ),
    ] = None,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Allow another host; it must be yours")] = False,
) -> None:
    """Send a bounded set of probes to your own app; exit with 1 when one lands."""
    prompt = system_prompt.read_text(encoding="utf-8") if system_prompt else ""
    raise SystemExit(
        part("spanloft_collector.redteam").run_redteam(
            target, field=field, answer_path=answer, header=header or (), remote=allow_remote, system_prompt=prompt
        )
    )


@app.command()
def doctor(
    store: StoreOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Rewrite the views, e.g. after the store was moved")] = False,
) -> None:
    """Tell what is installed, what is instrumented, what is wrong, and what to do."""
    raise SystemExit(
        part("spanloft_collector.doctor").run(_settings(store), part("spanloft.choices").choose(), repair=repair)
    )


def _settings(store: str | None, **options: object) -> Any:
    return part("spanloft_collector.settings").load_settings(store=store, **options)
