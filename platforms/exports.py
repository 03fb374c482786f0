"""Tables of real posts, as people export them from networks and tools: Parquet or CSV, any encoding, names of any kind.

Belongs here: reading a file into `contracts.tables.IMPORTED_POSTS_COLUMNS`, with a reason for every row that cannot be used and
a report of which columns were used for what. Does not belong here: judging counts (negative ones are the bronze boundary's to
quarantine), storing anything.

Rows are numbered from 1 in the order of the file, the header not counted. Every row of the file is in exactly one of the two
frames. Nothing is guessed silently: assumptions are in the report.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from contracts.errors import PulsoError
from contracts.networks import ContentFormat, Network
from contracts.ports import CollectedPosts
from contracts.records import Account, Post, PostMetricPoint
from contracts.tables import IMPORTED_POSTS_COLUMNS
from platforms._shapes import title_or_none, web_address_or_none
from platforms.exported_rows import COUNTS, metrics_of_row, post_of_row

SYNONYMS: dict[str, tuple[str, ...]] = {
    "network": ("network", "platform", "social_network", "channel_type", "rede", "red_social"),
    "account_handle": (
        "account_handle",
        "account",
        "handle",
        "username",
        "account_username",
        "profile_handle",
        "screen_name",
        "page",
        "user",
        "usuario",
        "conta",
        "cuenta",
        "perfil",
    ),
    "account_native_id": (
        "account_native_id",
        "account_id",
        "profile_id",
        "page_id",
        "user_id",
        "author_id",
        "ig_user_id",
        "did",
    ),
    "account_name": (
        "account_name",
        "profile_name",
        "page_name",
        "display_name",
        "full_name",
        "nome",
        "nombre",
        "profile",
    ),
    "post_native_id": (
        "post_native_id",
        "post_id",
        "message_id",
        "media_id",
        "native_id",
        "status_id",
        "id",
        "uri",
        "ig_media_id",
    ),
    "permalink": ("permalink", "link", "url", "post_url", "post_link", "status_link", "enlace", "permanent_link"),
    "published_at": (
        "published_at",
        "published_at_utc",
        "created_at",
        "timestamp",
        "publish_time",
        "published",
        "date",
        "datetime",
        "created_time",
        "posted_at",
        "post_date",
        "publish_date",
        "time",
        "data",
        "fecha",
        "data_hora",
        "fecha_hora",
    ),
    "text": (
        "text",
        "caption",
        "message",
        "description",
        "content",
        "status_message",
        "post_text",
        "texto",
        "legenda",
        "body",
    ),
    "link_url": ("link_url", "link_target", "target_url", "destination_url", "final_link"),
    "link_title": ("link_title", "link_name", "link_text", "link_headline"),
    "content_format": (
        "content_format",
        "media_kind",
        "media_type",
        "post_type",
        "type",
        "status_type",
        "format",
        "tipo",
        "formato",
    ),
    "likes": ("likes", "like_count", "num_likes", "favorites", "favourites", "curtidas", "me_gusta", "number_of_likes"),
    "comments": (
        "comments",
        "comments_count",
        "comment_count",
        "num_comments",
        "replies",
        "comentarios",
        "number_of_comments",
        "reply_count",
    ),
    "shares": (
        "shares",
        "share_count",
        "num_shares",
        "reposts",
        "repost_count",
        "retweets",
        "compartilhamentos",
        "compartidos",
    ),
    "saves": ("saves", "saved", "save_count", "bookmarks", "bookmark_count", "salvamentos", "guardados"),
    "views": ("views", "view_count", "video_views", "plays", "visualizacoes", "visualizaciones"),
    "reach": ("reach", "post_reach", "accounts_reached", "alcance"),
    "followers": ("followers", "follower_count", "followers_at_posting", "num_followers", "seguidores", "fans"),
}
"""Our column -> names that mean it, best first; compared without case, accents, spaces and punctuation."""

FORMATS = {
    "p": ContentFormat.IMAGE,
    "image": ContentFormat.IMAGE,
    "photo": ContentFormat.IMAGE,
    "picture": ContentFormat.IMAGE,
    "foto": ContentFormat.IMAGE,
    "imagem": ContentFormat.IMAGE,
    "imagen": ContentFormat.IMAGE,
    "feed": ContentFormat.IMAGE,
    "ig_image": ContentFormat.IMAGE,
    "ig_carousel": ContentFormat.CAROUSEL,
    "ig_reel": ContentFormat.VIDEO,
    "carousel": ContentFormat.CAROUSEL,
    "carousel_album": ContentFormat.CAROUSEL,
    "album": ContentFormat.CAROUSEL,
    "carrossel": ContentFormat.CAROUSEL,
    "carrusel": ContentFormat.CAROUSEL,
    "sidecar": ContentFormat.CAROUSEL,
    "video": ContentFormat.VIDEO,
    "reel": ContentFormat.VIDEO,
    "reels": ContentFormat.VIDEO,
    "tv": ContentFormat.VIDEO,
    "igtv": ContentFormat.VIDEO,
    "clip": ContentFormat.VIDEO,
    "story": ContentFormat.STORY,
    "stories": ContentFormat.STORY,
    "text": ContentFormat.TEXT,
    "status": ContentFormat.TEXT,
    "texto": ContentFormat.TEXT,
    "link": ContentFormat.LINK,
    "short": ContentFormat.SHORT_VIDEO,
    "shorts": ContentFormat.SHORT_VIDEO,
    "poll": ContentFormat.POLL,
    "article": ContentFormat.ARTICLE,
}
NETWORKS = {
    "ig": Network.INSTAGRAM,
    "insta": Network.INSTAGRAM,
    "bsky": Network.BLUESKY,
    "fb": Network.FACEBOOK,
    "facebook page": Network.FACEBOOK,
    "twitter": Network.X,
    "yt": Network.YOUTUBE,
    **{network.value: network for network in Network},
}
LINKS = {
    Network.BLUESKY: "bsky.app",
    Network.FACEBOOK: "facebook.com",
    Network.INSTAGRAM: "instagram.com",
    Network.LINKEDIN: "linkedin.com",
    Network.PINTEREST: "pinterest.com",
    Network.TIKTOK: "tiktok.com",
    Network.X: "(x|twitter).com",
    Network.YOUTUBE: "youtube.com",
}
"""Hosts of permalinks. Mastodon has as many as it has servers."""
USUAL_FORMAT = {
    Network.INSTAGRAM: ContentFormat.IMAGE,
    Network.PINTEREST: ContentFormat.IMAGE,
    Network.TIKTOK: ContentFormat.SHORT_VIDEO,
    Network.YOUTUBE: ContentFormat.VIDEO,
}
"""Where a table does not tell; all others: text."""
_FORMATS_OF_LINKS = (ContentFormat.ARTICLE.value, ContentFormat.LINK.value)
_EITHER_ADDRESS = ("link", "status_link")
"""Names under which tables give the post's own address, or that of the page that it leads to."""
EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)
"""No social network that exports posts is older."""
NO_VALUE = ("", "null", "none", "nan", "na", "n/a", "-", "--", "\\n")
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%Y%m%d %H%M%S",
)
_DAY_FIRST = ("%d/%m/%Y %H:%M:%S%.f", "%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M %p", "%d/%m/%Y %I:%M:%S %p")
_MONTH_FIRST = ("%m/%d/%Y %H:%M:%S%.f", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ROW = "source_row"
_REASON = "reason"
_DETAIL = "detail"


class ExportError(PulsoError):
    """The file as a whole cannot be used. Says what was expected and what was found; nothing was read."""


@dataclass(frozen=True)
class ExportReport:
    """What was made of the file, for the person whose file it is."""

    rows_in_file: int
    rows_used: int
    rows_rejected: int
    rejected_by_reason: Mapping[str, int]
    used_columns: Mapping[str, str]
    """Our column -> the file's."""
    unused_columns: tuple[str, ...]
    absent_columns: tuple[str, ...]
    """Our columns that the file has nothing for."""
    assumptions: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.rows_in_file:,} rows: {self.rows_used:,} used, {self.rows_rejected:,} rejected"]
        lines += [f"  rejected, {reason}: {count:,}" for reason, count in self.rejected_by_reason.items()]
        lines += [f"  {theirs} -> {ours}" for ours, theirs in self.used_columns.items()]
        if self.unused_columns:
            lines.append(f"  not used: {', '.join(self.unused_columns)}")
        if self.absent_columns:
            lines.append(f"  not in the file: {', '.join(self.absent_columns)}")
        return "\n".join([*lines, *(f"  assumed: {a}" for a in self.assumptions)])


