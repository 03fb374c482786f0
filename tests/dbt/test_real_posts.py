"""All posts of a public file, through bronze, dbt and publishing: rows in = rows out, and the same sums."""

from datetime import UTC, datetime

import polars as pl
import pytest

from contracts import tables
from contracts.scope import TenantScope
from lakehouse.warehouse import WarehousePublisher

pytestmark = [pytest.mark.reference_data, pytest.mark.slow]
OBSERVED_AT = datetime(2026, 5, 30, 6, tzinfo=UTC)


def bronze_posts(path) -> pl.DataFrame:
    raw = pl.read_parquet(path)
    return raw.select(
        client_id=pl.col("account").str.to_lowercase(),
        account_id="instagram:" + pl.col("profile_id"),
        network=pl.lit("instagram"),
        native_id="message_id",
        post_id="instagram:" + pl.col("message_id"),
        permalink="link",
        text="text",
        content_format=pl.col("media_kind").replace({"p": "image", "reel": "video", "tv": "video"}),
        media_count=pl.lit(1, pl.Int32),
        published_at=pl.col("published_at").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        observed_at=pl.lit(OBSERVED_AT),
        is_reply=pl.lit(value=False),
        content_sha256=pl.lit(""),
        raw=pl.lit("{}"),
        day=pl.lit(OBSERVED_AT.date()),
        likes="likes",
        comments="comments",
    )


def test_every_post_of_the_file_is_in_gold(home, reference_data) -> None:
    source = bronze_posts(reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet")
    possible = source.filter(pl.col("likes") >= 0, pl.col("comments") >= 0)  # the rest is quarantined at the boundary
    clients = (
        possible.select("client_id")
        .unique()
        .with_columns(
            name="client_id",
            time_zone=pl.lit("America/Sao_Paulo"),
            language=pl.lit("pt"),
            autonomy=pl.lit("manual"),
            is_active=pl.lit(value=True),
            exported_at=pl.lit(OBSERVED_AT),
        )
    )
    counts = pl.concat(
        possible.with_columns(
            metric=pl.lit(metric), value=pl.col(metric), is_backfilled=pl.lit(value=True), source=pl.lit("media")
        )
        for metric in ("likes", "comments")
    )
    for table, frame in ((tables.CLIENTS, clients), (tables.POSTS, possible), (tables.POST_METRICS, counts)):
        home.lake.append(table, frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()))

    outcome = home.build("--exclude-resource-type", "unit_test")
    assert outcome.returncode == 0, outcome.stdout
    WarehousePublisher(home.settings.warehouse_path, home.settings.lake_path).publish(["fct_posts"], invocation_id="b")

    posts = home.lake.scan("gold/fct_posts", scope=TenantScope.all_clients("a test")).collect()
    assert posts.height == posts["post_id"].n_unique() == possible.height
    assert possible.height + source.filter(pl.min_horizontal("likes", "comments") < 0).height == source.height
    assert posts["engagements"].sum() == possible["likes"].sum() + possible["comments"].sum()
    assert posts["mature_engagements"].null_count() == 0
    assert posts["followers_at_post"].null_count() == posts.height
    local = posts["published_at"].dt.convert_time_zone("America/Sao_Paulo")
    assert (local.dt.date() == posts["published_day"]).all()
    assert (local.dt.hour() == posts["local_hour"]).all()
    daily = home.mart("kpi_account_daily")
    assert daily["posts_published"].sum() == possible.height
    assert daily["engagements"].sum() == posts["engagements"].sum()
