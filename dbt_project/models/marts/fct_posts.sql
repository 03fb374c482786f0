{{ config(materialized='incremental', meta={'weekly_parents': {'int_posts': [0, 0], 'int_post_counts': [0, 0], 'accounts': [1, 4], 'action_ledger': [0, 0], 'int_metric_silences': [2, 0]}}) }}
{% set weeks = touched() %}
{% set counts = ['likes', 'comments', 'shares', 'saves', 'quotes', 'reach', 'views', 'impressions', 'clicks'] %}
{% set interactions = "('likes', 'comments', 'shares', 'saves', 'quotes')" %}

with

posts as (

    select * from {{ ref('int_posts') }}
    where {{ within('week', weeks) }}

),

counts as (

    select * from {{ ref('int_post_counts') }}
    where {{ within('week', weeks) }}

),

counted as (

    select
        posts.network,
        posts.published_day,
        posts.time_zone,
        counts.*
    from posts
    inner join counts on posts.post_id = counts.post_id

),

silences as (

    select * from {{ ref('int_metric_silences') }}
    where grain = 'post' and sent_with = 'all'

),

-- Counts that the post lacks because its network had stopped sending them.
lacking as (

    select counted.post_id, silences.metric
    from counted
    inner join silences
        on counted.network = silences.network
        and counted.published_day between silences.last_received_day and silences.through_day
        and counted.week >= silences.week - 7
    where
        {% for count in counts %}
        {{ 'or ' if not loop.first }}(silences.metric = '{{ count }}' and counted.{{ count }} is null)
        {% endfor %}

),

-- A sum without one of its parts is no sum: engagements lack what any of theirs lacks.
missing as (

    select post_id, array_sort(array_agg(distinct metric)) as missing_counts
    from (
        select post_id, metric from lacking
        union all
        select post_id, 'engagements' as metric from lacking where metric in {{ interactions }}
    )
    group by post_id

),

-- Posts whose mature outcome would lack a part: it was looked at while the network sent it to nobody.
unfinished as (

    select counted.post_id
    from counted
    inner join silences
        on counted.network = silences.network
        and {{ 'cast(' ~ local_time('counted.matured_observed_at', 'counted.time_zone') ~ ' as date)' }} between silences.from_day and silences.through_day
        and counted.published_day >= {{ 'cast(' ~ local_time('counted.matured_observed_at', 'counted.time_zone') ~ ' as date)' }} - 14
    where silences.metric in {{ interactions }}
    union
    select post_id
    from lacking
    where metric in {{ interactions }}

),

valued as (

    select
        counts.post_id,
        {% for count in counts %}
        counts.{{ count }},
        {% endfor %}
        counts.metrics_observed_at,
        counts.is_backfilled,
        missing.missing_counts,
        case when not coalesce(array_contains(missing.missing_counts, 'engagements'), false) then counts.engagements end as engagements,
        case when unfinished.post_id is null then counts.mature_engagements end as mature_engagements,
        case when unfinished.post_id is null then counts.mature_at end as mature_at,
        case when unfinished.post_id is null then counts.matured_observed_at end as matured_observed_at
    from counts
    left join missing on counts.post_id = missing.post_id
    left join unfinished on counts.post_id = unfinished.post_id

),

followers as (

    select account_id, observed_at, followers
    from {{ ref('stg_networks__accounts') }}
    where followers is not null and {{ since('observed_day', weeks, days=var('followers_known_days') + 1) }}

),

-- Followers of the moment of publication: the last count not long before it, or the first one soon after it.
audiences as (

    select
        posts.post_id,
        case
            when before.observed_at >= posts.published_at - to_days({{ var('followers_known_days') }}) then before.followers
            when after.observed_at <= posts.published_at + to_days({{ var('followers_backfill_days') }}) then after.followers
        end as followers_at_post
    from posts
    asof left join followers as before
        on posts.account_id = before.account_id and posts.published_at >= before.observed_at
    asof left join followers as after
        on posts.account_id = after.account_id and posts.published_at < after.observed_at

),

-- Posts that Pulso itself made, by the proof that the network returned.
own as (

    select
        post_id,
        max_by(content_item_id, (recorded_at, ledger_id)) as content_item_id
    from {{ ref('fct_publications') }}
    where post_id is not null
    group by post_id

)

select
    posts.client_id,
    posts.account_id,
    posts.network,
    posts.post_id,
    posts.native_id,
    posts.permalink,
    posts.text,
    posts.content_format,
    posts.media_count,
    posts.is_reply,
    posts.published_at,
    posts.published_day,
    posts.local_hour,
    posts.local_weekday,
    posts.time_zone,
    posts.language,
    own.content_item_id,
    own.post_id is not null as is_published_by_pulso,
    valued.likes,
    valued.comments,
    valued.shares,
    valued.saves,
    valued.quotes,
    valued.reach,
    valued.views,
    valued.impressions,
    valued.clicks,
    valued.engagements,
    valued.missing_counts,
    valued.metrics_observed_at,
    {{ seconds_between('posts.published_at', 'valued.metrics_observed_at') }} / 3600.0 as age_hours,
    coalesce(valued.is_backfilled, false) as is_backfilled,
    valued.mature_engagements,
    valued.mature_at,
    valued.matured_observed_at,
    audiences.followers_at_post,
    {{ rate('valued.engagements', 'valued.reach') }} as engagement_rate_by_reach,
    {{ rate('valued.engagements', 'valued.views') }} as engagement_rate_by_views,
    {{ rate('valued.engagements', 'valued.impressions') }} as engagement_rate_by_impressions,
    {{ rate('valued.engagements', 'audiences.followers_at_post') }} as engagement_rate_by_followers,
    posts.week
from posts
left join valued on posts.post_id = valued.post_id
left join audiences on posts.post_id = audiences.post_id
left join own on posts.post_id = own.post_id
