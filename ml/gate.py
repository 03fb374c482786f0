"""The gate that a model passes to become champion: better than what is simple and than the present champion by more than noise.

Belongs here: the rule, which is the same for all families of models. Does not belong here: what is compared, and on which rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ml.evaluation import CHAMPION, Difference

MIN_GAIN = 0.02
"""What a challenger has to win over the champion, in rank correlation or in log units of error: less is not worth a change of model."""


@dataclass(frozen=True)
class Gate:
    """Whether a model may become champion, and each reason in a sentence."""

    is_passed: bool
    reasons: tuple[str, ...]


def gate(differences: Sequence[Difference], *, min_gain: float = MIN_GAIN, objections: Iterable[str] = ()) -> Gate:
    """Better than every baseline, with intervals that exclude zero; better than the champion (where there is one) so in one figure, by at
    least `min_gain`, and in no other worse by more than noise.

    A figure that cannot be computed decides nothing. `objections`: what speaks against the model besides.
    """
    reasons = list(objections)
    known = [difference for difference in differences if difference.is_known]
    reasons += [
        f"{told(difference)} against {difference.baseline}: not better by more than noise"
        for difference in known
        if difference.baseline != CHAMPION and not difference.is_better
    ]
    has_champion = any(difference.baseline == CHAMPION for difference in differences)
    if has_champion:
        reasons += _against_champion([difference for difference in known if difference.baseline == CHAMPION], min_gain)
    if reasons:
        return Gate(is_passed=False, reasons=tuple(reasons))
    beaten = "every baseline" + (" and the champion" if has_champion else "")
    return Gate(is_passed=True, reasons=(f"better than {beaten}",))


def may_stand_in(differences: Sequence[Difference], *, min_gain: float = MIN_GAIN) -> bool:
    """Whether a simple rule takes the champion's place: it has to win what any challenger has to, and is itself what they are compared with.

    `differences`: the rule's, on the held-out rows. Without one against the champion it does not.
    """
    return not any(
        _against_champion([gap for gap in differences if gap.is_known and gap.baseline == CHAMPION], min_gain)
    )


def _against_champion(differences: list[Difference], min_gain: float) -> Iterator[str]:
    for difference in differences:
        if difference.is_worse:
            yield f"{told(difference)} against the champion: worse"
    if not any(difference.is_better and difference.gain >= min_gain for difference in differences):
        said = ", ".join(told(difference) for difference in differences)
        yield f"{said} against the champion: one of them has to gain {min_gain:g}, and by more than noise"


def told(difference: Difference) -> str:
    """A difference and its interval, for people."""
    name = "rank correlation" if difference.metric == "rank_correlation" else "MAE"
    return f"{name} {difference.difference:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
