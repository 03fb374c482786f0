"""The wire journal: what was asked of which network and how it answered, without secrets and without anyone's words.

Belongs here: redaction, and the sinks that a journal line can go to. Does not belong here: payloads (they are kept in bronze).
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Journal = Callable[[Mapping[str, Any]], None]
"""Takes one redacted line: at, network, account_id, operation, kind, method, url, attempt, status, outcome, code, seconds."""

MASK = "***"
_VISIBLE_PARAMETERS = frozenset(
    {
        "actor",
        "after",
        "collection",
        "creation_id",
        "cursor",
        "depth",
        "fields",
        "grant_type",
        "image_url",
        "limit",
        "media_type",
        "metric",
        "metric_type",
        "parentHeight",
        "period",
        "repo",
        "rkey",
        "since",
        "until",
        "uri",
        "uris",
    }
)
_LOOKS_SECRET = re.compile(r"[A-Za-z0-9_\-.=]{32,}")
_WORD = r"[A-Za-z][a-z]{1,15}(?:[A-Z][a-z]{2,15})*"
_HARMLESS_SEGMENT = re.compile(
    rf"""
    {_WORD}(?:[._-]{_WORD})*                      # names of endpoints: statuses, getPosts, business_discovery
    | \d{{1,20}}(?:_\d{{1,20}})?                    # numbers, and a Facebook page's post
    | urn(?::|%3A)li(?::|%3A)[A-Za-z]{{1,20}}(?::|%3A)\d{{1,20}}
    | did(?::|%3A)plc(?::|%3A)[a-z2-7]{{24}}
    """,
    re.VERBOSE,
)
"""What a long segment of a path may be and stay readable: words, and ids that open nothing."""
_SHORT_SEGMENT = 12
"""Characters. No network hands out a token of so few."""


def redact_url(url: str) -> str:
    """The URL without what could open something: every query value that is not known to be harmless, and every segment of the path
    that could be a token (addresses to upload to carry theirs there). In doubt it is masked: a list of secrets would always lack one.
    """
    parts = urlsplit(url)
    path = "/".join(segment if _is_harmless(segment) else MASK for segment in parts.path.split("/"))
    query = [(k, v if k in _VISIBLE_PARAMETERS else MASK) for k, v in parse_qsl(parts.query, keep_blank_values=True)]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, urlencode(query, safe="*,:/"), ""))


def _is_harmless(segment: str) -> bool:
    return len(segment) <= _SHORT_SEGMENT or _HARMLESS_SEGMENT.fullmatch(segment) is not None


def redact_text(text: str, *, limit: int = 300) -> str:
    """A network's message without anything that looks like a token: some networks repeat a malformed one to the caller."""
    masked = _LOOKS_SECRET.sub(MASK, text)
    return masked if len(masked) <= limit else masked[: limit - 1] + "…"


class JsonlJournal:
    """Appends lines to a file; at `max_bytes` the file becomes `<name>.1` and a new one starts, so at most two exist."""

    def __init__(self, path: Path, *, max_bytes: int = 20_000_000) -> None:
        self._path, self._max_bytes, self._lock = path, max_bytes, Lock()

    def __call__(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False, default=str) + "\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size + len(text) > self._max_bytes:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)


class _RedactUrls(logging.Filter):
    """httpx logs the full URL of every request at INFO, and Graph URLs carry the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redact_url(str(a)) if "://" in str(a) else a for a in record.args)
        return True


def silence_secrets_in_logs() -> None:
    """Make httpx's own log lines safe. Called when connections open, never at import."""
    logger = logging.getLogger("httpx")
    if not any(isinstance(f, _RedactUrls) for f in logger.filters):
        logger.addFilter(_RedactUrls())
