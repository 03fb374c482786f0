"""Goals: what clients mean to reach in a period."""

from datetime import datetime
from typing import Annotated

import typer

from apps.cli.console import OPERATOR, console, existing_store, scope_of, table_of
from contracts.errors import PulsoError
from contracts.networks import Network
from contracts.records import GoalMetric
from contracts.settings import Settings

app = typer.Typer(help="Goals: what clients mean to reach in a period.", no_args_is_help=True)

DAY = ["%Y-%m-%d"]


@app.command("list")
def show(client: Annotated[str, typer.Option(help="Only this client.")] = "") -> None:
    """All goals. How far each has come is in gold/kpi_goals."""
    table = table_of("goal", "client", "metric", "target", "from", "to", "accounts")
    with existing_store(Settings()) as store:
        for goal in store.goals(scope_of(client)):
            accounts = goal.account_id or (goal.network.value if goal.network else "all")
            period = str(goal.first_day), str(goal.last_day)
            table.add_row(goal.goal_id, goal.client_id, goal.metric.value, f"{goal.target:g}", *period, accounts)
    console.print(table if table.row_count else "No goals yet: `pulso goals set`.")


@app.command("set")
def set_(
    client: Annotated[str, typer.Argument(help="Its client; `pulso client list` shows them.")],
    metric: Annotated[GoalMetric, typer.Argument()],
    target: Annotated[float, typer.Argument(help="What is to be reached; a rate as a fraction (0.03).")],
    first_day: Annotated[datetime, typer.Option("--from", formats=DAY, help="First day, by the client's calendar.")],
    last_day: Annotated[datetime, typer.Option("--to", formats=DAY, help="Last day, included.")],
    network: Annotated[Network | None, typer.Option(help="Only accounts on this network.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
) -> None:
    """Set a goal, or another target for the same metric, period and accounts."""
    from pydantic import ValidationError

    from contracts.records import Goal

    try:
        goal = Goal(
            client_id=client,
            metric=metric,
            target=target,
            first_day=first_day.date(),
            last_day=last_day.date(),
            network=network,
            account_id=account,
        )
    except ValidationError as error:
        faults = "; ".join(
            ": ".join((*map(str, e["loc"]), e["msg"].removeprefix("Value error, "))) for e in error.errors()
        )
        raise PulsoError(f"This is no goal: {faults}. Nothing was saved.") from error
    with existing_store(Settings()) as store:
        before = store.set_goal(goal, actor=OPERATOR)
    was = "" if before is None or before == goal else f" It was {before.target:g}."
    console.print(f"{goal.goal_id}: {goal.target:g}.{was} The next refresh shows how far it has come.")


@app.command("drop")
def drop(goal_id: Annotated[str, typer.Argument(help="`pulso goals list` shows them.")]) -> None:
    """Forget a goal."""
    with existing_store(Settings()) as store:
        goal = store.drop_goal(goal_id, actor=OPERATOR)
    console.print(f"Dropped {goal_id} (target {goal.target:g}). The next refresh takes it out of gold.")
