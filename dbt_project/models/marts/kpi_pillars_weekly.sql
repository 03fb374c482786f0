{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'fct_post_pillars': [0, 0], 'pillars': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select posts.*, themed.pillar_id
    from {{ ref('fct_posts') }} as posts
    inner join (
        select post_id, pillar_id from {{ ref('fct_post_pillars') }}
        where {{ within('week', weeks) }}
    ) as themed on posts.post_id = themed.post_id
    where {{ within('posts.week', weeks) }}

),

pillars as (

    select * from {{ ref('stg_pulso__pillars') }}
    where is_active

),

published as (

    select
        client_id,
        week,
        pillar_id,
        {{ performance() }}
    from posts
    group by client_id, week, pillar_id

),

client_weeks as (

    select client_id, week, sum(posts_published) as posts_published
    from published
    group by client_id, week

),

-- Every pillar in every week in which the client published: what was left out is part of the mix.
listed as (

    select client_weeks.client_id, client_weeks.week, pillars.pillar_id
    from client_weeks
    inner join pillars on client_weeks.client_id = pillars.client_id
    union
    select client_id, week, pillar_id from published

),

shares as (

    select
        listed.client_id,
        listed.week,
        listed.pillar_id,
        coalesce(published.posts_published, 0) as posts_published,
        cast(coalesce(published.posts_published, 0) as double) / client_weeks.posts_published as share_of_posts,
        published.engagements,
        published.mean_engagements_per_post,
        published.median_engagements_per_post,
        published.engagement_rate_by_reach,
        published.engagement_rate_by_views,
        published.engagement_rate_by_impressions,
        published.engagement_rate_by_followers
    from listed
    inner join client_weeks on listed.client_id = client_weeks.client_id and listed.week = client_weeks.week
    left join published
        on listed.client_id = published.client_id
        and listed.week = published.week
        and listed.pillar_id is not distinct from published.pillar_id

)

select
    shares.client_id,
    shares.week,
    shares.pillar_id,
    pillars.pillar_name,
    shares.posts_published,
    shares.share_of_posts,
    pillars.intended_share,
    shares.share_of_posts - pillars.intended_share as share_gap,
    shares.engagements,
    shares.mean_engagements_per_post,
    shares.median_engagements_per_post,
    shares.engagement_rate_by_reach,
    shares.engagement_rate_by_views,
    shares.engagement_rate_by_impressions,
    shares.engagement_rate_by_followers
from shares
left join pillars on shares.client_id = pillars.client_id and shares.pillar_id = pillars.pillar_id
