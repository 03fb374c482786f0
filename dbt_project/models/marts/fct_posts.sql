{{ config(materialized='incremental', meta={'weekly_parents': {
    'int_posts': [0, 0], 'int_post_counts': [0, 0], 'accounts': [1, 4], 'action_ledger': [0, 0], 'int_metric_silences': [3, 0]
}}) }}
{% set weeks = touched() %}
{% set engagements = 'case when not ' ~ is_missing('engagements', 'missing.missing_counts') ~ ' then counts.engagements end' %}

with

posts as (

    select * from {{ ref('int_posts') }}
    where {{ within('week', weeks) }}

),

counts as (

    select * from {{ ref('int_post_counts') }}
    where {{ within('week', weeks) }}

),

newest_looks as (

    select counts.*, posts.network, posts.time_zone
    from counts
    inner join posts on counts.post_id = posts.post_id

),

-- Of the round that an outcome is of, its sum alone is kept: what was silent then is taken to be lacking.
mature_looks as (

    select
        counts.post_id,
        posts.network,
        posts.time_zone,
        counts.week,
        counts.matured_observed_at,
        {% for count in interactions() %}
        cast(null as bigint) as {{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from counts
    inner join posts on counts.post_id = posts.post_id
    where counts.matured_observed_at is not null

),

-- Posts are not looked at any more in the fourth week after their own.
missing as (

    {{ missing_counts('newest_looks', ['post_id'], 'metrics_observed_at', post_counts(), weeks=3) }}

),

outcomes_missing as (

    {{ missing_counts('mature_looks', ['post_id'], 'matured_observed_at', interactions(), weeks=3) }}

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
            when before.observed_at >= posts.published_at - {{ hours(24 * var('followers_known_days')) }} then before.followers
            when after.observed_at <= posts.published_at + {{ hours(24 * var('followers_backfill_days')) }} then after.followers
        end as followers_at_post
    from posts
    {{ asof_left_join('followers', 'before', key={'account_id': 'posts.account_id'}, moment='observed_at', upto='posts.published_at') }}
    {{ asof_left_join('followers', 'after', key={'account_id': 'posts.account_id'}, moment='observed_at', after='posts.published_at') }}

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
    posts.link_url,
    posts.link_title,
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
    case when outcomes_missing.post_id is null then counts.mature_engagements end as mature_engagements,
    case when outcomes_missing.post_id is null then counts.mature_at end as mature_at,
    case when outcomes_missing.post_id is null then counts.matured_observed_at end as matured_observed_at,
    audiences.followers_at_post,
    {{ rate(engagements, 'counts.reach') }} as engagement_rate_by_reach,
    {{ rate(engagements, 'counts.views') }} as engagement_rate_by_views,
    {{ rate(engagements, 'counts.impressions') }} as engagement_rate_by_impressions,
    {{ rate(engagements, 'audiences.followers_at_post') }} as engagement_rate_by_followers,
    posts.week
from posts
left join counts on posts.post_id = counts.post_id
left join missing on posts.post_id = missing.post_id
left join outcomes_missing on posts.post_id = outcomes_missing.post_id
left join audiences on posts.post_id = audiences.post_id
left join own on posts.post_id = own.post_id
