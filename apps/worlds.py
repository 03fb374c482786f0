"""Which world a home lives in: real networks, the seeded sandbox, or a replay of real posts.

For a replay a table is read, what cannot be used is set aside with reasons, and the rest becomes the world.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table

from apps.home import prepare_home
from apps.sandbox_process import running_sandbox
from contracts.errors import NotReadyError, PulsoError
from contracts.scope import TenantScope
from contracts.settings import Settings
from contracts.tables import QUARANTINED_IMPORTS

if TYPE_CHECKING:
    from platforms.exports import ExportReport

_SERVERS = ("store_url", "dagster_url", "mlflow_url", "lake_url", "online_features_url")


def prepare_replay(settings: Settings, source: Path, console: Console) -> tuple[Settings, Path]:
    """Settings of a home of the file's own (`<home>/worlds/<name>`), and the normalised posts that the sandbox replays.

    Rows that cannot be replayed stand in that home's `bronze/quarantined_imports`. A file that was read before is not read again.
    Raises PulsoError when the file cannot be read or lacks required columns, and where state is on servers; nothing is written then.
    """
    if named := [name for name in _SERVERS if getattr(settings, name) is not None]:
        raise PulsoError(
            f"A replay keeps its made-up clients in files of its own: unset {', '.join(f'PULSO_{n.upper()}' for n in named)}."
        )
    digest = _digest(source)
    settings = settings.model_copy(update={"home": settings.home / "worlds" / f"{source.stem}-{digest[:8]}"})
    posts = settings.home / "world" / "posts.parquet"
    if not posts.exists():
        _read(settings, source, posts, digest, console)
    console.print(f"This world's home is [bold]{settings.home}[/].", highlight=False)
    return settings, posts


def replayed_posts(settings: Settings) -> Path | None:
    """The normalised posts of this home's replayed world; None where the world is a seeded one."""
    posts = settings.home / "world" / "posts.parquet"
    return posts if posts.exists() else None


def at_sandbox(settings: Settings) -> Settings:
    """The same settings with all networks answered by the sandbox."""
    return settings.model_copy(update={"network_base_url": settings.sandbox_url})


def lives_in_sandbox(settings: Settings) -> bool:
    """Whether this home was made by `pulso run`, or is an empty folder and would be.

    Whoever names a server for the store means real work: an empty one there is no sandbox's until `pulso run` has made it one.
    """
    return settings.network_base_url is None and (
        (settings.home / "sandbox").exists()
        or (settings.store_url is None and not (settings.home / "store.db").exists())
    )


def may_become_sandbox(settings: Settings) -> bool:
    """Whether `pulso run` may put made-up clients here: into what lives in a sandbox already, or into a store without clients."""
    if lives_in_sandbox(settings) or settings.network_base_url is not None:
        return lives_in_sandbox(settings)
    from orchestration.resources import open_store

    try:
        with open_store(settings) as store:
            return not store.clients(TenantScope.all_clients("whether there is any"))
    except NotReadyError:  # no schema yet, so no clients
        return True


@contextmanager
def open_home(settings: Settings, console: Console) -> Iterator[Settings]:
    """A prepared home with its networks within reach: beside a home that lives in a sandbox, the sandbox runs until leaving."""
    if not lives_in_sandbox(settings):
        prepare_home(settings)
        yield settings
        return
    settings = at_sandbox(settings)
    prepare_home(settings)
    with running_sandbox(settings, posts=replayed_posts(settings)) as sandbox:
        console.print(f"Sandbox     {sandbox.url} (its time: {sandbox.now():%a %d %b %Y %H:%M} UTC)", highlight=False)
        yield settings


def _read(settings: Settings, source: Path, posts: Path, digest: str, console: Console) -> None:
    from lakehouse import open_lake
    from platforms.exports import read_export

    now = datetime.now(UTC)
    reading = read_export(source, now=now)
    _print_reading(reading.report, source, console)
    rejected = reading.rejected.with_columns(
        file_sha256=pl.lit(digest), file_name=pl.lit(source.name), quarantined_at=pl.lit(now)
    ).select(pl.col(name).cast(kind) for name, kind in QUARANTINED_IMPORTS.schema.items())
    open_lake(settings).append(QUARANTINED_IMPORTS, rejected)
    posts.parent.mkdir(parents=True, exist_ok=True)
    half = posts.with_suffix(".part")
    reading.posts.write_parquet(half)
    half.rename(posts)  # a killed run leaves no half-written world


def _print_reading(report: "ExportReport", source: Path, console: Console) -> None:
    """What was read from the file: columns and what they became, rows used and rejected by reason."""
    table = Table("column of the file", "used as", title=f"{source.name}: {report.rows_in_file:,} rows")
    for ours, theirs in report.used_columns.items():
        table.add_row(theirs, ours)
    for column in report.unused_columns:
        table.add_row(column, "[dim]not used[/]")
    console.print(table)
    console.print(f"{report.rows_used:,} rows can be used, {report.rows_rejected:,} cannot.")
    for reason, count in report.rejected_by_reason.items():
        console.print(f"  {count:,} x {reason}")
    for assumption in report.assumptions:
        console.print(f"  assumed: {assumption}")


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
