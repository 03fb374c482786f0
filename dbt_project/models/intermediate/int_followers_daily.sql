{{ config(materialized='incremental', meta={'weekly_parents': {'accounts': [0, 0]}}) }}
{% set weeks = touched() %}

-- The last known follower count of each account on each client-local day on which it was observed.

with

observations as (

    select
        accounts.client_id,
        accounts.account_id,
        accounts.network,
        clients.time_zone,
        accounts.followers,
        accounts.observed_at
    from {{ ref('stg_networks__accounts') }} as accounts
    inner join {{ ref('stg_pulso__clients') }} as clients on accounts.client_id = clients.client_id
    where accounts.followers is not null and {{ since('accounts.observed_day', weeks) }}

),

timed as (

    {{ with_local_time('observations', 'observed_at') }}

),

of_days as (

    select *, cast(local_time as date) as day
    from timed

)

select
    max_by(client_id, observed_at) as client_id,
    account_id,
    max_by(network, observed_at) as network,
    day,
    max_by(followers, observed_at) as followers,
    max(observed_at) as observed_at,
    {{ week_of('day') }} as week
from of_days
where {{ within(week_of('day'), weeks) }}
group by account_id, day
