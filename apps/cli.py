"""The `pulso` command: the Makefile's and an operator's way in. Each command says what it did and what to do next.

Belongs here: arguments, calls, printing. Does not belong here: anything that another way in would need too.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import PulsoError
from contracts.scope import TenantScope
from contracts.settings import Settings

app = typer.Typer(help="Pulso: plan, publish, answer and learn for many social accounts.", no_args_is_help=True)
lake_app = typer.Typer(help="Look into the lake and keep it tidy.", no_args_is_help=True)
sandbox_app = typer.Typer(help="The local server that answers as the networks do.", no_args_is_help=True)
trace_app = typer.Typer(help="From a result back to everything behind it.", no_args_is_help=True)
client_app = typer.Typer(help="Clients: the brands that Pulso works for.", no_args_is_help=True)
accounts_app = typer.Typer(help="Accounts and their credentials.", no_args_is_help=True)
for name, group in {
    "lake": lake_app,
    "sandbox": sandbox_app,
    "trace": trace_app,
    "client": client_app,
    "accounts": accounts_app,
}.items():
    app.add_typer(group, name=name)

console = Console(file=sys.stdout)  # bound now: runs redirect what they print themselves
OPERATOR = os.environ.get("USER") or "operator"
EVERYONE = TenantScope.all_clients("an operator's command")


def main() -> None:
    """Entry point: errors that Pulso raises on purpose end with their message, all others with a traceback."""
    try:
        app()
    except PulsoError as error:
        console.print(f"[red]{error}[/]", highlight=False)
        sys.exit(1)


def _settings() -> Settings:
    return Settings()


# --- the main job ------------------------------------------------------------------------------------------------------


@app.command()
def run(
    world: Annotated[Path | None, typer.Option(help="A table of real posts (parquet or CSV) to replay.")] = None,
    days: Annotated[int, typer.Option(min=1, help="Business days to work through (seeded world).")] = 4,
    seed: Annotated[int, typer.Option(help="Seed of the sandbox world.")] = 7,
    language: Annotated[str, typer.Option(help="Language of a replayed world's clients: en, es or pt.")] = "en",
    time_zone: Annotated[str, typer.Option(help="Time zone of a replayed world's clients.")] = "UTC",
) -> None:
    """Do the main job: ingest, build, train, decide, publish, learn. Run it again to go on."""
    from apps.main_job import replayed_turn, seeded_turn
    from apps.summary import print_summary
    from apps.worlds import prepare_replay

    settings = _settings()
    if world is None:
        turn = seeded_turn(settings, console, days=days, seed=seed)
    else:
        settings, posts = prepare_replay(settings, world, console)
        turn = replayed_turn(settings, console, posts=posts, language=language, time_zone=time_zone)
    print_summary(settings, turn, console)


@app.command()
def publish() -> None:
    """Drain the outbox once, now."""
    from apps.home import prepare_home
    from apps.pipeline import open_pipeline
    from orchestration import jobs
    from orchestration.resources import business_clock

    settings = _settings()
    prepare_home(settings)
    with open_pipeline(settings) as pipeline:
        outcome = pipeline.run(jobs.PUBLISH, day=business_clock(settings).now().date())
    console.print(f"Done (run {outcome.run_id}). `pulso posts` lists what is out.")


@app.command(name="import")
def import_posts(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or parquet with past posts.")],
    client: Annotated[str, typer.Option(help="The client whose posts these are.")],
) -> None:
    """Read a client's own export of past posts into bronze. Rows that cannot be used go to quarantine, with the reason."""
    from apps.home import prepare_home
    from apps.pipeline import open_pipeline
    from orchestration import jobs

    settings = _settings()
    prepare_home(settings)
    with open_pipeline(settings) as pipeline:
        ops = {"bronze__imports": {"config": {"path": str(file.absolute()), "client_id": client}}}
        pipeline.run(jobs.IMPORT, ops=ops)
    from apps.summary import print_newest_import

    print_newest_import(settings, client, console)


@app.command()
def posts(client: Annotated[str, typer.Option(help="Only this client.")] = "") -> None:
    """What Pulso published, newest first."""
    from orchestration.resources import open_store

    with open_store(_settings()) as store:
        entries = store.ledger(TenantScope.of(client) if client else EVERYONE)
    table = Table("post", "client", "state", "published", "commit calls", "approved by", "reason")
    for entry in sorted(entries, key=lambda e: e.recorded_at, reverse=True):
        if entry.action == "publish":
            table.add_row(
                entry.post_id or "-",
                entry.client_id,
                entry.state,
                str(entry.published_at or "-"),
                str(entry.commit_calls),
                entry.approved_by or "-",
                entry.reason or "",
            )
    console.print(
        table if table.row_count else "Nothing yet: `pulso run` publishes, or approve a draft in the calendar."
    )


