"""A generated lake: so many accounts on nine networks, for so many days, with the traffic of an agency's ordinary year.

Belongs here: bronze rows as formulas of account, day and a hash. Does not belong here: rows that a test relies on (tests make their own),
any claim that the values are realistic: only their number, width and order matter to a build.

Every account publishes once a day. A post is looked at on seven days, four counts each time; one look in a hundred reaches the lake one
to three days late. An account has a profile and three reported metrics a day, a message every third day, and is asked by five sources; a post
has some three comments. Pulso published and forecast every tenth post. A client has fifty accounts, three pillars and three goals, and watches
five rivals. `raw` is short: no model reads it.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
from deltalake import write_deltalake

from contracts import tables
from contracts.networks import Network
from contracts.tables import TableSpec
from lakehouse.duckdb_views import duckdb_type

FIRST_DAY = date(2025, 1, 6)
LOOKS = 7
MOST_DAYS_LATE = 3
ACCOUNTS_A_CLIENT = 50
RIVALS_A_CLIENT = 5
_CHUNK_DAYS = 10

_MACROS = f"""
set TimeZone = 'UTC';
create macro network(a) as {[network.value for network in Network]}[(1 + a % {len(Network)})::int];
create macro account(a) as network(a) || ':' || a;
create macro client(a) as 'client-' || (a // {ACCOUNTS_A_CLIENT});
create macro post(a, d) as account(a) || '-' || d;
create macro start(d) as timestamptz '{FIRST_DAY} 00:00:00+00' + to_days(d::int);
create macro published(a, d) as start(d) + to_seconds((hash(a, d) % 80000)::bigint);
create macro looked(a, d, k) as published(a, d) + to_days(k::int) + to_seconds(3600);
create macro late(a, d, k) as case when hash(a, d, k) % 100 = 0 then 1 + (hash(a, k, d) % {MOST_DAYS_LATE})::int else 0 end;
"""


class GeneratedLake:
    """Bronze of `accounts` accounts under `root`. `grow` adds what reaches the lake on further days, in their order."""

    def __init__(self, root: Path, *, accounts: int) -> None:
        self.root = root
        self.accounts = accounts
        self._clients = -(-accounts // ACCOUNTS_A_CLIENT)
        self._duckdb = duckdb.connect()
        self._duckdb.execute(_MACROS)
        self._write(tables.CLIENTS, _CLIENT, f"range({self._clients}) as t(c)")
        watched = f"range({self._clients}) as t(c), range({RIVALS_A_CLIENT}) as u(n)"
        self._write(tables.COMPETITORS, _WATCHED, watched)
        self._write(tables.PILLARS, _PILLAR, f"range({self._clients}) as t(c), range({len(_TOPICS) - 1}) as u(n)")
        self._write(tables.GOALS, _GOAL, f"range({self._clients}) as t(c), range({len(_GOALS)}) as u(n)")

    def grow(self, first: int, last: int, *, told: Callable[[int], None] = lambda _: None) -> None:
        """Add the days `first` to `last`, numbers from 0, both included; `told` hears how far it is."""
        for start in range(first, last + 1, _CHUNK_DAYS):
            end = min(start + _CHUNK_DAYS - 1, last)
            everybody, days = f"range({self.accounts}) as t(a)", f"range({start}, {end + 1}) as u(d)"
            rivals = f"range({self._clients * RIVALS_A_CLIENT}) as t(r)"
            looks = f"(select d, k from range({max(0, start - LOOKS - MOST_DAYS_LATE)}, {end + 1}) as u(d), range({LOOKS}) as v(k))"
            arrived = f"d + k + late(a, d, k) between {start} and {end}"
            self._write(tables.ACCOUNTS, _PROFILE, f"{everybody}, {days}")
            self._write(tables.ACCOUNT_METRICS, _REPORTED, f"{everybody}, {days}, range(3) as v(m)")
            self._write(tables.POSTS, _POST, f"{everybody}, {days}")
            self._write(tables.POST_METRICS, _COUNT, f"{everybody}, {looks}, range(4) as w(m) where {arrived}")
            self._write(tables.COMMENTS, _COMMENT, f"{everybody}, {days}, range(6) as v(n) where n < hash(a, d) % 7")
            self._write(tables.MESSAGES, _MESSAGE, f"{everybody}, {days} where (a + d) % 3 = 0")
            self._write(tables.READING_DAYS, _READING, f"{everybody}, {days}, range({len(_SOURCES)}) as v(s)")
            self._write(
                tables.QUEUE_DEPTHS, _QUEUE, f"range({self._clients}) as t(c), range({len(Network)}) as v(n), {days}"
            )
            self._write(tables.COMPETITOR_POSTS, _RIVAL_POST, f"{rivals}, {days}")
            self._write(tables.ACTION_LEDGER, _ACTION, f"{everybody}, {days} where (a + d) % 10 = 0")
            self._write(tables.FORECASTS, _FORECAST, f"{everybody}, {days} where (a + d) % 10 = 0")
            told(end)

    def day(self, number: int) -> date:
        """The date of a day's number."""
        return FIRST_DAY + timedelta(days=number)

    def _write(self, table: TableSpec, columns: Mapping[str, str], source: str) -> None:
        """Append rows: what `columns` does not name is null."""
        selected = ", ".join(
            f"cast({columns.get(name, 'null')} as {duckdb_type(dtype)}) as {name}"
            for name, dtype in table.schema.items()
        )
        order = "" if table.partition_by is None else f" order by {table.partition_by}"
        rows = self._duckdb.execute(f"select {selected} from {source}{order}").to_arrow_reader(100_000)
        write_deltalake(self.root / table.key, rows, mode="append", partition_by=table.partition_by)


_OF_ACCOUNT = {"account_id": "account(a)", "client_id": "client(a)", "network": "network(a)"}

_CLIENT = {
    "client_id": "'client-' || c",
    "name": "'Client ' || c",
    "time_zone": "['America/New_York', 'Europe/Madrid', 'America/Sao_Paulo', 'UTC', 'Asia/Tokyo'][(1 + c % 5)::int]",
    "language": "['en', 'es', 'pt', 'en', 'en'][(1 + c % 5)::int]",
    "autonomy": "'assisted'",
    "is_active": "true",
    "exported_at": "start(0)",
}
_WATCHED = {
    "client_id": "'client-' || c",
    "competitor_id": f"'rival-' || (c * {RIVALS_A_CLIENT} + n)",
    "network": "network(n)",
    "handle": f"'rival' || (c * {RIVALS_A_CLIENT} + n)",
    "exported_at": "start(0)",
}
_TOPICS = ("roast", "harvest", "opening hours", "nothing in particular")
"""What posts are about; the last is no pillar."""
_PILLAR = {
    "client_id": "'client-' || c",
    "pillar_id": "'pillar-' || n",
    "name": f"{list(_TOPICS)}[(1 + n)::int]",
    "position": "n",
    "keywords": f"[{list(_TOPICS)}[(1 + n)::int]]",
    "intended_share": "0.3",
    "is_active": "true",
    "exported_at": "start(0)",
}
_GOALS = ("engagements", "followers", "engagement_rate_by_views")
_GOAL = {
    "goal_id": "'goal-' || c || '-' || n",
    "client_id": "'client-' || c",
    "metric": f"{list(_GOALS)}[(1 + n)::int]",
    "target": "[30000, 120000, 0.05][(1 + n)::int]",
    "first_day": "cast(start(7) as date)",
    "last_day": "cast(start(97) as date)",
    "is_active": "true",
    "exported_at": "start(0)",
}
_PROFILE = {
    **_OF_ACCOUNT,
    "native_id": "a::varchar",
    "handle": "'@account' || a",
    "display_name": "'Account ' || a",
    "followers": "1000 + a + d * 3 + hash(a, d) % 20",
    "posts_count": "d",
    "observed_at": "start(d) + to_seconds((hash(d, a) % 86000)::bigint)",
    "raw": "'{}'",
    "day": "cast(start(d) as date)",
}
_REPORTED = {
    **_OF_ACCOUNT,
    "metric": "['reach', 'profile_views', 'follower_count'][(1 + m)::int]",
    "value": "hash(a, d, m) % 5000",
    "fetched_at": "start(d + 1)",
    "raw": "'{}'",
    "day": "cast(start(d) as date)",
}
_POST = {
    **_OF_ACCOUNT,
    "post_id": "post(a, d)",
    "native_id": "a || '-' || d",
    "permalink": "'https://networks.example/' || post(a, d)",
    "text": f"'A post of account ' || a || ' about ' || {list(_TOPICS)}[(1 + hash(d, a) % {len(_TOPICS)})::int] || repeat(' with some words', (1 + hash(a, d) % 8)::int) "
    "|| ' #tag' || (hash(a, d) % 40) || ' #brand' || a",
    "link_url": "null::varchar",
    "link_title": "null::varchar",
    "content_format": "['image', 'text', 'video', 'carousel'][(1 + hash(d, a) % 4)::int]",
    "media_count": "1",
    "published_at": "published(a, d)",
    "observed_at": "looked(a, d, 0)",
    "is_reply": "false",
    "content_sha256": "post(a, d)",
    "raw": "'{}'",
    "day": "cast(looked(a, d, 0) as date)",
}
_COUNT = {
    **_OF_ACCOUNT,
    "post_id": "post(a, d)",
    "metric": "['likes', 'comments', 'shares', 'views'][(1 + m)::int]",
    "value": "(1 + k) * (hash(a, d, m) % [60, 9, 7, 900][(1 + m)::int])",
    "observed_at": "looked(a, d, k)",
    "is_backfilled": "false",
    "source": "'posts'",
    "raw": "'{}'",
    "day": "cast(looked(a, d, k) as date)",
}
_COMMENT = {
    **_OF_ACCOUNT,
    "comment_id": "post(a, d) || '/' || n",
    "native_id": "n::varchar",
    "post_id": "post(a, d)",
    "author_native_id": "(hash(a, d, n) % 1000000)::varchar",
    "text": "'some words'",
    "likes": "hash(n, a, d) % 5",
    "commented_at": "published(a, d) + to_seconds(((1 + hash(n, d, a) % 5000))::bigint)",
    "observed_at": "looked(a, d, 1)",
    "is_own": "n = 5",
    "raw": "'{}'",
    "day": "cast(published(a, d) + to_seconds(((1 + hash(n, d, a) % 5000))::bigint) as date)",
}
_MESSAGE = {
    **_OF_ACCOUNT,
    "message_id": "account(a) || '/message-' || d",
    "conversation_id": "account(a) || '/conversation'",
    "native_id": "d::varchar",
    "is_own": "(a + d) % 2 = 0",
    "sent_at": "published(a, d)",
    "observed_at": "looked(a, d, 0)",
    "day": "cast(looked(a, d, 0) as date)",
}
_SOURCES = ("posts", "post_metrics", "accounts", "comments", "messages")
_READING = {
    **_OF_ACCOUNT,
    "source": f"{list(_SOURCES)}[(1 + s)::int]",
    "outcome": "['answered', 'transient'][(1 + (hash(a, d, s) % 100 = 0)::int)::int]",
    "readings": "1 + hash(a, s) % 4",
    "last_asked_at": "start(d + 1)",
    "day": "cast(start(d) as date)",
}
_QUEUE = {
    "client_id": "'client-' || c",
    "network": "network(n)",
    "waiting": "hash(c, n, d) % 9",
    "overdue": "0",
    "parked": "(hash(c, d, n) % 50 = 0)::int",
    "observed_at": "start(d + 1)",
    "day": "cast(start(d) as date)",
}
_RIVAL_POST = {
    "competitor_post_id": "'rival-' || r || '-' || d",
    "competitor_id": "'rival-' || r",
    "network": f"network(r % {RIVALS_A_CLIENT})",
    "handle": "'rival' || r",
    "permalink": "'https://networks.example/rival-' || r || '-' || d",
    "text": "'A post of a rival'",
    "published_at": "published(r, d)",
    "likes": "hash(r, d) % 300",
    "comments": "hash(d, r) % 30",
    "followers": "5000 + r",
    "observed_at": "published(r, d) + to_seconds(3600)",
    "raw": "'{}'",
    "day": "cast(published(r, d) + to_seconds(3600) as date)",
}
_ACTION = {
    **_OF_ACCOUNT,
    "ledger_id": "'ledger-' || post(a, d)",
    "action": "'publish'",
    "content_item_id": "'item-' || post(a, d)",
    "revision": "1",
    "occurrence": "1",
    "state": "'published'",
    "post_id": "post(a, d)",
    "scheduled_at": "published(a, d) - to_seconds(5)",
    "published_at": "published(a, d)",
    "commit_calls": "1",
    "decision_ids": "['decision']",
    "recorded_at": "published(a, d)",
    "day": "cast(start(d) as date)",
}
_FORECAST = {
    **_OF_ACCOUNT,
    "forecast_id": "'forecast-' || post(a, d)",
    "post_id": "post(a, d)",
    "origin": "'shadow'",
    "expected_log_engagement": "3 + (hash(a, d) % 100) / 100.0",
    "lower_log_engagement": "2 + (hash(a, d) % 100) / 100.0",
    "upper_log_engagement": "5 + (hash(a, d) % 100) / 100.0",
    "interval_level": "0.8",
    "model_name": "'engagement'",
    "model_version": "'1'",
    "forecast_at": "published(a, d) - to_seconds(3600)",
    "day": "cast(start(d) as date)",
}
