"""The house keeps its shape: import walls, names of assets, owners, generated docs, documented commands."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from contracts.tables import ALL_TABLES

MAX_OWNER_KINDS = 2
STAGES = {"bronze", "silver", "gold", "features", "models", "learning", "decisions", "actions"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return [
        spec for asset in definitions.assets or [] if isinstance(asset, dg.AssetsDefinition) for spec in asset.specs
    ]


def test_import_walls_hold(project_root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    result = subprocess.run([linter], cwd=project_root, capture_output=True, text=True, timeout=300, check=False)

    assert result.returncode == 0, result.stdout


def test_every_asset_has_a_two_segment_key_in_its_own_group_with_owner_and_description(
    definitions: dg.Definitions,
) -> None:
    for spec in specs(definitions):
        stage, table = spec.key.path
        assert stage in STAGES
        assert spec.group_name == stage, spec.key
        assert table == table.lower()
        assert spec.description, f"{spec.key.to_user_string()} has no description"
        assert spec.owners, f"{spec.key.to_user_string()} has no owner"
        assert len(spec.owners) <= MAX_OWNER_KINDS
        assert all(owner.startswith("team:") for owner in spec.owners)


def test_every_asset_is_defined_in_the_folder_of_its_stage(project_root: Path) -> None:
    from orchestration.build import ASSET_MODULES

    for module in ASSET_MODULES:
        stage = Path(str(module.__file__)).parent.name
        for asset in dg.load_assets_from_modules([module]):
            assert isinstance(asset, dg.AssetsDefinition)
            assert {key.path[0] for key in asset.keys} == {stage}


def test_every_declared_table_is_written_by_the_asset_of_its_name(definitions: dg.Definitions) -> None:
    keys = {spec.key.to_user_string() for spec in specs(definitions)}

    assert {t.key for t in ALL_TABLES} - keys == {"bronze/quarantined_imports", "bronze/readings"}


def test_every_declared_table_has_its_tenant_or_says_why_not() -> None:
    for table in ALL_TABLES:
        if table.tenant_column is None:
            assert table.shared_because, table.key
        else:
            assert table.tenant_column in table.schema, table.key


def test_heavy_libraries_are_not_imported_to_load_the_graph(project_root: Path) -> None:
    heavy = (
        "torch",
        "feast",
        "mlflow",
        "prophet",
        "pyspark",
        "transformers",
        "great_expectations",
        "scrapy",
        "skops",
        "openai",
        "streamlit",
        "boto3",
        "dagster_postgres",
        "moto",
    )
    code = f"import orchestration.definitions, sys; print([m for m in {heavy!r} if m in sys.modules])"

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, timeout=300, check=True
    )

    assert result.stdout.strip() == "[]"


def test_generated_docs_are_in_step() -> None:
    from apps.generated_docs import write_docs

    assert write_docs(check=True) == [], "run `make docs` and commit the result"


def test_every_command_says_what_it_does() -> None:
    import typer

    from apps.cli import app

    def undocumented(command: object, path: str) -> list[str]:
        own = [] if getattr(command, "help", None) else [path]
        for name, child in getattr(command, "commands", {}).items():
            own += undocumented(child, f"{path} {name}")
        return own

    assert undocumented(typer.main.get_command(app), "pulso") == []


def test_every_make_target_is_listed_in_help(project_root: Path) -> None:
    makefile = (project_root / "Makefile").read_text()
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    shown = subprocess.run(
        ["make", "help"], cwd=project_root, capture_output=True, text=True, timeout=60, check=True
    ).stdout

    assert [t for t in targets if f"make {t} " not in shown] == []