@app.command()
def stop(
    client: Annotated[str, typer.Argument(help="Client to stop.")] = "",
    everyone: Annotated[bool, typer.Option("--all", help="Stop all clients.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")] = "stopped by an operator",
) -> None:
    """Emergency stop: from now on no new commit is permitted."""
    from orchestration.resources import open_store

    if not client and not everyone:
        raise typer.BadParameter("Name a client or pass --all.")
    with open_store(_settings()) as store:
        store.stop(actor=OPERATOR, reason=reason, client_id=None if everyone else client)
    console.print(f"Stopped {'all clients' if everyone else client}. `pulso resume` lets the outbox flow again.")


@app.command()
def resume(
    client: Annotated[str, typer.Argument(help="Client to resume.")] = "",
    everyone: Annotated[bool, typer.Option("--all", help="Lift the stop of all clients.")] = False,
) -> None:
    """Lift an emergency stop."""
    from orchestration.resources import open_store

    if not client and not everyone:
        raise typer.BadParameter("Name a client or pass --all.")
    with open_store(_settings()) as store:
        store.resume(actor=OPERATOR, client_id=None if everyone else client)
    console.print(f"Resumed {'all clients' if everyone else client}.")


@trace_app.command("post")
def trace_post_command(
    post_id: Annotated[str, typer.Argument(metavar="ID", help="For example instagram:1789…")],
) -> None:
    """Approval, forecast, model version, feature row and raw payloads behind a published post."""
    from apps.trace import render, trace_post
    from lakehouse import DeltaLake
    from orchestration.resources import open_store

    settings = _settings()
    with open_store(settings) as store:
        console.print(render(trace_post(DeltaLake(settings.lake_path), store, post_id)))


# --- clients and accounts ----------------------------------------------------------------------------------------------