@dataclass(frozen=True)
class ExportReading:
    """`posts` has the columns of IMPORTED_POSTS_COLUMNS; `rejected` has `source_row`, `reason` (one of a few), `detail`, and
    `raw` (the row as JSON)."""

    posts: pl.DataFrame
    rejected: pl.DataFrame
    report: ExportReport


@dataclass
class _Table:
    """A file as text or typed columns, before any meaning. `broken` are rows that could not even be read."""

    frame: pl.DataFrame
    broken: list[dict[str, Any]] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)


def read_export(
    path: Path,
    *,
    now: datetime,
    network: Network | None = None,
    account_handle: str | None = None,
    time_zone: str = "UTC",
) -> ExportReading:
    """Read a table of posts.

    `network` and `account_handle` stand in where the file has no such column; `time_zone` is that of times without one.
    Raises ExportError when the file is missing, empty, of no known kind, or lacks a column that nothing can stand in for.
    """
    table = _read_table(path)
    readable = [name for name, dtype in table.frame.schema.items() if name != _ROW and not _is_opaque(dtype)]
    used = match_columns(readable)
    unused = [name for name in table.frame.columns if name != _ROW and name not in used.values()]
    _require(used, table.frame.columns, network, account_handle, path)
    assumptions = list(table.assumptions)
    frame = table.frame.select(
        _ROW,
        *(pl.col(theirs).alias(ours) for ours, theirs in used.items()),
        pl.lit(None, pl.String).alias(_REASON),
        pl.lit(None, pl.String).alias(_DETAIL),
    )
    frame = _named(frame, used, network, account_handle, assumptions)
    frame = _timed(frame, now, time_zone, assumptions)
    frame = _counted(frame)
    frame = _formatted(frame, assumptions)
    frame = _carded(frame, used, assumptions)
    frame = _unique(frame)
    good = frame.filter(pl.col(_REASON).is_null())
    posts = good.select(
        [
            pl.col(name).cast(dtype) if name in good.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in IMPORTED_POSTS_COLUMNS.items()
        ]
    )
    rejected = _rejected(frame.filter(pl.col(_REASON).is_not_null()), table)
    counts = rejected[_REASON].value_counts(sort=True)
    report = ExportReport(
        rows_in_file=posts.height + rejected.height,
        rows_used=posts.height,
        rows_rejected=rejected.height,
        rejected_by_reason=dict(counts.iter_rows()),
        used_columns=used,
        unused_columns=tuple(unused),
        absent_columns=tuple(name for name in SYNONYMS if name not in used),
        assumptions=tuple(assumptions),
    )
    return ExportReading(posts, rejected, report)


