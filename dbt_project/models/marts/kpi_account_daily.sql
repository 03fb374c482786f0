with

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply

),

followers as (

    select
        *,
        followers - lag(followers) over (partition by account_id order by day) as followers_delta
    from {{ ref('int_followers_daily') }}

),

spans as (

    select account_id, min(day) as first_day, max(day) as last_day
    from (
        select account_id, published_day as day from posts
        union all
        select account_id, day from followers
    )
    group by account_id

),

-- Every day of an account's life, so that a day without a post is a row and not a hole.
days as (

    select
        accounts.client_id,
        accounts.account_id,
        accounts.network,
        cast(unnest(generate_series(spans.first_day, spans.last_day, interval 1 day)) as date) as day
    from spans
    inner join {{ ref('dim_accounts') }} as accounts on spans.account_id = accounts.account_id

),

published as (

    select
        account_id,
        published_day as day,
        count(*) as posts_published,
        {% for count in ['engagements', 'likes', 'comments', 'shares', 'saves', 'reach', 'views'] %}
        {{ total(count) }} as {{ count }},
        {% endfor %}
        {{ pooled_engagement_rates() }}
    from posts
    group by account_id, published_day

)

select
    days.client_id,
    days.account_id,
    days.network,
    days.day,
    coalesce(published.posts_published, 0) as posts_published,
    published.engagements,
    published.likes,
    published.comments,
    published.shares,
    published.saves,
    published.reach,
    published.views,
    -- A stock: known until it is observed again.
    known.followers,
    -- A change is known only on a day of observation.
    observed.followers_delta,
    published.engagement_rate_by_reach,
    published.engagement_rate_by_views,
    published.engagement_rate_by_impressions,
    published.engagement_rate_by_followers
from days
left join published on days.account_id = published.account_id and days.day = published.day
left join followers as observed on days.account_id = observed.account_id and days.day = observed.day
asof left join followers as known on days.account_id = known.account_id and days.day >= known.day