@client_app.command("add")
def client_add(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Add clients from a YAML file, or bring known ones up to date (see apps/demo/clients.yaml)."""
    from apps.demo import read_clients
    from apps.home import prepare_home
    from orchestration.resources import open_store

    prepare_home(_settings())
    clients = read_clients(file)
    with open_store(_settings()) as store:
        for client in clients:
            store.save_client(client, actor=OPERATOR)
    console.print(f"Saved {', '.join(c.client_id for c in clients)}.")


@client_app.command("list")
def client_list() -> None:
    """All clients."""
    from orchestration.resources import open_store

    table = Table("client", "name", "zone", "language", "autonomy", "facts")
    with open_store(_settings()) as store:
        for c in store.clients(EVERYONE):
            table.add_row(c.client_id, c.name, c.time_zone, c.language, c.autonomy.value, str(len(c.brand.facts)))
    console.print(table)


@accounts_app.command("list")
def accounts_list() -> None:
    """All accounts and how their connection is."""
    from orchestration.resources import open_store

    table = Table("account", "client", "handle", "connection")
    with open_store(_settings()) as store:
        for c in store.connections(EVERYONE):
            state = c.paused_reason or ("connected" if c.has_credential else "no token: `pulso accounts connect`")
            table.add_row(c.account.account_id, c.account.client_id, c.account.handle, state)
    console.print(table)


@accounts_app.command("add")
def accounts_add(
    client: str,
    network: str,
    native_id: str,
    handle: str,
    base_url: Annotated[str, typer.Option(help="Where its network answers.")],
) -> None:
    """Add an account of a client."""
    from contracts.networks import Network
    from contracts.records import Account
    from orchestration.resources import open_store

    account = Account(
        account_id=f"{network}:{native_id}",
        client_id=client,
        network=Network(network),
        native_id=native_id,
        handle=handle,
        base_url=base_url,
    )
    with open_store(_settings()) as store:
        store.save_account(account, actor=OPERATOR)
    console.print(f"Saved. Next: `pulso accounts connect {account.account_id}`.")


@accounts_app.command("connect")
def accounts_connect(account_id: str) -> None:
    """Store a new token of an account, encrypted. It is asked for and never echoed."""
    from contracts.records import Token
    from orchestration.resources import open_store

    access = typer.prompt("Access token", hide_input=True)
    refresh = typer.prompt("Refresh token (empty: none)", hide_input=True, default="", show_default=False)
    with open_store(_settings()) as store:
        store.save_credential(account_id, Token(access_token=access, refresh_token=refresh or None), actor=OPERATOR)
    console.print("Connected. Intents that waited for it go on with the next publishing run.")


# --- looking around ----------------------------------------------------------------------------------------------------


@app.command()
def ui(dagster_port: int = 3000, app_port: int = 8501) -> None:
    """Dagster and the Streamlit app on loopback, with the sandbox beside them when this home lives in one. Ctrl-C ends all."""
    from apps.ui import serve

    serve(_settings(), console, dagster_port=dagster_port, app_port=app_port)


@app.command()
def prepare() -> None:
    """Create PULSO_HOME and compile the dbt project: what definitions need before they load."""
    from apps.home import prepare_home

    prepare_home(_settings())


@app.command()
def docs(check: Annotated[bool, typer.Option("--check", help="Write nothing; fail on drift.")] = False) -> None:
    """Generate docs/metrics.md, docs/assets.md and docs/drafts.md."""
    from apps.generated_docs import write_docs

    changed = write_docs(check=check)
    console.print("Out of date: " + ", ".join(changed) if changed else "All generated docs are in step.")
    if check and changed:
        raise typer.Exit(1)


@app.command()
def screenshots() -> None:
    """Picture every page of the app and the asset graph into docs/images."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "benchmarks.screenshots"]))


@app.command()
def chaos(runs: int = 500, seed: int = 7, bug: str = "") -> None:
    """Kill the publisher at random, with faults, and count in the networks' own state."""
    command = [sys.executable, "-m", "benchmarks.chaos", "--runs", str(runs), "--seed", str(seed)]
    raise typer.Exit(subprocess.call([*command, *(["--bug", bug] if bug else [])]))


@app.command()
def bench() -> None:
    """Measure the models and the definitions' load time against baselines of the same run."""
    worst = 0
    for module in ("benchmarks.definitions_load", "benchmarks.engagement"):
        console.rule(module)
        worst = max(worst, subprocess.call([sys.executable, "-m", module]))
    raise typer.Exit(worst)


# --- sandbox -----------------------------------------------------------------------------------------------------------


@sandbox_app.command("start")
def sandbox_start(seed: int = 7) -> None:
    """Run the sandbox in the foreground."""
    from apps.sandbox_process import running_sandbox

    settings = _settings()
    with running_sandbox(settings, seed=seed) as sandbox:
        console.print(f"Sandbox at {sandbox.url}, its time is {sandbox.now()}. Ctrl-C ends it.")
        try:
            while sandbox.is_up():
                import time

                time.sleep(1)
        except KeyboardInterrupt:
            console.print("Stopped; its state stays.")


@sandbox_app.command("advance")
def sandbox_advance(hours: Annotated[float, typer.Argument(min=0)]) -> None:
    """Move the world's clock forward."""
    from apps.sandbox_process import Sandbox

    console.print(f"It is now {Sandbox(_settings().sandbox_url).advance(hours * 3600)}.")


# --- lake --------------------------------------------------------------------------------------------------------------


def _lake():
    from lakehouse import DeltaLake

    return DeltaLake(_settings().lake_path)


def _print_frame(frame, title: str) -> None:
    table = Table(*frame.columns, title=title)
    for row in frame.iter_rows():
        table.add_row(*(str(value) for value in row))
    console.print(table if frame.height else f"{title}: nothing.")


@lake_app.command("tables")
def lake_tables() -> None:
    """All tables with rows, version and size."""
    _print_frame(_lake().tables(), "Tables")


@lake_app.command("history")
def lake_history(table: Annotated[str, typer.Argument(help="stage/table")], limit: int = 20) -> None:
    """Versions of a table, newest first."""
    _print_frame(_lake().history(table).head(limit), f"History of {table}")


@lake_app.command("diff")
def lake_diff(table: str, old: int, new: int) -> None:
    """Rows that were added, removed or changed between two versions."""
    _print_frame(_lake().diff(table, old, new), f"{table}: {old} to {new}")


@lake_app.command("compact")
def lake_compact(table: str) -> None:
    """Rewrite many small files as few."""
    console.print(_lake().compact(table))


@lake_app.command("vacuum")
def lake_vacuum(table: str, retention_hours: int = 168) -> None:
    """Delete files that no version younger than the retention needs."""
    console.print(_lake().vacuum(table, retention_hours=retention_hours))
