{% set by_model = 'client_id, origin, model_name, model_version, week' %}

with

forecasts as (

    select *
    from {{ ref('stg_pulso__forecasts') }}
    qualify row_number() over (partition by forecast_id order by forecast_at, day) = 1

),

placed as (

    select
        forecasts.*,
        {{ week_of(local_time('forecasts.forecast_at', 'clients.time_zone')) }} as week
    from forecasts
    left join {{ ref('dim_clients') }} as clients on forecasts.client_id = clients.client_id

),

matured as (

    select
        account_id,
        mature_at,
        ln(1 + mature_engagements) as log_engagement,
        row_number() over (partition by account_id order by mature_at, post_id) as number
    from {{ ref('fct_posts') }}
    where mature_engagements is not null

),

matured_by as (

    select account_id, mature_at, max(number) as posts_matured
    from matured
    group by account_id, mature_at

),

-- What needs no model: the median of the account's last 30 posts that had matured when the forecast was made.
baselines as (

    select scores.forecast_id, median(matured.log_engagement) as account_median
    from {{ ref('fct_forecast_scores') }} as scores
    {{ asof_left_join('matured_by', 'matured_by', key={'account_id': 'scores.account_id'}, moment='mature_at', upto='scores.forecast_at') }}
    inner join matured
        on scores.account_id = matured.account_id
        and matured.number between matured_by.posts_matured - 29 and matured_by.posts_matured
    group by scores.forecast_id

),

scored as (

    select
        scores.*,
        placed.week,
        scores.log_engagement - scores.expected_log_engagement as above,
        abs(baselines.account_median - scores.log_engagement) as baseline_error
    from {{ ref('fct_forecast_scores') }} as scores
    inner join placed on scores.forecast_id = placed.forecast_id
    left join baselines on scores.forecast_id = baselines.forecast_id

),

-- Loss of a stated quantile: what lies beyond it weighs by how rare that was said to be.
losses as (

    select
        *,
        (
            abs(above) / 2
            + greatest(
                (1 - interval_level) / 2 * (log_engagement - lower_log_engagement),
                (1 + interval_level) / 2 * (lower_log_engagement - log_engagement)
            )
            + greatest(
                (1 + interval_level) / 2 * (log_engagement - upper_log_engagement),
                (1 - interval_level) / 2 * (upper_log_engagement - log_engagement)
            )
        ) / 3 as pinball_loss
    from scored

),

-- Spearman's correlation is Pearson's of the ranks, where equal values share the mean of their ranks.
ranks as (

    select
        {{ by_model }},
        account_id,
        rank() over (partition by {{ by_model }}, account_id order by expected_log_engagement)
        + (count(*) over (partition by {{ by_model }}, account_id, expected_log_engagement) - 1) / 2.0 as expected_rank,
        rank() over (partition by {{ by_model }}, account_id order by log_engagement)
        + (count(*) over (partition by {{ by_model }}, account_id, log_engagement) - 1) / 2.0 as outcome_rank
    from scored

),

accounts as (

    select
        {{ by_model }},
        account_id,
        case
            when count(*) >= 3 and min(expected_rank) < max(expected_rank) and min(outcome_rank) < max(outcome_rank)
                then greatest(-1.0, least(1.0, corr(expected_rank, outcome_rank)))
        end as rank_correlation
    from ranks
    group by {{ by_model }}, account_id

),

correlations as (

    -- Rounded, so that what cancels out is zero in whatever order it was added.
    select {{ by_model }}, round(avg(rank_correlation), 12) as rank_correlation
    from accounts
    group by {{ by_model }}

),

quality as (

    select
        {{ by_model }},
        count(*) as scored_forecasts,
        avg(absolute_error) as mean_absolute_error,
        avg(error) as bias,
        avg(pinball_loss) as mean_pinball_loss,
        avg(cast(is_covered as integer)) as coverage_ratio,
        avg(interval_level) as interval_level,
        avg(baseline_error) as baseline_mean_absolute_error,
        1 - sum(absolute_error) filter (where baseline_error is not null)
        / case when sum(baseline_error) > 0 then sum(baseline_error) end as skill_over_baseline
    from losses
    group by {{ by_model }}

),

made as (

    select {{ by_model }}, count(*) as forecasts
    from placed
    group by {{ by_model }}

)

select
    made.client_id,
    made.origin,
    made.model_name,
    made.model_version,
    made.week,
    made.forecasts,
    coalesce(quality.scored_forecasts, 0) as scored_forecasts,
    quality.mean_absolute_error,
    quality.bias,
    quality.mean_pinball_loss,
    quality.coverage_ratio,
    quality.interval_level,
    correlations.rank_correlation,
    quality.baseline_mean_absolute_error,
    quality.skill_over_baseline
from made
left join quality using ({{ by_model }})
left join correlations using ({{ by_model }})
