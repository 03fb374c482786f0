"""Models: rounds of training, one of them once more, and back to the champion before."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.console import console, require_home, table_of
from contracts.settings import Settings

if TYPE_CHECKING:
    from ml.families import Family
    from ml.registry import Round


class FamilyName(StrEnum):
    """`ml.families.FAMILIES` by name; named here too, so that asking for help imports no library of models."""

    ENGAGEMENT = "engagement"
    POPULARITY = "popularity"


FamilyOption = Annotated[FamilyName, typer.Option("--model", help="Which of the models that are trained.")]

app = typer.Typer(help="Models: rounds of training, and which of them is champion.", no_args_is_help=True)


def _uri() -> str:
    """Where the models are. Raises NotReadyError where there is no home yet: asking makes no empty registry."""
    settings = Settings()
    require_home(settings)
    return settings.mlflow_uri


def _family(name: FamilyName) -> "Family[Any]":
    from ml.families import FAMILIES

    return FAMILIES[name]


@app.command("list")
def show(model: FamilyOption = FamilyName.ENGAGEMENT) -> None:
    """All rounds of training, newest first, and what came of each."""
    from ml.registry import rounds

    known = rounds(_family(model), _uri())
    table = table_of("version", "trained", "kind", "MAE", "rank correlation", "state", "run")
    for round_ in known:
        figures = (round_.figures.get(f"model/{name}") for name in ("mean_absolute_error", "rank_correlation"))
        told = ("" if value is None else f"{value:.3f}" for value in figures)
        row = round_.version, f"{round_.trained_at:%Y-%m-%d %H:%M}", round_.kind, *told, _state(round_)
        table.add_row(*row, round_.run_id)
    if not known:
        console.print(f"No {model} model has been trained yet: `pulso run`, or materialize models/{model}_model.")
        return
    console.print(table)
    console.print(f"Version {known[0].version}: {known[0].reasons}.")


def _state(round_: "Round") -> str:
    told = round_.state.replace("_", " ")
    return told if round_.withdrawn is None or round_.is_champion else f"taken back: {round_.withdrawn}"


@app.command("card")
def card(model: FamilyOption = FamilyName.ENGAGEMENT) -> None:
    """The champion's model card: what it is for, how good it is, where it fails."""
    from rich.markdown import Markdown

    from ml.registry import champion_card

    console.print(Markdown(champion_card(_family(model), _uri())))


@app.command("repeat")
def repeat_command(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Of MLflow; `pulso model list` shows them.")],
    model: FamilyOption = FamilyName.ENGAGEMENT,
) -> None:
    """Train a round again on the very rows that it had, and compare every figure. Registers nothing."""
    from apps.model_rounds import repeat
    from lakehouse import open_lake
    from ml.registry import round_of

    family, uri = _family(model), _uri()
    round_ = round_of(family, uri, run_id)
    found = repeat(family, round_, open_lake(Settings()), uri=uri)
    table = table_of("figure", "then", "now", "same", title=f"Version {round_.version}, once more")
    differing = set(found.differing)
    for name in sorted({*found.then, *found.now}):
        told = ("missing" if value is None else f"{value:.6g}" for value in (found.then.get(name), found.now.get(name)))
        table.add_row(name, *told, "no" if name in differing else "yes")
    console.print(table)
    where = f"{found.inputs.table}, version {found.inputs.table_version}"
    if found.is_identical:
        console.print(f"[green]Identical[/green]: the rows ({where}) and all {len(found.now)} figures.")
        return
    console.print(
        f"Rows: {'the same' if found.is_same_frame else 'other ones'} ({where}). Other figures: {len(differing)}."
    )
    for name, (then, now) in found.changed_libraries.items():
        console.print(f"{name} was {then} and is {now}.")
    raise typer.Exit(1)


@app.command("rollback")
def rollback(
    reason: Annotated[str, typer.Argument(help="Why; kept with the version that goes.")],
    model: FamilyOption = FamilyName.ENGAGEMENT,
) -> None:
    """Take the champion back: forecasts come from the one before it from now on."""
    from ml.registry import roll_back

    gone, back = roll_back(_family(model), _uri(), reason=reason)
    console.print(
        f"Version {gone.version} is no longer champion; version {back.version} ({back.kind}, trained "
        f"{back.trained_at:%Y-%m-%d}) is. The next forecasts are its own."
    )
