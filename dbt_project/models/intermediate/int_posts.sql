{{ config(materialized='incremental', meta={'weekly_parents': {'posts': [0, 0]}}) }}
{% set weeks = touched() %}

-- Each post once, as it was last seen, with the clock and calendar of its client.

with

latest as (

    select *
    from {{ ref('stg_networks__posts') }}
    where {{ since('observed_day', weeks) }}
    qualify row_number() over (partition by post_id order by observed_at desc, content_sha256 desc) = 1

),

-- Left: a post whose client is not exported keeps its row, and the test on its time zone says so.
placed as (

    select
        latest.*,
        clients.time_zone,
        clients.language
    from latest
    left join {{ ref('stg_pulso__clients') }} as clients on latest.client_id = clients.client_id

),

timed as (

    {{ with_local_time('placed', 'published_at') }}

),

weekly as (

    select *, {{ week_of('coalesce(cast(local_time as date), ' ~ utc_day('published_at') ~ ')') }} as week
    from timed

)

select
    client_id,
    account_id,
    network,
    post_id,
    native_id,
    permalink,
    text,
    link_url,
    link_title,
    content_format,
    media_count,
    is_reply,
    published_at,
    cast(local_time as date) as published_day,
    cast(extract(hour from local_time) as integer) as local_hour,
    {{ weekday('local_time') }} as local_weekday,
    time_zone,
    language,
    week
from weekly
where {{ within('week', weeks) }}
