"""Automation: what follows from data alone, declared on the assets themselves and switched on here.

| assets | condition | reason |
|---|---|---|
| silver, gold | eager | new bronze rows are worth nothing until the KPIs show them |
| features, learning | eager | both are cheap, and decisions read them |
| decisions/posts_taking_off | eager | cheap, binds nobody, and late news of a post that takes off is none |
| features/online_features | none | whoever needs them asks: each run imports Feast, and nothing in the loop reads them |
| bronze, models, other decisions | none | a schedule asks: networks and people are involved, or minutes of computing |
| actions | none, ever | side effects are never eager |
"""

import dagster as dg

# Not held back by what is missing upstream, as `eager` is by itself: bronze is kept by days, and most days since 2020 were never read.
ON_NEW_DATA = dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing())

AUTOMATED_GROUPS = ("silver", "gold", "features", "learning")
ASKED_FOR = frozenset({dg.AssetKey(["features", "online_features"])})
"""Assets of those groups that are made only when somebody asks."""

ALSO_AUTOMATED = frozenset({dg.AssetKey(["decisions", "posts_taking_off"])})
"""Assets of other groups that follow from data alone."""

automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.groups(*AUTOMATED_GROUPS) | dg.AssetSelection.assets(*ALSO_AUTOMATED),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
)


def with_automation(assets: list[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets, with the condition on those whose group is automated."""

    def conditioned(spec: dg.AssetSpec) -> dg.AssetSpec:
        follows = spec.group_name in AUTOMATED_GROUPS or spec.key in ALSO_AUTOMATED
        is_automated = follows and spec.key not in ASKED_FOR
        return spec.replace_attributes(automation_condition=ON_NEW_DATA) if is_automated else spec

    return [asset.map_asset_specs(conditioned) for asset in assets]
