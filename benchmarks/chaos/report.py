"""The report for people: a table by network, what was done to the publishers, and what they broke.

Belongs here: printing. Does not belong here: counting (`verdict.py`).
"""

import statistics

from rich.console import Console
from rich.table import Table

from benchmarks.chaos.verdict import NetworkFigures, Verdict

MOST_SHOWN = 20


def show(verdict: Verdict, console: Console, *, title: str) -> None:
    """Print it."""
    table = Table(title=f"{title}: counted in the networks' own state")
    table.add_column("")
    for label in COLUMNS:
        table.add_column(label, justify="right")
    for name, figures in {**verdict.networks, "all": _sum(verdict)}.items():
        table.add_row(name, *(value(figures) for value in COLUMNS.values()))
    console.print(table)
    console.print(
        "found: published, and known by reading the network after a lost answer or a death. refused: deliberate reposts that the"
    )
    console.print(
        "network's own guard does not let through. late: seconds from the approval of a post that was due to its receipt."
    )
    console.print(
        f"{verdict.kills} kills, {verdict.stops} emergency stops, {verdict.reconnections} accounts connected again, "
        f"{verdict.seconds:.0f} s"
    )
    console.print("faults fired: " + ", ".join(f"{name} {n:,}" for name, n in sorted(verdict.faults_fired.items())))
    for case, times in sorted(verdict.parked_cases.items()):
        console.print(f"parked {times} x {case}", markup=False, highlight=False)
    for violation in verdict.violations[:MOST_SHOWN]:
        console.print(f"broken promise: {violation}", style="red", markup=False, highlight=False)
    if len(verdict.violations) > MOST_SHOWN:
        console.print(f"and {len(verdict.violations) - MOST_SHOWN} more", style="red")
    if verdict.kept_in is not None:
        console.print(f"store, networks and journals: {verdict.kept_in}", markup=False, highlight=False, soft_wrap=True)
    if verdict.is_clean:
        console.print("every promise kept", style="green")


def _sum(verdict: Verdict) -> NetworkFigures:
    total = NetworkFigures()
    for figures in verdict.networks.values():
        for name in NetworkFigures.__dataclass_fields__:
            setattr(total, name, getattr(total, name) + getattr(figures, name))
    return total


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[int(share * (len(ordered) - 1))]


COLUMNS = {
    "intents": lambda f: f"{f.intents:,}",
    "published": lambda f: f"{f.published:,}",
    "found": lambda f: f"{f.reconciled:,}",
    "cancelled": lambda f: f"{f.cancelled}",
    "edited": lambda f: f"{f.edited}",
    "twice": lambda f: f"{f.duplicates}",
    "lost": lambda f: f"{f.lost}",
    "stuck": lambda f: f"{f.stuck}",
    "parked": lambda f: f"{f.parked} ({100 * f.parked / max(1, f.intents):.2f} %)",
    "reposts": lambda f: f"{f.reposts_seen} of {f.reposts}",
    "refused": lambda f: f"{f.refused}",
    "calls, mean": lambda f: f"{statistics.fmean(f.commit_calls or [0]):.2f}",
    "most": lambda f: f"{max(f.commit_calls, default=0)}",
    "late, median": lambda f: f"{_percentile(f.lateness_seconds, 0.5):.1f}",
    "95 %": lambda f: f"{_percentile(f.lateness_seconds, 0.95):.1f}",
}
