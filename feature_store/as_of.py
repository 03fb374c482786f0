"""Feast's offline store as Pulso needs it: each row gets the newest value that was known at its moment, in linear time.

Belongs here: the two questions that Feast asks of an offline store, over one Parquet file a view, in DuckDB.
Does not belong here: which file that is (`snapshot.py`), who asks (`store.py`), any other source than files.

Feast's own stores for files join every row with every value that its account ever had and throw all but one away: quadratic in an
account's history (`python -m benchmarks.point_in_time`). The default one also drops rows that ask for one account at one moment twice.

A value has two times: when what it tells happened (the source's `timestamp_field`), and when it came to be known
(`created_timestamp_column`). Feast goes by the first, unless each caller asks for both at each call. Here a value exists from the later of
the two on: what arrives late is not seen before it arrived, nor afterwards where something newer was known by then.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import duckdb
import pandas as pd
import pyarrow as pa
from feast import FeatureView, FileSource, OnDemandFeatureView, RepoConfig
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel

ASKED_AT = "event_timestamp"
"""Column of the asking rows with each one's moment, by Feast's own name."""


class AsOfOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """The name by which Feast finds the store."""

    type: Literal["feature_store.as_of.AsOfOfflineStore"] = "feature_store.as_of.AsOfOfflineStore"


class AsOfOfflineStore(OfflineStore):  # type: ignore[misc]
    """Reads the Parquet file that each view's source names. A source without the second time counts as known when it happened."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = True,
        **_: Any,
    ) -> RetrievalJob:
        """The rows of `entity_df` in their order, with each view's newest values known at ASKED_AT, and since when (`<view>_known_at`).

        `filter_by_created_timestamp` changes nothing: it is always so. Values older than the view's time to live are null.
        """
        del filter_by_created_timestamp
        requested = defaultdict(list)
        for reference in feature_refs:
            view, feature = reference.split(":")
            requested[view].append(feature)
        asked = [_quoted(name) for name in entity_df.columns]
        columns, joins = [f"asked.{name}" for name in asked], []
        for number, view in enumerate(feature_views):
            table, name = f"view_{number}", view.projection.name_to_use()
            keys = [view.projection.join_key_map.get(column.name, column.name) for column in view.entity_columns]
            source_keys = [column.name for column in view.entity_columns]
            on = [f"asked.{_quoted(key)} = {table}.{_quoted(own)}" for key, own in zip(keys, source_keys, strict=True)]
            joins.append(
                f"asof left join ({_knowledge(view.batch_source, config, source_keys, requested[name])}) as {table}\n"
                f"  on {' and '.join(on)} and asked.{ASKED_AT} >= {table}.known_from"
            )
            alive = f"asked.{ASKED_AT} <= {table}.happened_at + interval {int(view.ttl.total_seconds())} seconds"
            shown = "case when " + alive + " then {} end" if view.ttl else "{}"
            prefix = f"{name}__" if full_feature_names else ""
            columns += [
                f"{shown.format(f'{table}.{_quoted(feature)}')} as {_quoted(prefix + feature)}"
                for feature in requested[name]
            ]
            columns.append(f"{shown.format(f'{table}.known_from')} as {_quoted(f'{name}_known_at')}")
        query = f"select {', '.join(columns)}\nfrom asked\n" + "\n".join(joins) + "\norder by asked.row_number"

        def answer() -> pa.Table:
            with _session() as session:
                session.register("rows", pa.Table.from_pandas(entity_df, preserve_index=False))
                session.execute("create table asked as select *, row_number() over () as row_number from rows")
                return session.sql(query).to_arrow_table()

        return _Answer(
            answer,
            full_feature_names,
            OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            RetrievalMetadata(
                features=feature_refs,
                keys=[name for name in entity_df.columns if name != ASKED_AT],
                min_event_timestamp=entity_df[ASKED_AT].min(),
                max_event_timestamp=entity_df[ASKED_AT].max(),
            ),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: FileSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Of each key the newest values that were known at `end_date` and happened at or after `start_date`."""
        times = [timestamp_field, *([created_timestamp_column] if created_timestamp_column else [])]
        columns = [*join_key_columns, *feature_name_columns, *times]
        keys = ", ".join(map(_quoted, join_key_columns))
        query = (
            f"select {', '.join(map(_quoted, columns))}\n"
            f"from ({_knowledge(data_source, config, join_key_columns, [*feature_name_columns, *times])})\n"
            "where ($1 is null or happened_at >= $1) and ($2 is null or known_from <= $2)\n"
            f"qualify row_number() over (partition by {keys} order by known_from desc) = 1"
        )

        def answer() -> pa.Table:
            with _session() as session:
                return session.execute(query, [start_date, end_date]).to_arrow_table()

        return _Answer(answer, full_feature_names=False)


def _knowledge(source: FileSource, config: RepoConfig, keys: Sequence[str], columns: Sequence[str]) -> str:
    """A query for the source's values with `happened_at` and `known_from`, one for each key and moment, and none overtaken.

    A value is overtaken when something that happened later was known before it.
    """
    path = FileSource.get_uri_for_file_path(config.repo_path, source.path)
    happened, known = (
        _quoted(source.timestamp_field),
        _quoted(source.created_timestamp_column or source.timestamp_field),
    )
    by = ", ".join(map(_quoted, keys))
    chosen = ", ".join(map(_quoted, dict.fromkeys([*keys, *columns])))
    return (
        f"select {chosen}, {happened} as happened_at, greatest({happened}, {known}) as known_from\n"
        f"  from read_parquet('{path.replace(chr(39), chr(39) * 2)}')\n"
        f"  qualify happened_at >= max(happened_at) over (partition by {by} order by known_from)\n"
        f"  and row_number() over (partition by {by}, known_from order by happened_at desc, {known} desc) = 1"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _session() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, in UTC, that stays within this machine."""
    session = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    session.execute("set TimeZone = 'UTC'")
    return session


class _Answer(RetrievalJob):  # type: ignore[misc]
    """A query that runs when its rows are asked for."""

    def __init__(
        self,
        answer: Callable[[], pa.Table],
        full_feature_names: bool,
        on_demand: Sequence[OnDemandFeatureView] = (),
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._answer = answer
        self._full_feature_names = full_feature_names
        self._on_demand = list(on_demand)
        self._metadata = metadata

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata | None:
        return self._metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        del timeout
        return self._answer()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()