@dataclass(frozen=True)
class ExportedPosts:
    """An export as records. `unmatched` are its rows whose account is not among the accounts given."""

    collected: CollectedPosts
    unmatched: pl.DataFrame


def export_to_posts(posts: pl.DataFrame, accounts: Iterable[Account], observed_at: datetime) -> ExportedPosts:
    """Posts and counts of an export (`ExportReading.posts`), as if observed now; older ones are marked `is_backfilled`.

    A row belongs to the account of its network with its native id, else to the one with its handle.
    """
    by_id = {(a.network.value, a.native_id): a for a in accounts}
    by_handle = {(a.network.value, a.handle.casefold()): a for a in by_id.values()}
    found_posts: list[Post] = []
    found_metrics: list[PostMetricPoint] = []
    unmatched: list[int] = []
    for row in posts.iter_rows(named=True):
        network = row["network"]
        account = by_id.get((network, row["account_native_id"])) or by_handle.get(
            (network, row["account_handle"].casefold())
        )
        if account is None:
            unmatched.append(row[_ROW])
            continue
        found_posts.append(post_of_row(account, row, observed_at=observed_at))
        found_metrics += metrics_of_row(account, row, observed_at=observed_at)
    return ExportedPosts(
        CollectedPosts(tuple(found_posts), tuple(found_metrics)), posts.filter(pl.col(_ROW).is_in(unmatched))
    )


