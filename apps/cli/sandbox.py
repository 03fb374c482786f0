"""The local server that answers as the networks do."""

import time
from typing import Annotated

import typer

from apps.cli.console import console
from contracts.settings import Settings

app = typer.Typer(help="The local server that answers as the networks do.", no_args_is_help=True)


@app.command("start")
def start(seed: Annotated[int, typer.Option(help="Seed of a new world; a kept one has its own.")] = 7) -> None:
    """Run this home's sandbox in the foreground."""
    from apps.sandbox_process import running_sandbox
    from apps.worlds import replayed_posts

    settings = Settings()
    with running_sandbox(settings, posts=replayed_posts(settings), seed=seed) as sandbox:
        console.print(f"Sandbox at {sandbox.url}, its time is {sandbox.now():%a %d %b %Y %H:%M} UTC. Ctrl-C ends it.")
        try:
            while sandbox.is_up():
                time.sleep(1)
        except KeyboardInterrupt:
            console.print("Stopped; its state stays.")


@app.command("advance")
def advance(hours: Annotated[float, typer.Argument(min=0)]) -> None:
    """Move the clock of the running sandbox forward."""
    from apps.sandbox_process import Sandbox
    from contracts.errors import NotReadyError

    sandbox = Sandbox(Settings().sandbox_url)
    if not sandbox.is_up():
        raise NotReadyError(f"No sandbox runs at {sandbox.url}: `pulso sandbox start` or `pulso ui` starts it.")
    console.print(f"It is now {sandbox.advance(hours * 3600):%a %d %b %Y %H:%M} UTC.")
