"""What Dagster loads (`workspace.yaml`). Needs no secret, no network and no existing state but the compiled dbt project."""

from contracts.settings import Settings
from orchestration.build import build_definitions
from orchestration.dbt_cli import current_manifest
from orchestration.resources import ALL_RESOURCES

defs = build_definitions(ALL_RESOURCES, manifest=current_manifest(Settings()))
