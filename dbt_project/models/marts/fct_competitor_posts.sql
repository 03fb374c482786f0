{{ config(materialized='incremental', meta={'weekly_parents': {'competitor_posts': [0, 0], 'competitors': [0, 0]}}) }}
{% set weeks = touched() %}

with

latest as (

    select *
    from {{ ref('stg_public_pages__competitor_posts') }}
    where {{ since('observed_day', weeks, days=2) }}
    qualify row_number() over (partition by competitor_post_id order by observed_at desc) = 1

),

-- A rival's post belongs to nobody: it appears once for each client that watches the rival.
watched as (

    select
        watchers.client_id,
        latest.*,
        clients.time_zone
    from latest
    inner join {{ ref('stg_pulso__competitors') }} as watchers on latest.competitor_id = watchers.competitor_id
    left join {{ ref('dim_clients') }} as clients on watchers.client_id = clients.client_id

),

timed as (

    {{ with_local_time('watched', 'published_at') }}

),

weekly as (

    select *, {{ week_of('cast(local_time as date)') }} as week
    from timed

)

select
    client_id,
    competitor_id,
    network,
    handle,
    competitor_post_id,
    permalink,
    text,
    published_at,
    likes,
    comments,
    {{ sum_of_known(['likes', 'comments']) }} as engagements,
    followers,
    observed_at,
    week
from weekly
where {{ within('week', weeks) }}