# --- files -------------------------------------------------------------------------------------------------------------


def _read_table(path: Path) -> _Table:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}.") from None
    if not content.strip():
        raise ExportError(f"{path} is empty.")
    if content[:4] == b"PAR1":
        return _read_parquet(path)
    if content[:4] == b"PK\x03\x04":
        raise ExportError(f"{path} is a spreadsheet or an archive; save it as CSV or Parquet.")
    return _read_csv(path, content)


def _read_parquet(path: Path) -> _Table:
    try:
        frame = pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ExportError(f"{path} begins like Parquet and cannot be read: {type(error).__name__}.") from None
    frame.columns = _distinct(frame.columns)
    return _Table(frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(_ROW)))


def _read_csv(path: Path, content: bytes) -> _Table:
    text, assumptions = _decode(content)
    lines = list(io.StringIO(text, newline=""))
    header, delimiter, first = _header(lines, path)
    assumptions.append(f"columns are separated by {delimiter!r}")
    columns = _distinct(header)
    rows, broken = _rows(lines, first, delimiter, len(columns))
    data = {name: [values[i] for _, values in rows] for i, name in enumerate(columns)}
    frame = pl.DataFrame(data, schema=dict.fromkeys(columns, pl.String)).with_columns(
        pl.Series(_ROW, [number for number, _ in rows], dtype=pl.Int64)
    )
    return _Table(frame, broken, assumptions)


def _decode(content: bytes) -> tuple[str, list[str]]:
    """The file's text. In a UTF-8 file with some bad lines the bad bytes become surrogates, to be rejected row by row."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
            return content.decode(encoding, errors), [f"the encoding is {encoding}, as its first bytes say"]
    if (zeros := content[:400].count(b"\x00")) * 4 > len(content[:400]):
        encoding = "utf-16-le" if content[1:2] == b"\x00" else "utf-16-be"
        return content.decode(encoding, "replace"), [f"the encoding is {encoding}: {zeros} of its first bytes are zero"]
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError:
        pass
    foreign = [line for line in content.split(b"\n") if not line.isascii()]
    bad = sum(not _is_utf8(line) for line in foreign)
    if bad * 2 > len(foreign):
        return content.decode("cp1252", "replace"), ["the encoding is Windows-1252: most accented lines are no UTF-8"]
    return content.decode("utf-8", "surrogateescape"), []


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _header(lines: Sequence[str], path: Path) -> tuple[list[str], str, int]:
    """Column names, the delimiter that gives the most known ones, and the index of the first line of data."""
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise ExportError(f"{path} is empty.")
    best: tuple[int, int, str, list[str]] | None = None
    for delimiter in (",", ";", "\t", "|"):
        try:
            names = next(csv.reader([lines[first]], delimiter=delimiter), [])
        except csv.Error:
            continue
        known = len(match_columns(_distinct(names)))
        if best is None or (known, len(names)) > best[:2]:
            best = (known, len(names), delimiter, names)
    if best is None or best[0] == 0:
        seen = ", ".join(repr(n[:40]) for n in (best[3] if best else [])[:12])
        raise ExportError(f"{path} has no line of column names that mean anything here; its first line gives: {seen}.")
    return best[3], best[2], first + 1


def _rows(
    lines: Sequence[str], first: int, delimiter: str, width: int
) -> tuple[list[tuple[int, list[str]]], list[dict[str, Any]]]:
    """Numbered rows of the right width, and those that are not rows. A quotation mark that never closes costs its own line,
    not the rest of the file."""
    csv.field_size_limit(2**31 - 1)
    rows: list[tuple[int, list[str]]] = []
    broken: list[dict[str, Any]] = []
    at, number = first, 0
    while at < len(lines):
        reader = csv.reader(lines[at:], delimiter=delimiter, strict=True)
        begin = at
        try:
            for values in reader:
                start, begin = begin, at + reader.line_num
                if not values or (len(values) == 1 and not values[0].strip()):
                    continue
                number += 1
                if any(_SURROGATE.search(value) for value in values):
                    clean = [
                        value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for value in values
                    ]
                    broken.append(_broken(number, "undecodable text", "bytes that are no UTF-8", clean))
                elif len(values) == width:
                    rows.append((number, values))
                elif len(values) > width and not any(v.strip() for v in values[width:]):
                    rows.append((number, values[:width]))
                else:
                    detail = f"{len(values)} values for {width} columns, at line {start + 1}"
                    broken.append(_broken(number, "wrong number of values", detail, values))
            return rows, broken
        except csv.Error as error:
            number += 1
            line = lines[begin].encode("utf-8", "replace").decode()
            broken.append(_broken(number, "broken quotation", f"{error}, at line {begin + 1}", [line]))
            at = begin + 1
    return rows, broken


def _broken(number: int, reason: str, detail: str, values: Sequence[str]) -> dict[str, Any]:
    return {_ROW: number, _REASON: reason, _DETAIL: detail, "raw": json.dumps(list(values), ensure_ascii=False)}


def _distinct(names: Sequence[str]) -> list[str]:
    """Names without byte-order mark and spaces; empty, repeated and reserved ones get their position as a suffix."""
    found: list[str] = []
    taken: set[str] = {_ROW, _REASON, _DETAIL}
    for position, name in enumerate(names, 1):
        clean = _SURROGATE.sub("?", name).lstrip("\ufeff").strip() or "column"
        while clean in taken or clean == "column":
            clean = f"{clean}_{position}"
        taken.add(clean)
        found.append(clean)
    return found


# --- columns -----------------------------------------------------------------------------------------------------------


def match_columns(names: Iterable[str]) -> dict[str, str]:
    """Our column -> the file's column that means it best; each of the file's serves at most once."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(_plain(name), name)
    used: dict[str, str] = {}
    for ours, synonyms in SYNONYMS.items():
        theirs = next((by_name[s] for s in synonyms if s in by_name and by_name[s] not in used.values()), None)
        if theirs is not None:
            used[ours] = theirs
    return used


