"""Rivals' public posts as Pulso's records, read by the spider in a process of its own.

Belongs here: starting, bounding and ending that process, and mapping its rows. Scrapy's reactor runs once in a process's life and
would not share one with Dagster; a process can also be stopped for certain. Does not belong here: crawling (spider).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.errors import ErrorClass
from contracts.ports import Collected
from contracts.records import CollectionFailure, Competitor, CompetitorPost

_WHAT = "competitor posts"


class ScrapyCompetitorReader:
    """`contracts.ports.CompetitorReader`.

    `timeout_seconds` bounds the whole reading; what was read until then is kept, and who was not finished is a failure.
    `max_pages` per rival, newest first. `delay_seconds` holds for sites that declare no Crawl-delay.
    """

    def __init__(self, timeout_seconds: float = 300.0, *, max_pages: int = 6, delay_seconds: float = 1.0) -> None:
        self._timeout = timeout_seconds
        self._max_pages = max_pages
        self._delay = delay_seconds

    def read(
        self, competitors: Sequence[Competitor], *, since: Mapping[str, datetime], observed_at: datetime
    ) -> Collected[CompetitorPost]:
        """Posts of all rivals, each back to its own `since` (absent: as far as `max_pages` go). Never raises for a site's or the process's failure: those are `failures`, one per client."""
        if not competitors:
            return Collected()
        output, trouble = self._crawl(competitors, since)
        known = {competitor.competitor_id: competitor for competitor in competitors}
        rows: dict[str, CompetitorPost] = {}
        failures: list[CollectionFailure] = []
        finished: set[str] = set()
        for item in _items(output):
            competitor = known[item["competitor_id"]]
            if item["kind"] == "post":
                # A post can move to the next page while its profile is read: the first sight counts.
                row = _row(item, competitor, observed_at)
                rows.setdefault(row.competitor_post_id, row)
            else:
                finished.add(competitor.competitor_id)
            if item["kind"] == "failure":
                failures += _failures(competitor, item["error_class"], item["message"])
        for competitor in competitors:
            if competitor.competitor_id not in finished:
                failures += _failures(
                    competitor, ErrorClass.TRANSIENT.value, trouble or "The spider ended before it was done."
                )
        return Collected(rows=tuple(rows.values()), failures=tuple(failures))

    def _crawl(self, competitors: Sequence[Competitor], since: Mapping[str, datetime]) -> tuple[str, str]:
        """What the process wrote, and what went wrong with it ("" when nothing did)."""
        job = {
            "targets": [
                {
                    **competitor.model_dump(mode="json", exclude={"client_ids"}),
                    "since": since[competitor.competitor_id].isoformat() if competitor.competitor_id in since else None,
                }
                for competitor in competitors
            ],
            "max_pages": self._max_pages,
            "delay_seconds": self._delay,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "scrapers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
        )
        with process:
            try:
                output, errors = process.communicate(json.dumps(job), timeout=self._timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                return output, f"Not finished within {self._timeout:g} seconds."
            except BaseException:
                process.kill()
                raise
        if process.returncode == 0:
            return output, ""
        last_line = next(reversed(errors.strip().splitlines()), "no message")
        return output, f"The spider's process ended with code {process.returncode}: {last_line}"


def _environment() -> dict[str, str]:
    """The parent's, with this package importable, and no proxy between the spider and this machine's own servers."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    direct = ",".join(filter(None, [os.environ.get("no_proxy"), "127.0.0.1", "localhost"]))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "no_proxy": direct, "NO_PROXY": direct}


def _items(output: str) -> Iterator[dict[str, Any]]:
    """Whole lines only: a process that was stopped may have been writing one."""
    for line in output.splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _row(item: dict[str, Any], competitor: Competitor, observed_at: datetime) -> CompetitorPost:
    return CompetitorPost(
        competitor_post_id=f"{competitor.network.value}:{item['native_id']}",
        competitor_id=competitor.competitor_id,
        network=competitor.network,
        handle=competitor.handle,
        permalink=item["permalink"],
        text=item["text"],
        published_at=datetime.fromisoformat(item["published_at"]),
        likes=item["likes"],
        comments=item["comments"],
        followers=item["followers"],
        observed_at=observed_at,
        raw=item["raw"],
    )


def _failures(competitor: Competitor, error_class: str, message: str) -> list[CollectionFailure]:
    """One for each client that watches the rival: each sees why its numbers are missing."""
    return [
        CollectionFailure(
            client_id=client_id,
            account_id=competitor.competitor_id,
            network=competitor.network,
            what=_WHAT,
            error_class=error_class,
            message=message,
        )
        for client_id in competitor.client_ids
    ]
