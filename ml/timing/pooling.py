"""What an account, its peers and the clock together say about an hour: partial pooling of hour effects.

Belongs here: the hierarchical prior, its strength learned from all accounts (empirical Bayes), posterior means and deviations.
Does not belong here: the estimates that are pooled (`contrasts.py`).

Model, with effects as vectors over the 24 local hours and one kernel K over the clock (neighbouring hours are alike):

    estimate             ~ Normal(effect of the account, diag(variance)),
    effect of an account ~ Normal(effect of its group, account_scale^2 K),     a group is one network in one time zone
    effect of a group    ~ Normal(0, group_scale^2 K).

All of it is Gaussian, so means and variances are exact given the two scales. The scales are not picked: every pair of a grid counts with
its posterior weight, the marginal likelihood of the estimates times half-normal priors, so that few accounts do not make up their minds
about a scale (Gelman, "Prior distributions for variance parameters in hierarchical models", Bayesian Analysis 2006). The best of many
pooled effects needs no further correction for having been picked: a posterior mean already is what one should expect of it (Efron,
"Tweedie's formula and selection bias", JASA 2011).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ml.timing.habits import HOURS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH_HOURS = 2.0
"""Hours over which neighbouring hours are alike (standard deviation of the Gaussian kernel). This and SMOOTH_SHARE by marginal likelihood
on the first part of the public sets (docs/models/posting-time.md)."""
SMOOTH_SHARE = 0.9
"""Share of an effect's variance that neighbouring hours have in common; the rest is the hour's own."""
ACCOUNT_SCALES = (0.0, 0.04, 0.08, 0.12, 0.18, 0.27)
GROUP_SCALES = (0.0, 0.03, 0.06, 0.1, 0.16)
PRIOR_SCALES = (0.15, 0.07)
"""Of the half-normal priors of the two scales: effects of a third, of 15 % for a whole group, would be surprising."""


@dataclass(frozen=True)
class Pooled:
    """Accounts x 24: posterior mean and standard deviation of each effect (log units). `log_evidence`: of the estimates."""

    effect: Floats
    deviation: Floats
    log_evidence: float


def clock_kernel(reach_hours: float = REACH_HOURS, smooth_share: float = SMOOTH_SHARE) -> Floats:
    """24 x 24 prior correlation of hours, around the clock."""
    hours = np.arange(HOURS)
    apart = np.abs(hours[:, None] - hours[None, :])
    apart = np.minimum(apart, HOURS - apart)
    return np.asarray(smooth_share * np.exp(-0.5 * (apart / reach_hours) ** 2) + (1 - smooth_share) * np.eye(HOURS))


def pool(effect: Floats, variance: Floats, group: Ints, kernel: Floats | None = None) -> Pooled:
    """Effects of every account, from estimates and their variances (accounts x 24; infinite where nothing was published).

    `group` are codes 0 .. of the accounts' groups. An account without posts gets its group's effects, one of a new group zero.
    """
    kernel = clock_kernel() if kernel is None else kernel
    groups = [np.flatnonzero(group == code) for code in range(int(group.max(initial=-1)) + 1)]
    told = 1.0 / variance
    found: list[tuple[float, Floats, Floats]] = []
    for scales in product(ACCOUNT_SCALES, GROUP_SCALES):
        prior = -0.5 * sum((scale / wide) ** 2 for scale, wide in zip(scales, PRIOR_SCALES, strict=True))
        own, shared = (scale**2 * kernel for scale in scales)
        fit, mean, spread = _posterior(told, told * effect, groups, own, shared)
        found.append((prior + fit, mean, spread))
    logs = np.array([log_weight for log_weight, _, _ in found])
    weights = np.exp(logs - logs.max())
    evidence = float(np.log(weights.mean()) + logs.max())
    weights /= weights.sum()
    mean, second = np.zeros((len(group), HOURS)), np.zeros((len(group), HOURS))
    for weight, (_, one_mean, one_spread) in zip(weights, found, strict=True):
        mean += weight * one_mean
        second += weight * (one_spread + one_mean**2)
    return Pooled(mean, np.sqrt(np.maximum(second - mean**2, 0.0)), evidence)


def _posterior(
    precision: Floats, weighted: Floats, groups: Sequence[Ints], own: Floats, shared: Floats
) -> tuple[float, Floats, Floats]:
    """Log likelihood (up to a constant), means and variances of the effects for given prior covariances of accounts and groups.

    `precision` (accounts x 24) and `weighted`, precision times estimate, are what the estimates say.
    """
    eye = np.eye(HOURS)
    # theta ~ Normal(mu, own) has, given mu, mean `shrink @ mu + spread @ weighted` and covariance `spread`.
    shrink = np.linalg.inv(eye + own * precision[:, None, :])
    spread = shrink @ own
    settled = (spread @ weighted[..., None])[..., 0]
    turned = np.swapaxes(shrink, 1, 2)
    about_group = turned * precision[:, None, :]
    said = (turned @ weighted[..., None])[..., 0]
    log_fit = 0.5 * float((weighted * settled).sum() + np.linalg.slogdet(shrink)[1].sum())
    mean, variance = np.empty_like(settled), np.empty_like(settled)
    for members in groups:
        update = np.linalg.inv(eye + shared @ about_group[members].sum(axis=0))
        unsure = update @ shared
        total = said[members].sum(axis=0)
        centre = unsure @ total
        log_fit += 0.5 * float(total @ centre + np.linalg.slogdet(update)[1])
        mean[members] = settled[members] + shrink[members] @ centre
        variance[members] = np.diagonal(spread[members], axis1=1, axis2=2) + (
            (shrink[members] @ unsure) * shrink[members]
        ).sum(axis=-1)
    return log_fit, mean, np.maximum(variance, 0.0)
