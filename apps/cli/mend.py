"""Make an item fit its network, as the calendar does."""

from typing import Annotated

import typer

from apps.cli.console import EVERYONE, OPERATOR, console, existing_store
from contracts.settings import Settings

app = typer.Typer()


@app.command()
def mend(
    item: Annotated[str, typer.Argument(help="Id of a content item; `pulso troubles` shows some.")],
    save: Annotated[bool, typer.Option("--save", help="Save it as a new revision, to be approved again.")] = False,
    may_shorten: Annotated[bool, typer.Option("--may-shorten", help="The end of a film may be cut off.")] = False,
) -> None:
    """Show what would make an item fit its network: refitted pictures and films, a long text as a thread."""
    from apps.media_tools import local_mender
    from operations.mending import mend as made_to_fit
    from policy import limits_for

    settings = Settings()
    with existing_store(settings) as store:
        view = store.item(EVERYONE, item)
        limits = limits_for(view.item.network, store.terms(EVERYONE).get(view.item.account_id))
        mended = made_to_fit(view.item, local_mender(settings.home), limits=limits, may_shorten=may_shorten)
        for change in mended.changes:
            console.print(f"  {change}", markup=False)
        for failure in mended.failures:
            console.print(f"  not mended: {failure}", markup=False)
        if not mended.changes:
            console.print("Nothing to change.")
            return
        if not save:
            console.print(f"Nothing is saved yet: `pulso mend {item} --save` makes a new revision of it.")
            return
        after = mended.item
        store.edit(
            item,
            actor=OPERATOR,
            revision=view.item.revision,
            text=after.text,
            media=after.media,
            content_format=after.content_format,
            options=after.options,
        )
    console.print("Saved as a new revision. Approve it in the calendar (`pulso ui`).")
