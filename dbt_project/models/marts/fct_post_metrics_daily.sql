{{ config(materialized='incremental', meta={'daily_parents': {'post_metrics_by_observation': [0, 7]}}) }}
{% set days = touched() %}

with

observations as (

    select
        metrics.client_id,
        metrics.account_id,
        metrics.network,
        metrics.post_id,
        metrics.metric,
        clients.time_zone,
        metrics.value,
        metrics.observed_at,
        metrics.is_backfilled
    from {{ ref('stg_networks__post_metrics') }} as metrics
    left join {{ ref('dim_clients') }} as clients on metrics.client_id = clients.client_id
    where {{ since('metrics.observed_day', days) }}

),

timed as (

    {{ with_local_time('observations', 'observed_at') }}

),

of_days as (

    select *, cast(local_time as date) as day
    from timed

),

last_of_day as (

    select
        client_id,
        account_id,
        network,
        post_id,
        metric,
        day,
        max_by(value, observed_at) as value,
        max(observed_at) as observed_at,
        max_by(is_backfilled, observed_at) as is_backfilled,
        {{ week_of('day') }} as week
    from of_days
    where {{ within('day', days) }}
    group by client_id, account_id, network, post_id, metric, day

),

-- With what the days before had, so that the first ones have a day before them.
in_order as (

    select * from last_of_day
    {% if days %}
    union all
    select client_id, account_id, network, post_id, metric, day, value, observed_at, is_backfilled, week
    from {{ this }}
    where {{ within('day', with_before(days, 7) | reject('in', days) | list) }}
    {% endif %}

),

compared as (

    select
        *,
        lag(value) over (partition by post_id, metric order by day) as value_before,
        lag(day) over (partition by post_id, metric order by day) as day_before
    from in_order

)

select
    client_id,
    account_id,
    network,
    post_id,
    metric,
    day,
    value,
    -- Counts can fall: people take back a like, networks remove fake ones. A fall is a revision and stays a negative difference.
    case when day_before >= day - 7 then value - value_before end as delta,
    -- So deep a fall revises nothing: the network counts anew, or erred. Its difference stays, too, so that differences add up to the count.
    coalesce(value_before >= {{ var('reset_from') }} and value < value_before * {{ var('reset_below') }} and day_before >= day - 7, false) as is_reset,
    observed_at,
    is_backfilled,
    week
from compared
where {{ within('day', days) }}
