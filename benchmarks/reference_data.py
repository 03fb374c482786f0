"""Where the public data sets are, for every benchmark that reads them.

Belongs here: the option and what is said when they are not there. Does not belong here: reading a set (`reference_*`).
"""

import argparse
import os
from pathlib import Path

from rich.console import Console

VARIABLE = "PULSO_REFERENCE_DATA"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """`--data`, by default what PULSO_REFERENCE_DATA names."""
    parser.add_argument("--data", type=Path, default=os.environ.get(VARIABLE), help="folder of public data sets")


def data_folder(given: Path | None, *, holding: str = "") -> Path:
    """The folder that was given, with the file that it has to hold. Says what to do and ends with 2 when it is not there."""
    if given is not None and ((given / holding).is_file() if holding else given.is_dir()):
        return given
    which = f" that holds {holding}" if holding else ""
    Console(stderr=True).print(f"Set {VARIABLE} to the folder of public data sets{which} (docs/reference-data.md).")
    raise SystemExit(2)
