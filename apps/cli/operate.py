"""The daily commands: do the main job, publish what is due, import posts, list what is out, stop and resume."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from apps.cli.console import OPERATOR, console, existing_store, require_home, scope_of, table_of
from contracts.settings import Settings

app = typer.Typer()


@app.command()
def run(
    world: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A table of real posts (parquet or CSV) to replay.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Business days to work through (seeded world).")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the sandbox world.")] = 7,
    language: Annotated[str, typer.Option(help="Language of a replayed world's clients: en, es or pt.")] = "en",
    time_zone: Annotated[str, typer.Option(help="Time zone of a replayed world's clients.")] = "UTC",
) -> None:
    """Do the main job: ingest, build, train, decide, publish, learn. Run it again to go on."""
    from apps.main_job import replayed_turn, seeded_turn
    from apps.summary import print_summary
    from apps.worlds import prepare_replay

    settings = Settings()
    if world is None:
        turn = seeded_turn(settings, console, days=days, seed=seed)
    else:
        settings, posts = prepare_replay(settings, world, console)
        turn = replayed_turn(settings, console, posts=posts, language=language, time_zone=time_zone)
    print_summary(settings, turn, console)


@app.command()
def publish() -> None:
    """Publish what is due now."""
    from apps.pipeline import open_pipeline
    from apps.worlds import open_home
    from orchestration import jobs
    from orchestration.resources import business_clock

    require_home(Settings())
    with open_home(Settings(), console) as settings, open_pipeline(settings) as pipeline:
        outcome = pipeline.run(jobs.PUBLISH, day=business_clock(settings).now().date())
    console.print(f"Done (run {outcome.run_id}). `pulso posts` lists what is out.")


@app.command()
def worker(
    interval_seconds: Annotated[float, typer.Option(min=0.1, help="Pause between two looks at an empty outbox.")] = 2.0,
) -> None:
    """Publish what is due, as soon as it is due, until Ctrl-C. Scheduled runs may drain the same outbox beside it."""
    from apps.worker import work
    from apps.worlds import open_home

    require_home(Settings())
    with open_home(Settings(), console) as settings:
        work(settings, console, interval_seconds=interval_seconds)


@app.command(name="import")
def import_posts(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or parquet with past posts.")],
    client: Annotated[str, typer.Option(help="The client whose posts these are.")],
) -> None:
    """Read a client's own export of past posts into bronze. Rows that cannot be used go to quarantine, with the reason."""
    from apps.pipeline import open_pipeline
    from apps.summary import print_newest_import
    from apps.worlds import open_home
    from orchestration import jobs

    require_home(Settings())
    with open_home(Settings(), console) as settings, open_pipeline(settings) as pipeline:
        ops = {"bronze__imports": {"config": {"path": str(file.absolute()), "client_id": client}}}
        pipeline.run(jobs.IMPORT, ops=ops)
    print_newest_import(settings, client, console)


@app.command()
def posts(client: Annotated[str, typer.Option(help="Only this client.")] = "") -> None:
    """What Pulso published and what became of it, newest first."""
    with existing_store(Settings()) as store:
        entries = store.ledger(scope_of(client))
    table = table_of("post", "client", "state", "published", "commit calls", "approved by", "reason")
    for entry in sorted(entries, key=lambda e: e.recorded_at, reverse=True):
        if entry.action == "publish":
            table.add_row(
                entry.post_id or "-",
                entry.client_id,
                entry.state,
                f"{entry.published_at:%Y-%m-%d %H:%M} UTC" if entry.published_at else "-",
                str(entry.commit_calls),
                entry.approved_by or "-",
                escape(entry.reason or ""),
            )
    nothing = "Nothing yet: `pulso run` publishes, or approve a draft in the calendar (`pulso ui`)."
    console.print(table if table.row_count else nothing)


@app.command()
def troubles(client: Annotated[str, typer.Option(help="Only this client.")] = "") -> None:
    """What does not go out by itself: why, whose problem it is, and what to do."""
    with existing_store(Settings()) as store:
        found = store.troubles(scope_of(client))
    table = table_of("what", "client", "account", "item", "since", "posts", "why", "for", "to do")
    for trouble in found:
        table.add_row(
            trouble.kind.value,
            trouble.client_id,
            trouble.account_id,
            trouble.content_item_id or "-",
            f"{trouble.since:%Y-%m-%d %H:%M} UTC",
            str(trouble.posts),
            escape(trouble.reason),
            trouble.owner,
            trouble.remedy,
        )
    console.print(table if table.row_count else "Everything that was promised goes out.")


@app.command()
def stop(
    client: Annotated[str, typer.Argument(help="Client to stop.")] = "",
    everyone: Annotated[bool, typer.Option("--all", help="Stop all clients.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")] = "stopped by an operator",
) -> None:
    """Emergency stop: from now on no new commit is permitted."""
    _need_one(client, everyone)
    with existing_store(Settings()) as store:
        store.stop(actor=OPERATOR, reason=reason, client_id=None if everyone else client)
    console.print(f"Stopped {'all clients' if everyone else client}. `pulso resume` lets the outbox flow again.")


@app.command()
def resume(
    client: Annotated[str, typer.Argument(help="Client to resume.")] = "",
    everyone: Annotated[bool, typer.Option("--all", help="Lift the stop of all clients.")] = False,
) -> None:
    """Lift an emergency stop."""
    _need_one(client, everyone)
    with existing_store(Settings()) as store:
        store.resume(actor=OPERATOR, client_id=None if everyone else client)
    console.print(f"Resumed {'all clients' if everyone else client}.")


def _need_one(client: str, everyone: bool) -> None:
    if bool(client) == everyone:
        raise typer.BadParameter("Name one client, or pass --all.")