def _plain(name: str) -> str:
    """Lower case, no accents, words joined by underscores."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")


def _is_opaque(dtype: pl.DataType) -> bool:
    """Whether the column can hold no single value that we know."""
    return dtype.is_nested() or dtype in (pl.Binary, pl.Object)


def _require(
    used: Mapping[str, str], columns: Sequence[str], network: Network | None, account_handle: str | None, path: Path
) -> None:
    missing = [name for name in ("post_native_id", "published_at") if name not in used]
    if account_handle is None and not {"account_handle", "account_native_id"} & used.keys():
        missing.append("account_handle")
    if network is None and not {"network", "permalink"} & used.keys():
        missing.append("network")
    if missing:
        wanted = "; ".join(f"{name} (or {', '.join(SYNONYMS[name][1:5])})" for name in missing)
        found = ", ".join(name[:40] for name in columns if name != _ROW) or "none"
        raise ExportError(f"{path} lacks columns: {wanted}. It has: {found}.")


def _fail(frame: pl.DataFrame, condition: pl.Expr, reason: str, detail: pl.Expr | None = None) -> pl.DataFrame:
    """Give rows that meet the condition this reason, unless they have one already."""
    hit = pl.col(_REASON).is_null() & condition.fill_null(False)
    said = pl.lit("") if detail is None else detail.cast(pl.String).fill_null("")
    return frame.with_columns(
        pl.when(hit).then(said).otherwise(pl.col(_DETAIL)).alias(_DETAIL),
        pl.when(hit).then(pl.lit(reason)).otherwise(pl.col(_REASON)).alias(_REASON),
    )


def _string(frame: pl.DataFrame, name: str) -> pl.Expr:
    """The column as trimmed text; values that stand for nothing, and an absent column, are null."""
    if name not in frame.columns:
        return pl.lit(None, pl.String)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text.str.to_lowercase().is_in(NO_VALUE)).then(None).otherwise(text)


def _identifier(frame: pl.DataFrame, name: str) -> pl.Expr:
    """The column as an id: whole numbers lose the `.0` that a table tool gave them."""
    if name in frame.columns and frame.schema[name].is_float():
        whole = pl.col(name).cast(pl.Int64, strict=False)
        is_exact = (whole.cast(pl.Float64) == pl.col(name)) & (whole.abs() < 2**53)
        return pl.when(is_exact).then(whole.cast(pl.String)).otherwise(pl.col(name).cast(pl.String))
    return _string(frame, name).str.replace(r"^(\d+)\.0+$", "$1")


def _named(
    frame: pl.DataFrame,
    used: Mapping[str, str],
    network: Network | None,
    account_handle: str | None,
    assumptions: list[str],
) -> pl.DataFrame:
    """Who published what where: ids, names, text."""
    said = _string(frame, "network").str.to_lowercase()
    link = _string(frame, "permalink")
    stand_in = _network_of(link) if network is None else pl.lit(network.value)
    if "network" not in used:
        whence = "the links" if network is None else f"what was asked for: {network.value}"
        assumptions.append(f"the network is taken from {whence}")
    known = said.replace_strict({k: v.value for k, v in NETWORKS.items()}, default=None, return_dtype=pl.String)
    handle = _string(frame, "account_handle").str.strip_prefix("@")
    native = _identifier(frame, "account_native_id")
    if "account_handle" not in used and "account_native_id" not in used:
        assumptions.append(f"all posts are of the account {account_handle!r}")
    elif "account_native_id" not in used:
        assumptions.append("accounts are known by their handle: the file has no account ids")
    whole_handle = pl.coalesce(handle, native, pl.lit(account_handle, pl.String))
    frame = frame.with_columns(
        pl.when(said.is_null()).then(stand_in).otherwise(known).alias("network"),
        said.alias("_said_network"),
        whole_handle.alias("account_handle"),
        pl.coalesce(native, whole_handle).alias("account_native_id"),
        pl.coalesce(_string(frame, "account_name"), whole_handle).alias("account_name"),
        _identifier(frame, "post_native_id").alias("post_native_id"),
        link.alias("permalink"),
        (pl.col("text").cast(pl.String).fill_null("") if "text" in frame.columns else pl.lit("")).alias("text"),
    )
    mangled = pl.col("post_native_id").str.contains(r"^\d(\.\d+)?[eE]\+?\d+$|^\d+\.\d+$")
    frame = _fail(frame, pl.col("post_native_id").is_null(), "missing post id")
    frame = _fail(frame, mangled, "post id rounded by a spreadsheet", pl.col("post_native_id"))
    frame = _fail(frame, pl.col("account_handle").is_null(), "missing account")
    frame = _fail(frame, pl.col("network").is_null(), "unsupported network", pl.col("_said_network"))
    return frame.drop("_said_network")


def _network_of(link: pl.Expr) -> pl.Expr:
    """The network that the address is on; null where it is on none that we know by its host."""
    return pl.coalesce(
        pl.when(link.str.contains(rf"(?i)^https?://(www\.|m\.)?{host.replace('.', '[.]')}/")).then(pl.lit(name.value))
        for name, host in LINKS.items()
    )


def _timed(frame: pl.DataFrame, now: datetime, time_zone: str, assumptions: list[str]) -> pl.DataFrame:
    """Publication times in UTC; absurd ones are refused."""
    ZoneInfo(time_zone)  # raises on an unknown zone before any row is judged
    dtype = frame.schema["published_at"]
    said = pl.col("published_at").cast(pl.String)
    is_missing = _string(frame, "published_at").is_null()
    is_naive = True
    if isinstance(dtype, pl.Datetime):
        is_naive = dtype.time_zone is None
        moment = _from_zone(pl.col("published_at"), time_zone) if is_naive else _as_utc(pl.col("published_at"))
    elif dtype == pl.Date:
        moment = _from_zone(pl.col("published_at").cast(pl.Datetime("us")), time_zone)
    elif dtype.is_numeric():
        is_naive = False
        moment = _from_epoch(pl.col("published_at").cast(pl.Int64, strict=False))
    else:
        moment = _parsed(frame, time_zone, assumptions)
        is_naive = bool(frame.select((~_string(frame, "published_at").str.contains(_HAS_ZONE)).any()).item())
    if is_naive:
        assumptions.append(f"times without a zone are {time_zone}")
    frame = frame.with_columns(said.alias("_said"), is_missing.alias("_missing"), moment.alias("published_at"))
    at = pl.col("published_at")
    frame = _fail(frame, pl.col("_missing"), "missing publication time")
    frame = _fail(frame, at.is_null(), "unreadable publication time", pl.col("_said"))
    frame = _fail(frame, at < EARLIEST, f"publication time before {EARLIEST.year}", pl.col("_said"))
    frame = _fail(frame, at > now, "publication time in the future", pl.col("_said"))
    return frame.drop("_said", "_missing")


_HAS_ZONE = r"(?i)(z|utc|gmt|[+-]\d{2}:?\d{2})$|^\d{10,13}$"


def _as_utc(moment: pl.Expr) -> pl.Expr:
    return moment.dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def _from_zone(moment: pl.Expr, time_zone: str) -> pl.Expr:
    """Local to UTC: the earlier of two equal clock times, none for one that a switch skipped."""
    return _as_utc(moment.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null"))


def _from_epoch(number: pl.Expr) -> pl.Expr:
    """Seconds, or milliseconds where seconds would be past the year 5000."""
    milliseconds = pl.when(number.abs() >= 10**11).then(number).otherwise(number * 1000)
    in_range = pl.when(milliseconds.is_between(-(10**14), 10**14)).then(milliseconds)
    return pl.from_epoch(in_range, time_unit="ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")


def _parsed(frame: pl.DataFrame, time_zone: str, assumptions: list[str]) -> pl.Expr:
    """Times out of text: ISO 8601 with or without zone, epoch numbers, and day/month/year in whichever order the file shows."""
    text = (
        _string(frame, "published_at")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt]", "${1} ")
        .str.replace(r"(?i)\s*(z|utc|gmt)$", "+00:00")
        .str.replace(r"^(\d{1,2})[.\-](\d{1,2})[.\-](\d{4})", "$1/$2/$3")
        .str.replace(r"^(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}/\d{1,2}/\d{4})$", "$1 00:00")
        .str.replace(r"^(\d{1,2}/\d{1,2}/\d{4}),", "$1")
    )
    zoned = [text.str.to_datetime(f"{f}%z", time_zone="UTC", strict=False) for f in _TIME_FORMATS]
    slashed = text.str.extract_groups(r"^(?<first>\d{1,2})/(?<second>\d{1,2})/\d{4}").struct
    orders = frame.select(
        slashed.field("first").cast(pl.Int32).max().alias("first"),
        slashed.field("second").cast(pl.Int32).max().alias("second"),
    ).row(0)
    ordered: tuple[str, ...] = ()
    if orders[0] is not None:
        is_month_first = orders[1] > 12 >= orders[0]
        ordered = _MONTH_FIRST if is_month_first else _DAY_FIRST
        assumptions.append(f"dates with slashes are {'month/day/year' if is_month_first else 'day/month/year'}")
    local = [text.str.to_datetime(f, time_unit="us", strict=False) for f in (*_TIME_FORMATS, *ordered)]
    epoch = text.str.extract(r"^(\d{10}|\d{13})$").cast(pl.Int64, strict=False)
    return pl.coalesce(*zoned, _from_zone(pl.coalesce(*local), time_zone), _from_epoch(epoch))


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    """Counts as integers. A value that is no count refuses its row: a null would be an invented "not reported"."""
    for name in (*COUNTS, "followers"):
        if name not in frame.columns:
            continue
        dtype, said = frame.schema[name], _string(frame, name)
        if dtype.is_integer():
            value = pl.col(name).cast(pl.Int64, strict=False)
        elif dtype.is_numeric():
            number = pl.col(name).cast(pl.Float64)
            whole = number.cast(pl.Int64, strict=False)
            value = pl.when(whole.cast(pl.Float64) == number).then(whole)
        else:
            plain = (
                pl.when(said.str.contains(r"^[+-]?\d{1,3}([.,\u00a0 ]\d{3})+$"))
                .then(said.str.replace_all(r"[.,\u00a0 ]", ""))
                .otherwise(said.str.replace(r"[.,]0+$", ""))
            )
            value = plain.str.extract(r"^\+?(-?\d+)$").cast(pl.Int64, strict=False)
        frame = frame.with_columns(said.alias("_said"), value.alias(name))
        unreadable = pl.col("_said").is_not_null() & pl.col(name).is_null()
        frame = _fail(frame, unreadable, "unreadable count", pl.format("{}: {}", pl.lit(name), pl.col("_said")))
        frame = frame.drop("_said")
    return frame


def _formatted(frame: pl.DataFrame, assumptions: list[str]) -> pl.DataFrame:
    """The post's form in Pulso's vocabulary; what the file does not say, or says in unknown words, is the network's usual."""
    usual = pl.col("network").replace_strict(
        {k.value: v.value for k, v in USUAL_FORMAT.items()}, default=ContentFormat.TEXT.value
    )
    said = _string(frame, "content_format").str.to_lowercase()
    known = said.replace_strict({k: v.value for k, v in FORMATS.items()}, default=None, return_dtype=pl.String)
    unknown = frame.select(said.filter(known.is_null() & said.is_not_null()).value_counts(sort=True)).to_series()
    for row in unknown.head(5).to_list():
        value, count = row.values()
        assumptions.append(f"the format {value!r} ({count:,} rows) is unknown and taken as the network's usual")
    if "content_format" not in frame.columns:
        assumptions.append("every post has its network's usual format: the file has no such column")
    return frame.with_columns(pl.coalesce(known, usual).alias("content_format"))


