{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

mix as (

    select
        client_id,
        network,
        week,
        content_format,
        {{ performance() }}
    from posts
    group by client_id, network, week, content_format

)

select
    client_id,
    network,
    week,
    content_format,
    cast(posts_published as double) / sum(posts_published) over (partition by client_id, network, week) as share_of_posts,
    posts_published,
    engagements,
    mean_engagements_per_post,
    median_engagements_per_post,
    engagement_rate_by_reach,
    engagement_rate_by_views,
    engagement_rate_by_impressions,
    engagement_rate_by_followers
from mix
