"""Forecasts for texts that are not published yet: the champion's interval, widened by what past coverage taught."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from contracts.errors import NotReadyError
from contracts.ports import Scorer
from contracts.records import Client, ContentItem, Forecast
from contracts.tables import POST_FEATURES
from ml.features import draft_features

MODEL_NAME = "engagement"
_NOT_A_FEATURE = {"log_engagement", "label_known_at", "is_label_mature"}


@dataclass(frozen=True)
class Moment:
    """A text at a time: what a forecast is about."""

    item: ContentItem
    client: Client
    at: datetime


def as_posts(moments: Sequence[Moment]) -> pl.DataFrame:
    """Moments as rows of gold/fct_posts without outcome; `post_id` is the row's own number."""
    rows = []
    for number, moment in enumerate(moments):
        local = moment.at.astimezone(ZoneInfo(moment.client.time_zone))
        rows.append(
            {
                "post_id": f"draft:{number}",
                "account_id": moment.item.account_id,
                "client_id": moment.client.client_id,
                "network": moment.item.network.value,
                "published_at": moment.at,
                "content_format": moment.item.content_format.value,
                "text": moment.item.text,
                "link_url": moment.item.options.link,
                "link_title": moment.item.options.title,
                "media_count": len(moment.item.media),
                "local_hour": local.hour,
                "local_weekday": local.weekday(),
                "is_reply": False,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"published_at": pl.Datetime("us", "UTC")})


def forecasts(
    moments: Sequence[Moment], posts: pl.DataFrame, scorer: Scorer, calibration: pl.DataFrame, *, now: datetime
) -> list[Forecast | None]:
    """One forecast for each moment, from the matured past in `posts` (gold/fct_posts); None while there is no champion.

    The half-widths of the interval are multiplied by the client's `interval_multiplier` (learning/interval_calibration).
    `percentile` is the forecast's rank among the account's own matured posts.
    """
    if not moments:
        return []
    features = draft_features(as_posts(moments), posts)
    try:
        scores, version = scorer.score(features), scorer.model_version
    except NotReadyError:
        return [None] * len(moments)
    widen = dict(calibration.select("client_id", "interval_multiplier").iter_rows())
    past = {
        str(account): part["mature_engagements"].log1p()
        for (account,), part in posts.drop_nulls("mature_engagements").group_by("account_id")
    }
    return [
        _forecast(score, feature_row, moment, widen.get(moment.client.client_id, 1.0), past, version, now)
        for score, feature_row, moment in zip(
            scores.iter_rows(named=True), features.iter_rows(named=True), moments, strict=True
        )
    ]


def _forecast(
    score: dict[str, Any],
    feature_row: dict[str, Any],
    moment: Moment,
    multiplier: float,
    past: dict[str, pl.Series],
    version: str,
    now: datetime,
) -> Forecast:
    middle = score["expected_log_engagement"]
    own = past.get(moment.item.account_id)
    return Forecast(
        expected_log_engagement=middle,
        lower_log_engagement=max(0.0, middle - multiplier * (middle - score["lower_log_engagement"])),
        upper_log_engagement=middle + multiplier * (score["upper_log_engagement"] - middle),
        interval_multiplier=multiplier,
        percentile=None if own is None or own.is_empty() else float((own < middle).mean() or 0.0),
        model_name=MODEL_NAME,
        model_version=version,
        forecast_at=now,
        feature_row={n: _plain(feature_row[n]) for n in POST_FEATURES.schema if n not in _NOT_A_FEATURE},
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
