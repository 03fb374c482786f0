"""Asset keys by table, so that stages refer to each other by key and never by import."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from contracts.tables import TableSpec

OWNERS = {
    "bronze": ["team:data"],
    "features": ["team:ml"],
    "models": ["team:ml"],
    "learning": ["team:ml"],
    "decisions": ["team:ml"],
    "actions": ["team:data"],
}


def key_of(table: TableSpec) -> dg.AssetKey:
    """Key of a declared table: `stage/name`."""
    return dg.AssetKey([table.stage, table.name])


def gold(name: str) -> dg.AssetKey:
    """Key of a dbt mart."""
    return dg.AssetKey(["gold", name])


def model_key(family: str) -> dg.AssetKey:
    """Key of the asset that trains a family of models."""
    return dg.AssetKey(["models", f"{family}_model"])


def asset_options(table: TableSpec, *kinds: str) -> Mapping[str, Any]:
    """Name, prefix, group, owners, kinds and description of the asset that writes `table`."""
    return {
        "key_prefix": table.stage,
        "name": table.name,
        "group_name": table.stage,
        "owners": OWNERS[table.stage],
        "kinds": {"deltalake", *kinds},
        "description": table.description,
    }


def spec_options(table: TableSpec, *kinds: str) -> Mapping[str, Any]:
    """The same for one output of a multi-asset (`dg.AssetSpec`)."""
    return {
        "key": key_of(table),
        "group_name": table.stage,
        "owners": OWNERS[table.stage],
        "kinds": {"deltalake", *kinds},
        "description": table.description,
    }
