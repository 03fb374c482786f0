{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'kpi_account_daily': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

account_weeks as (

    select
        client_id,
        account_id,
        week,
        max_by(followers, day) filter (where followers is not null) as followers,
        sum(followers_delta) as followers_delta
    from {{ ref('kpi_account_daily') }}
    where {{ within('week', weeks) }}
    group by client_id, account_id, week

),

audience as (

    select
        client_id,
        week,
        {{ total('followers') }} as followers,
        {{ total('followers_delta') }} as followers_delta
    from account_weeks
    group by client_id, week

),

published as (

    select
        client_id,
        week,
        count(*) as posts_published,
        {{ total_of_posts('engagements') }} as engagements,
        {{ total_of_posts('reach') }} as reach,
        {{ total_of_posts('views') }} as views,
        avg(engagements) as mean_engagements_per_post,
        {{ pooled_engagement_rates() }}
    from posts
    group by client_id, week

)

select
    audience.client_id,
    audience.week,
    coalesce(published.posts_published, 0) as posts_published,
    published.engagements,
    published.reach,
    published.views,
    audience.followers,
    audience.followers_delta,
    published.mean_engagements_per_post,
    published.engagement_rate_by_reach,
    published.engagement_rate_by_views,
    published.engagement_rate_by_impressions,
    published.engagement_rate_by_followers
from audience
left join published on audience.client_id = published.client_id and audience.week = published.week
