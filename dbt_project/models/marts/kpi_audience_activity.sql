with

newest as (

    select client_id, max(week) as week
    from {{ ref('fct_posts') }}
    group by client_id

),

counted as (

    select
        activities.client_id,
        activities.account_id,
        activities.network,
        activities.source,
        activities.local_weekday,
        activities.local_hour,
        {{ total('activities.activities') }} as activities
    from {{ ref('int_activities_weekly') }} as activities
    inner join newest on activities.client_id = newest.client_id
    where activities.week > newest.week - {{ 7 * var('posting_times_weeks') }}
    group by
        activities.client_id,
        activities.account_id,
        activities.network,
        activities.source,
        activities.local_weekday,
        activities.local_hour

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
