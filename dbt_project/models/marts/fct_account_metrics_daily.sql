{{ config(materialized='incremental', meta={'weekly_parents': {'account_metrics': [0, 0], 'int_followers_daily': [0, 0]}}) }}
{% set weeks = touched() %}

with

reported as (

    select
        metrics.client_id,
        metrics.account_id,
        metrics.network,
        metrics.metric,
        metrics.day,
        metrics.value,
        'reported' as kind,
        metrics.observed_at,
        contracts.day_boundary as day_zone,
        {{ week_of('metrics.day') }} as week
    from {{ ref('stg_networks__account_metrics') }} as metrics
    left join {{ ref('metric_contracts') }} as contracts
        on metrics.network = contracts.network
        and metrics.metric = contracts.metric
        and contracts.grain = 'account_day'
    where {{ since('metrics.day', weeks, days=0) }} and {{ within(week_of('metrics.day'), weeks) }}

),

observed as (

    select
        followers.client_id,
        followers.account_id,
        followers.network,
        'followers' as metric,
        followers.day,
        followers.followers as value,
        'observed' as kind,
        followers.observed_at,
        clients.time_zone as day_zone,
        followers.week
    from {{ ref('int_followers_daily') }} as followers
    left join {{ ref('dim_clients') }} as clients on followers.client_id = clients.client_id
    where {{ within('followers.week', weeks) }}

),

metrics as (

    select * from reported
    union all
    select * from observed

),

-- Days have 23, 24 or 25 hours, and begin when their own zone says so. Looked up once for each, not row by row.
bounds as (

    select
        day,
        day_zone,
        {{ start_of_day('day', 'day_zone') }} as day_begins_at,
        {{ start_of_day('day + 1', 'day_zone') }} as day_ends_at
    from (select distinct day, day_zone from metrics)

)

select
    metrics.client_id,
    metrics.account_id,
    metrics.network,
    metrics.metric,
    metrics.day,
    metrics.value,
    metrics.kind,
    metrics.day_zone,
    bounds.day_begins_at,
    bounds.day_ends_at,
    metrics.observed_at,
    metrics.week
from metrics
left join bounds on metrics.day = bounds.day and metrics.day_zone = bounds.day_zone
