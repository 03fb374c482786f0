with

observations as (

    select
        posts.client_id,
        posts.account_id,
        posts.network,
        posts.post_id,
        metrics.metric,
        {{ local_day('metrics.observed_at', 'posts.time_zone') }} as day,
        metrics.value,
        metrics.observed_at,
        metrics.is_backfilled
    from {{ ref('stg_networks__post_metrics') }} as metrics
    inner join {{ ref('int_posts') }} as posts on metrics.post_id = posts.post_id

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
        max_by(is_backfilled, observed_at) as is_backfilled
    from observations
    group by all

)

select
    client_id,
    account_id,
    network,
    post_id,
    metric,
    day,
    value,
    -- Counts can fall: people take back a like, networks remove fake ones. A fall stays a negative difference.
    value - lag(value) over (partition by post_id, metric order by day) as delta,
    observed_at,
    is_backfilled
from last_of_day
