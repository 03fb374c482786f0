{{ config(materialized='incremental', meta={'daily_parents': {
    'fct_post_metrics_daily': [0, 0], 'account_metrics': [0, 0], 'accounts': [0, 0]
}}) }}
{% set days = touched() %}

-- Of how many posts and accounts each network told each metric, day by day, over all clients.

select
    'post' as grain,
    network,
    metric,
    day,
    count(*) as units
from {{ ref('fct_post_metrics_daily') }}
where {{ since('day', days, days=0) }} and {{ within('day', days) }}
group by network, metric, day
union all
select
    'account_day' as grain,
    network,
    metric,
    day,
    count(*) as units
from {{ ref('stg_networks__account_metrics') }}
where {{ since('day', days, days=0) }} and {{ within('day', days) }}
group by network, metric, day
union all
select
    'account' as grain,
    accounts.network,
    told.metric,
    accounts.observed_day as day,
    count(distinct accounts.account_id) as units
from {{ ref('stg_networks__accounts') }} as accounts
cross join (values ('profile'), ('followers')) as told(metric)
where {{ within('accounts.observed_day', days) }} and (told.metric = 'profile' or accounts.followers is not null)
group by accounts.network, told.metric, accounts.observed_day
