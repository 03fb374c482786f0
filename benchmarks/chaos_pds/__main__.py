"""Kill the publisher between a real Bluesky server's commit and its answer, and count what the repositories hold.

`python -m benchmarks.chaos_pds --kills 1000 [--accounts 40] [--publishers 2] [--seed 7] [--bug resend-on-timeout]`; ends with 1 when a promise was
broken, with 2 and a word on how to install it when there is no server.

Belongs here: the command and what it prints. Does not belong here: the harness.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.bluesky_server import NotInstalledError
from benchmarks.chaos_pds import PdsChaosReport, run_chaos_pds
from benchmarks.chaos_pds.publisher import BUGS


def show(report: PdsChaosReport, console: Console) -> None:
    """Print the report for people."""
    table = Table(
        title=f"A real Bluesky server, {report.accounts} accounts, seed {report.seed}: counted in its repositories"
    )
    table.add_column("")
    for figures in report.posts:
        table.add_column(figures.kind, justify="right")
    for label, value in (
        ("intents", lambda f: f"{f.intents:,}"),
        ("published", lambda f: f"{f.published:,}"),
        ("  of them found by reading", lambda f: f"{f.reconciled:,}"),
        ("duplicates", lambda f: f"{f.duplicates}"),
        ("lost", lambda f: f"{f.lost}"),
        ("stuck", lambda f: f"{f.stuck}"),
        ("parked", lambda f: f"{f.parked}"),
        ("deliberate reposts seen", lambda f: f"{f.reposts_seen} of {f.reposts}"),
        ("commit calls per intent, mean", lambda f: f"{f.commit_calls:.2f}"),
        ("commit calls per intent, most", lambda f: f"{f.most_commit_calls}"),
        ("lateness, median (s)", lambda f: f"{f.lateness_median_seconds:.1f}"),
        ("lateness, 95 % (s)", lambda f: f"{f.lateness_95_seconds:.1f}"),
    ):
        table.add_row(label, *(value(figures) for figures in report.posts))
    console.print(table)
    console.print(
        f"{report.kills_in_the_gap:,} kills between commit and answer, {report.deaths:,} kills in all; the server wrote "
        f"{report.answers_to_the_dead:,} more commits whose publisher was gone or had given up; {report.seconds:.0f} s"
    )
    console.print("fates: " + ", ".join(f"{name} {n:,}" for name, n in sorted(report.fates.items())))
    for case in report.parked_cases:
        console.print(f"parked: {case}")
    for violation in report.violations[:20]:
        console.print(f"[red]broken promise:[/red] {violation}")
    if len(report.violations) > 20:
        console.print(f"[red]and {len(report.violations) - 20} more[/red]")
    if report.is_clean:
        console.print("[green]every promise kept[/green]")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos_pds", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--kills", type=int, default=1000, help="between commit and answer, at least")
    parser.add_argument("--accounts", type=int, default=40)
    parser.add_argument("--publishers", type=int, default=2, help="side by side on one store")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--bug", choices=BUGS, help="plant a bug; the harness has to notice")
    options = parser.parse_args(arguments)
    try:
        report = run_chaos_pds(
            options.kills,
            accounts=options.accounts,
            publishers=options.publishers,
            seed=options.seed,
            planted_bug=options.bug,
        )
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 2
    show(report, Console())
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