def _carded(frame: pl.DataFrame, used: Mapping[str, str], assumptions: list[str]) -> pl.DataFrame:
    """Address and headline of the page that a post leads to. Tables name an album or a film in the headline's column too: a
    post that shows media has a headline only beside an address. Some have one column for the post's own address and that of
    the page: where the post is a link, and the address is not on its network, it is the page's."""
    web = _string(frame, "link_url").map_elements(web_address_or_none, return_dtype=pl.String)
    is_link = pl.col("content_format").is_in(_FORMATS_OF_LINKS)
    if "link_url" not in used and _plain(used.get("permalink", "")) in _EITHER_ADDRESS:
        known = pl.col("network").is_in([name.value for name in LINKS])
        is_elsewhere = known & (_network_of(pl.col("permalink")).fill_null("") != pl.col("network"))
        web = pl.when(is_link & is_elsewhere).then(
            pl.col("permalink").map_elements(web_address_or_none, return_dtype=pl.String)
        )
        if frame.select((is_link & is_elsewhere).any()).item():
            assumptions.append(
                f"{used['permalink']!r} of a link that is not on its network is the page that it leads to"
            )
    title = _string(frame, "link_title").map_elements(title_or_none, return_dtype=pl.String)
    shows_card = is_link | (pl.col("content_format") == ContentFormat.TEXT.value) | pl.col("link_url").is_not_null()
    frame = frame.with_columns(web.alias("link_url"), title.alias("link_title"))
    return frame.with_columns(pl.when(shows_card).then(pl.col("link_title")).alias("link_title"))


