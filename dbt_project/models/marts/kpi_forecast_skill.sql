with

scores as (

    select * from {{ ref('fct_forecast_scores') }}

),

-- Spearman's correlation is Pearson's of the ranks, where equal values share the mean of their ranks.
ranks as (

    select
        client_id,
        origin,
        model_version,
        account_id,
        rank() over (partition by client_id, origin, model_version, account_id order by expected_log_engagement)
        + (count(*) over (
            partition by client_id, origin, model_version, account_id, expected_log_engagement
        ) - 1) / 2.0 as expected_rank,
        rank() over (partition by client_id, origin, model_version, account_id order by log_engagement)
        + (count(*) over (
            partition by client_id, origin, model_version, account_id, log_engagement
        ) - 1) / 2.0 as outcome_rank
    from scores

),

accounts as (

    select
        client_id,
        origin,
        model_version,
        account_id,
        -- Two points always lie on a line; a constant has no rank to follow.
        case
            when count(*) >= 3 and min(expected_rank) < max(expected_rank) and min(outcome_rank) < max(outcome_rank)
                then greatest(-1.0, least(1.0, corr(expected_rank, outcome_rank)))
        end as rank_correlation
    from ranks
    group by all

),

correlations as (

    select
        client_id,
        origin,
        model_version,
        avg(rank_correlation) as rank_correlation
    from accounts
    group by all

)

select
    scores.client_id,
    scores.origin,
    scores.model_version,
    count(*) as scored_forecasts,
    any_value(correlations.rank_correlation) as rank_correlation,
    avg(cast(scores.is_covered as integer)) as coverage_ratio,
    avg(scores.interval_level) as interval_level,
    avg(scores.absolute_error) as mean_absolute_error,
    avg(scores.error) as bias,
    min(scores.mature_at) as first_scored_at,
    max(scores.mature_at) as last_scored_at
from scores
inner join correlations
    on scores.client_id = correlations.client_id
    and scores.origin = correlations.origin
    and scores.model_version = correlations.model_version
group by scores.client_id, scores.origin, scores.model_version
