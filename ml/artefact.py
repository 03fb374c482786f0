"""A fitted model as a file that runs no code when it is read.

Belongs here: writing and reading such a file, and refusing what another release or somebody else wrote. Does not belong here: what of a
model goes into it (the model's own `save` and `load`), where files are kept (`ml/registry.py`).
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import NotReadyError

TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
"""The one type of a booster that skops does not trust by itself."""
CATEGORIES = ("functools.partial", "sklearn.utils.validation.check_array")
"""What a booster with categories holds besides. A partial is of what is trusted itself: of any other function it is refused."""
_FORMAT = "format_version"


def write(content: Mapping[str, Any], path: Path, *, format_version: int) -> None:
    """One skops file of plain values, arrays and estimators (no pickle inside)."""
    import skops.io  # type: ignore[import-untyped]  # takes seconds, as it imports all of scikit-learn

    skops.io.dump({_FORMAT: format_version, **content}, path, compression=zipfile.ZIP_DEFLATED)


def read(path: Path, *, format_version: int, trusted: tuple[str, ...], what: str) -> dict[str, Any]:
    """What `write` was given. Types that neither skops nor `trusted` trusts are refused.

    Raises NotReadyError, which names `what` the file is, when it is of another format version.
    """
    import skops.io

    content: dict[str, Any] = skops.io.load(path, trusted=list(trusted))
    if content.pop(_FORMAT) != format_version:
        raise NotReadyError(f"this {what} was saved by another version of Pulso; train it again")
    return content
