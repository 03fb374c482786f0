"""The guard against a write that would shrink a table far below its last version.

Belongs here: how much less is too much. Does not belong here: whether single rows are right (checks judge those).
"""

from dataclasses import dataclass

from contracts.errors import CollapseError


@dataclass(frozen=True)
class CollapseGuard:
    """A replacement may not keep less than `min_ratio` of the rows, once there were at least `min_rows`.

    Small partitions come and go (a quiet day, one client); below `min_rows` a ratio says nothing. Half is far outside what
    deletions on a network explain, and far inside what a failed or half-finished read leaves.
    """

    min_rows: int = 20
    min_ratio: float = 0.5

    def check(self, what: str, *, before: int, after: int) -> None:
        """Raises CollapseError when `after` rows must not replace `before` rows of `what`."""
        if before >= self.min_rows and after < before * self.min_ratio:
            raise CollapseError(
                f"{what}: {after} rows would replace {before}, less than {self.min_ratio:.0%} of them. Nothing was written. "
                "If the rows are really gone, write again with allow_collapse=True."
            )
