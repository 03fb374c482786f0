"""The model card: what a model is for, how good it is, where it fails, as Markdown.

Belongs here: rendering of an evaluation. Does not belong here: computing it (`ml/evaluation.py`).
"""

from datetime import datetime

from ml.engagement import EngagementModel
from ml.evaluation import CHAMPION, Evaluation, Metrics

_NAMES = {
    "account_median": "account's trailing median",
    "account_format_median": "account x format median",
    "account_hour_of_week_mean": "account x hour of week",
    CHAMPION: "present champion",
}
_METRICS = {"rank_correlation": "within-account ρ", "mean_absolute_error": "MAE"}


def figures(evaluation: Evaluation) -> str:
    """Tables of the model against its baselines, of the differences, and of the interval."""
    rows = [("**model**", evaluation.model)]
    rows += [(_NAMES.get(name, name), metrics) for name, metrics in evaluation.baselines.items()]
    if evaluation.champion is not None:
        rows.append((_NAMES[CHAMPION], evaluation.champion))
    interval = evaluation.interval
    return "\n".join(
        [
            (
                f"Trained on {evaluation.train_rows:,} posts known by {evaluation.cutoff:%Y-%m-%d %H:%M} UTC, scored on "
                f"{evaluation.model.rows:,} posts from then on; {evaluation.model.ranked_accounts} accounts have enough test posts "
                "to be ranked. Errors are in units of log(1 + engagements)."
            ),
            "",
            "| method | within-account ρ | pooled ρ | MAE (log) | AUC, best quarter, within | pooled |",
            "|---|---|---|---|---|---|",
            *[_row(name, metrics) for name, metrics in rows],
            "",
            f"Model minus baseline, 95 % interval of a paired bootstrap ({evaluation.resamples} draws of accounts and weeks):",
            "",
            "| baseline | metric | difference | interval | better |",
            "|---|---|---|---|---|",
            *[
                f"| {_NAMES.get(item.baseline, item.baseline)} | {_METRICS[item.metric]} | {item.difference:+.3f} "
                f"| {item.low:+.3f} to {item.high:+.3f} | {'yes' if item.is_better else 'no'} |"
                for item in evaluation.differences
            ],
            "",
            (
                f"The {interval.level:.0%} interval covers {interval.coverage_ratio:.1%} of outcomes; by account "
                f"{interval.by_account_low:.1%} to {interval.by_account_high:.1%} (10 % and 90 % quantiles over accounts). Mean "
                f"width {interval.mean_width:.2f} log units, interval score {interval.interval_score:.2f}."
            ),
        ]
    )


def _row(name: str, metrics: Metrics) -> str:
    return (
        f"| {name} | {metrics.rank_correlation:.3f} | {metrics.pooled_rank_correlation:.3f} "
        f"| {metrics.mean_absolute_error:.3f} | {metrics.auc_top_quartile:.3f} | {metrics.pooled_auc_top_quartile:.3f} |"
    )


def model_card(model: EngagementModel, evaluation: Evaluation | None, *, trained_at: datetime) -> str:
    """The whole card. `evaluation` is None when too little had matured to hold anything out; the card then says so."""
    measured = (
        figures(evaluation)
        if evaluation is not None
        else "Not measured: too few posts have matured to hold some out. Take the forecast as a rough guess."
    )
    choices = "\n".join(
        f"- {name}: {error:.3f}" for name, error in sorted(model.validation_errors.items(), key=lambda item: item[1])
    )
    return f"""# Engagement model

Trained {trained_at:%Y-%m-%d %H:%M} UTC: {model.reason}. {model.trained_accounts} accounts.

## Use
Forecasts log(1 + likes + comments + shares + saves + quotes) of a post once it has matured, before it is published, with an
80 % interval. Meant for ranking drafts and slots of one account and for saying what to expect. Not meant for comparing
accounts or networks, for judging people, or as proof that a choice caused an outcome.

## Inputs
The account's own posts that had matured by then, the text and format of the post, and its planned local time. No outcome of
a post that had not matured, no count taken later, nothing about the audience. Words enter as hashes; the artefact holds none.
Weights are learned from all accounts together, history features from the account's own posts only.

## Figures
{measured}

## How it was chosen
Mean absolute error of each candidate on the newest part of the training posts:

{choices}

## Limits
- The interval is a factor of several either way: show it and the rank, never the point alone.
- Timing explains very little of engagement; what the model says about hours is mostly habit of the past.
- A jump in an account's level (a new audience, a campaign, a change by the network) is seen only after posts have matured.
- Part of what words predict is their topic and the news of the day, so a wording is not the cause of its forecast.
"""
