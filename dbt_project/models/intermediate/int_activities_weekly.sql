{{ config(materialized='incremental', meta={'weekly_parents': {'fct_comments': [0, 0], 'messages': [0, 0]}}) }}
{% set weeks = touched() %}

-- What others than the account wrote, by the hour of its client's week.

with

comments as (

    select client_id, account_id, network, 'comments' as source, commented_at as active_at
    from {{ ref('fct_comments') }}
    where not is_own and {{ within('week', weeks) }}

),

messages as (

    select client_id, account_id, network, 'messages' as source, sent_at as active_at
    from {{ ref('stg_networks__messages') }}
    where not is_own and {{ since('observed_day', weeks) }}

),

everything as (

    select * from comments
    union all
    select * from messages

),

placed as (

    select everything.*, clients.time_zone
    from everything
    left join {{ ref('dim_clients') }} as clients on everything.client_id = clients.client_id

),

timed as (

    {{ with_local_time('placed', 'active_at') }}

),

of_hours as (

    select
        client_id,
        account_id,
        network,
        source,
        {{ weekday('local_time') }} as local_weekday,
        cast(extract(hour from local_time) as integer) as local_hour,
        {{ week_of('cast(local_time as date)') }} as week
    from timed

)

select
    client_id,
    account_id,
    network,
    source,
    local_weekday,
    local_hour,
    count(*) as activities,
    week
from of_hours
where {{ within('week', weeks) }}
group by client_id, account_id, network, source, local_weekday, local_hour, week
