"""Before anything was ingested: the project builds, its tests pass, and every gold table is there with no row at all."""

from lakehouse.warehouse import WarehousePublisher


def test_an_empty_lake_builds_publishes_and_reads_as_empty(home, manifest) -> None:
    outcome = home.build("--exclude-resource-type", "unit_test")
    assert outcome.returncode == 0, outcome.stdout

    marts = sorted(n["name"] for n in manifest["nodes"].values() if n["config"]["schema"] == "gold")
    assert len(marts) >= 11
    for name in marts:
        assert home.mart(name).height == 0, name

    published = WarehousePublisher(home.settings.warehouse_path, home.settings.lake_path).publish(
        marts, invocation_id="first"
    )
    assert {name: result.rows for name, result in published.items()} == dict.fromkeys(marts, 0)
    for name in marts:
        assert home.lake.open(f"gold/{name}").count() == 0  # no row of nulls either
