"""What is known of an account's past, and what of it concerns a post of one form at one hour.

Belongs here: names, types and times of features, and the choice among them that a post's own form and hour make.
Does not belong here: computing them (`ml/account_history.py`), their columns' meaning (`contracts.tables.ACCOUNT_HISTORIES`).
"""

from datetime import timedelta
from typing import Any

import pandas as pd
from feast import FeatureView, Field, FileSource, RequestSource
from feast.data_format import ParquetFormat
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int32, Int64, String

from contracts.tables import ACCOUNT_HISTORIES
from feature_repo.entities import account, client

_NOT_FEATURES = {"account_id", "client_id", "network", "changed_at", "known_at"}
_FEATURES = [name for name in ACCOUNT_HISTORIES.schema if name not in _NOT_FEATURES]
LEVEL = [name for name in _FEATURES if name.startswith("history_") or name == "log_followers"]
"""What an account's past says of any post of it, whatever its form and hour."""

account_histories = FileSource(
    name="account_histories",
    path="account_histories.parquet",  # beside the registry; written by feature_store/snapshot.py
    file_format=ParquetFormat(),
    timestamp_field="changed_at",
    created_timestamp_column="known_at",
    description=ACCOUNT_HISTORIES.description,
)

account_history = FeatureView(
    name="account_history",
    entities=[client, account],
    ttl=timedelta(0),  # never expires: an account's level is its last thirty posts', however long ago they were
    schema=[
        Field(name="client_id", dtype=String),
        Field(name="account_id", dtype=String),
        *(Field(name=name, dtype=Int32 if name == "matured_posts" else Float64) for name in _FEATURES),
    ],
    source=account_histories,
    description="Level, spread, effects and followers of an account, as known from its matured posts.",
)

post = RequestSource(
    name="post",
    schema=[
        Field(name="content_format", dtype=String),
        Field(name="local_hour", dtype=Int64),
        Field(name="local_weekday", dtype=Int64),
    ],
    description="What a post or draft itself brings to the question.",
)


@on_demand_feature_view(  # type: ignore[untyped-decorator]
    sources=[post, account_history],
    schema=[
        Field(name="history_count", dtype=Int64),
        Field(name="history_format_effect", dtype=Float64),
        Field(name="history_hour_effect", dtype=Float64),
        Field(name="history_weekday_effect", dtype=Float64),
    ],
    mode="pandas",
    description="The account's effects of the post's own format, block of hours and weekday; 0 where nothing is known.",
)
def post_history(rows: pd.DataFrame) -> pd.DataFrame:
    """Chosen here, by one code for training and for drafts, so that neither caller can choose otherwise.

    Feast keeps this text in its registry and runs it from there: it may use nothing from outside its own body.
    """
    import numpy as np
    import pandas as pd

    def chosen(prefix: str, groups: Any) -> Any:
        """Each row's value in the column of its group; 0 where the group has no column or the column no value."""
        columns = [name for name in rows.columns if name.startswith(prefix)]
        at = pd.Index(columns).get_indexer([f"{prefix}{group}" for group in groups])
        values = rows[columns].to_numpy(dtype="float64")[np.arange(len(rows)), at]
        return np.where(at >= 0, np.nan_to_num(values), 0.0)

    hours = [int(name.removeprefix("hour_effect_")) for name in rows.columns if name.startswith("hour_effect_")]
    first = np.array(sorted(hours))  # blocks are named by their first local hour
    blocks = first[np.searchsorted(first, rows["local_hour"].to_numpy(), side="right") - 1]
    return pd.DataFrame(
        {
            "history_count": rows["matured_posts"].fillna(0).astype("int64"),
            "history_format_effect": chosen("format_effect_", rows["content_format"]),
            "history_hour_effect": chosen("hour_effect_", [f"{hour:02}" for hour in blocks]),
            "history_weekday_effect": chosen("weekday_effect_", rows["local_weekday"]),
        }
    )
