{{ config(materialized='incremental', meta={'weekly_parents': {
    'int_posts': [0, 0], 'int_post_counts': [0, 0], 'accounts': [1, 4], 'action_ledger': [0, 0], 'int_metric_silences': [3, 0]
}}) }}
{% set weeks = touched() %}
{% set engagements = 'case when missing.is_without_engagements is not true then counts.engagements end' %}

with

posts as (

    select * from {{ ref('int_posts') }}
    where {{ within('week', weeks) }}

),

counts as (

    select * from {{ ref('int_post_counts') }}
    where {{ within('week', weeks) }}

),

silences as (

    select *, {{ week_of('day') }} as week
    from {{ ref('int_metric_silences') }}
    where grain = 'post' and sent_with = 'all'

),

-- When the newest counts of a post were looked at, and when its mature ones; of networks that ever fell silent.
looks as (

    select
        counts.*,
        posts.network,
        posts.time_zone,
        looked.is_mature,
        case when looked.is_mature then counts.matured_observed_at else counts.metrics_observed_at end as looked_at
    from counts
    inner join posts on counts.post_id = posts.post_id
    cross join (values (true), (false)) as looked(is_mature)
    where posts.network in (select network from silences)

),

timed_looks as (

    {{ with_local_time('looks', 'looked_at') }}

),

-- What a post's network sent to nobody on the day of such a look, and the post lacks. Of posts of the three weeks before that day: older
-- ones are not looked at any more.
lacking as (

    select looks.post_id, looks.is_mature, silences.metric
    from timed_looks as looks
    inner join silences
        on looks.network = silences.network
        and cast(looks.local_time as date) = silences.day
        and looks.week >= silences.week - 21
    where
        looks.is_mature
        {% for count in post_counts() %}
        or (silences.metric = '{{ count }}' and looks.{{ count }} is null)
        {% endfor %}

),

-- A sum without one of its parts is no sum: engagements lack what any of theirs lacks, and so does the outcome that models learn from.
missing as (

    select
        post_id,
        array_sort(array_agg(distinct metric) filter (where not is_mature)) as missing_counts,
        bool_or(not is_mature and metric = 'engagements') as is_without_engagements,
        bool_or(is_mature and metric = 'engagements') as is_without_outcome
    from (
        select post_id, is_mature, metric from lacking
        union all
        select post_id, is_mature, 'engagements' as metric from lacking
        where metric in ('{{ interactions() | join("', '") }}')
    )
    group by post_id

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
    {% for count in post_counts() %}
    counts.{{ count }},
    {% endfor %}
    {{ engagements }} as engagements,
    missing.missing_counts,
    counts.metrics_observed_at,
    {{ seconds_between('posts.published_at', 'counts.metrics_observed_at') }} / 3600.0 as age_hours,
    coalesce(counts.is_backfilled, false) as is_backfilled,
    case when missing.is_without_outcome is not true then counts.mature_engagements end as mature_engagements,
    case when missing.is_without_outcome is not true then counts.mature_at end as mature_at,
    case when missing.is_without_outcome is not true then counts.matured_observed_at end as matured_observed_at,
    audiences.followers_at_post,
    {{ rate(engagements, 'counts.reach') }} as engagement_rate_by_reach,
    {{ rate(engagements, 'counts.views') }} as engagement_rate_by_views,
    {{ rate(engagements, 'counts.impressions') }} as engagement_rate_by_impressions,
    {{ rate(engagements, 'audiences.followers_at_post') }} as engagement_rate_by_followers,
    posts.week
from posts
left join counts on posts.post_id = counts.post_id
left join missing on posts.post_id = missing.post_id
left join audiences on posts.post_id = audiences.post_id
left join own on posts.post_id = own.post_id
