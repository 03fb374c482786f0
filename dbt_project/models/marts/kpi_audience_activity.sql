with

comments as (

    select client_id, account_id, network, 'comments' as source, commented_at as active_at, week
    from {{ ref('fct_comments') }}
    where not is_own

),

messages as (

    select
        messages.client_id,
        messages.account_id,
        messages.network,
        'messages' as source,
        messages.sent_at as active_at,
        {{ week_of(local_time('messages.sent_at', 'clients.time_zone')) }} as week
    from {{ ref('stg_networks__messages') }} as messages
    left join {{ ref('dim_clients') }} as clients on messages.client_id = clients.client_id
    where not messages.is_own

),

everything as (

    select * from comments
    union all
    select * from messages

),

newest as (

    select client_id, max(week) as week
    from {{ ref('fct_posts') }}
    group by client_id

),

recent as (

    select everything.*, clients.time_zone
    from everything
    inner join newest on everything.client_id = newest.client_id
    left join {{ ref('dim_clients') }} as clients on everything.client_id = clients.client_id
    where everything.week > newest.week - {{ 7 * var('posting_times_weeks') }}

),

timed as (

    {{ with_local_time('recent', 'active_at') }}

),

counted as (

    select
        client_id,
        account_id,
        network,
        source,
        {{ weekday('local_time') }} as local_weekday,
        cast(extract(hour from local_time) as integer) as local_hour,
        count(*) as activities
    from timed
    group by all

)

select
    client_id,
    account_id,
    network,
    source,
    local_weekday,
    local_hour,
    activities,
    cast(activities as double) / sum(activities) over (partition by account_id, source) as share_of_activities
from counted
