"""An alarm when a network has stopped sending a metric that its contract promises: since when, whose problem it is, what to do.

Belongs here: which of what is missing is an alarm, words and loudness. Does not belong here: what a network promises
(contracts/metrics.py), what has arrived of it (the mart `metric_availability`, which every page can read).
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import polars as pl

from assets.checks.named import LISTED, clients_of
from contracts.ports import Lake, Store
from contracts.scope import TenantScope

CHECK_NAME = "metrics_received"
STOPPED_METRICS = "stopped_metrics"
"""Name in the check's metadata under which the accounts are listed."""
RUNBOOK = "docs/runbooks/metric-stopped.md"
AVAILABILITY = "gold/metric_availability"
JUDGED_FOR = timedelta(days=21)
"""An account that published nothing for longer is not asked what its posts lack."""
FEWEST = 3
"""Posts or days of one account without a metric that make it an alarm; of a whole network dbt has judged that already."""
EVERYONE = TenantScope.all_clients("a network's metrics are judged over all clients together")

WORDS: dict[bool, tuple[str, str]] = {
    True: (
        "the network sends it to nobody any more: the network's or the connector's problem; most likely it was retired or renamed",
        "read the network's change log; where it is retired, end its contract and the connector's capability, else mend the mapping",
    ),
    False: (
        "other accounts still have it: the client's account; most likely a permission was withdrawn",
        "whoever holds its login connects it again and grants all that is asked for",
    ),
}
"""By whether it has stopped for the whole network: the likely cause and whose problem that is, and what to do."""


@dg.asset_check(
    asset=dg.AssetKey(AVAILABILITY.split("/")),
    name=CHECK_NAME,
    description="Every network sends what its metric contracts promise; an error where one has stopped altogether.",
)
def metrics_check(lake: dg.ResourceParam[Lake], store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Fails as an error where a metric has stopped for a whole network, as a warning where it has for single accounts."""
    connected = [account.account_id for account in store.accounts(EVERYONE)]
    rows = lake.scan(AVAILABILITY, scope=EVERYONE).filter(pl.col("account_id").is_in(connected)).collect()
    newest = newest_of(rows)
    stopped = stopped_of(newest)
    return dg.AssetCheckResult(
        passed=stopped.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR if stopped["is_network_wide"].any() else dg.AssetCheckSeverity.WARN,
        description="\n".join(_lines(newest, stopped)) or "Every network sends what it promises.",
        metadata={"metrics": newest.height, STOPPED_METRICS: dg.MetadataValue.json(_listed(stopped))},
    )


def newest_of(availability: pl.DataFrame) -> pl.DataFrame:
    """Of rows of `gold/metric_availability`, each account's last one of each metric in which anything was to be had, if it is not old."""
    with_something = availability.filter(pl.col("expected") > 0)
    newest = with_something.sort("week").group_by("account_id", "grain", "metric", maintain_order=True).last()
    return newest.filter(pl.col("week") > pl.col("week").max().over("network") - JUDGED_FOR)


def stopped_of(newest: pl.DataFrame) -> pl.DataFrame:
    """Those of them that are an alarm, network by network."""
    is_alarm = pl.col("is_network_wide") | (pl.col("expected") - pl.col("received") >= FEWEST)
    return newest.filter((pl.col("state") == "stopped") & is_alarm).sort("network", "grain", "metric", "account_id")


def _lines(newest: pl.DataFrame, stopped: pl.DataFrame) -> Iterator[str]:
    """One for each network, metric and cause."""
    accounts = {key: group.height for key, group in newest.group_by("network", "grain", "metric")}
    keys = ("network", "grain", "metric", "is_network_wide")
    for (network, grain, metric, is_wide), rows in stopped.group_by(keys, maintain_order=True):
        cause, remedy = WORDS[bool(is_wide)]
        yield (
            f"{network} has sent no {metric} ({str(grain).replace('_', ' ')}) since {rows['since'].min():%Y-%m-%d}: {rows.height} of "
            f"{accounts[network, grain, metric]} accounts ({clients_of(rows)}). {cause[0].upper()}{cause[1:]}. "
            f"{remedy[0].upper()}{remedy[1:]}: {RUNBOOK}"
        )


def _listed(stopped: pl.DataFrame) -> list[dict[str, object]]:
    columns = ("client_id", "account_id", "network", "grain", "metric", "is_network_wide")
    since = pl.col("since").dt.strftime("%Y-%m-%d")
    return stopped.head(LISTED).select(*columns, since).to_dicts()
