with

forecasts as (

    select *
    from {{ ref('stg_pulso__forecasts') }}
    qualify row_number() over (partition by forecast_id order by forecast_at, day) = 1

),

outcomes as (

    select client_id, account_id, post_id, content_item_id, published_at, mature_engagements, mature_at
    from {{ ref('fct_posts') }}
    where mature_engagements is not null

),

-- A forecast names its post where it knows it. Otherwise it spoke about a content item: its first post from then on.
candidates as (

    select
        forecasts.*,
        outcomes.post_id as scored_post_id,
        outcomes.published_at,
        outcomes.mature_engagements,
        ln(1 + outcomes.mature_engagements) as log_engagement,
        outcomes.mature_at
    from forecasts
    inner join outcomes
        on forecasts.account_id = outcomes.account_id
        and forecasts.post_id = outcomes.post_id
    union all
    select
        forecasts.*,
        outcomes.post_id as scored_post_id,
        outcomes.published_at,
        outcomes.mature_engagements,
        ln(1 + outcomes.mature_engagements) as log_engagement,
        outcomes.mature_at
    from forecasts
    inner join outcomes
        on forecasts.account_id = outcomes.account_id
        and forecasts.content_item_id = outcomes.content_item_id
    where forecasts.post_id is null

),

scored as (

    select *
    from candidates
    -- A decision's forecast counts only if it was made before the outcome began.
    where origin != 'decision' or forecast_at < published_at
    qualify row_number() over (partition by forecast_id order by published_at, scored_post_id) = 1

)

select
    client_id,
    forecast_id,
    account_id,
    scored_post_id as post_id,
    content_item_id,
    origin,
    model_name,
    model_version,
    forecast_at,
    published_at,
    expected_log_engagement,
    lower_log_engagement,
    upper_log_engagement,
    interval_level,
    coalesce(interval_multiplier, 1) as interval_multiplier,
    mature_engagements,
    log_engagement,
    log_engagement between lower_log_engagement and upper_log_engagement as is_covered,
    abs(expected_log_engagement - log_engagement) as absolute_error,
    expected_log_engagement - log_engagement as error,
    mature_at
from scored