def _unique(frame: pl.DataFrame) -> pl.DataFrame:
    """Of good rows with the same post id, the first stays."""
    first = pl.col(_ROW).filter(pl.col(_REASON).is_null()).min().over("network", "post_native_id")
    frame = frame.with_columns(first.alias("_first"))
    repeated = pl.col(_ROW) > pl.col("_first")
    frame = _fail(frame, repeated, "duplicated post id", pl.format("first at row {}", pl.col("_first")))
    return frame.drop("_first")


def _rejected(frame: pl.DataFrame, table: _Table) -> pl.DataFrame:
    """Refused rows with the file's own values, in the order of the file."""
    originals = table.frame.filter(pl.col(_ROW).is_in(frame[_ROW].implode()))
    raws = {row.pop(_ROW): json.dumps(row, ensure_ascii=False, default=str) for row in originals.iter_rows(named=True)}
    rows = [
        {_ROW: number, _REASON: reason, _DETAIL: detail, "raw": raws[number]}
        for number, reason, detail in frame.select(_ROW, _REASON, _DETAIL).iter_rows()
    ]
    schema = {_ROW: pl.Int64, _REASON: pl.String, _DETAIL: pl.String, "raw": pl.String}
    return pl.DataFrame([*rows, *table.broken], schema=schema).sort(_ROW)
