"""Worlds made from real posts: a table is read, what cannot be used is set aside with reasons, the rest is replayed."""

import hashlib
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from contracts.settings import Settings
from contracts.tables import QUARANTINED_IMPORTS


def prepare_replay(settings: Settings, source: Path, console: Console) -> tuple[Settings, Path]:
    """Settings of a home of the file's own (`<home>/worlds/<name>`), and the normalised posts that the sandbox replays.

    Rows that cannot be replayed stand in that home's `bronze/quarantined_imports`. A file that was read before is not read again.
    Raises PulsoError when the file cannot be read or lacks required columns; nothing is written then.
    """
    digest = _digest(source)
    settings = settings.model_copy(update={"home": settings.home / "worlds" / f"{source.stem}-{digest[:8]}"})
    posts = settings.home / "world" / "posts.parquet"
    if not posts.exists():
        _read(settings, source, posts, digest, console)
    console.print(f"This world's home is [bold]{settings.home}[/].", highlight=False)
    return settings, posts


def _read(settings: Settings, source: Path, posts: Path, digest: str, console: Console) -> None:
    from lakehouse import DeltaLake
    from platforms.exports import read_export

    reading = read_export(source)
    print_reading(reading.report.used, reading.report.unused, source, reading.posts.height, reading.rejected, console)
    rejected = reading.rejected.with_columns(
        file_sha256=pl.lit(digest), file_name=pl.lit(source.name), quarantined_at=pl.lit(reading.read_at)
    ).select(list(QUARANTINED_IMPORTS.schema))
    DeltaLake(settings.lake_path).append(QUARANTINED_IMPORTS, rejected.cast(dict(QUARANTINED_IMPORTS.schema)))
    posts.parent.mkdir(parents=True, exist_ok=True)
    half = posts.with_suffix(".part")
    reading.posts.write_parquet(half)
    half.rename(posts)  # a killed run leaves no half-written world


def print_reading(
    used: dict[str, str], unused: list[str], source: Path, rows: int, rejected: pl.DataFrame, console: Console
) -> None:
    """What was read from the file: columns and what they became, rows used and rejected by reason."""
    table = Table("column of the file", "used as", title=f"{source.name}: {rows + rejected.height} rows")
    for target, column in used.items():
        table.add_row(column, target)
    for column in unused:
        table.add_row(column, "[dim]not used[/]")
    console.print(table)
    console.print(f"{rows} rows can be used, {rejected.height} cannot.")
    for reason, count in rejected.group_by("reason").len().sort("len", descending=True).iter_rows():
        console.print(f"  {count} x {reason}")


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
