{{ config(materialized='incremental', meta={'weekly_parents': {'fct_post_metrics_daily': [0, 0], 'account_metrics': [0, 0]}}) }}
{% set weeks = touched() %}

-- How many posts each network told each count of, and how many accounts it reported each metric of, day by day, over all clients.

select
    'post' as grain,
    network,
    metric,
    day,
    count(*) as units,
    week
from {{ ref('fct_post_metrics_daily') }}
where {{ within('week', weeks) }}
group by network, metric, day, week
union all
select
    'account_day' as grain,
    network,
    metric,
    day,
    count(*) as units,
    {{ week_of('day') }} as week
from {{ ref('stg_networks__account_metrics') }}
where {{ since('day', weeks, days=0) }} and {{ within(week_of('day'), weeks) }}
group by network, metric, day
