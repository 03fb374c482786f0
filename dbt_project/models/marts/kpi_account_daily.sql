{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 4], 'int_followers_daily': [0, 4]}, 'carries_on': true}) }}
{% set weeks = touched() %}
{% set known_for = var('followers_known_days') %}
{% set counts = ['engagements', 'likes', 'comments', 'shares', 'saves', 'reach', 'views'] %}

with

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', with_before(weeks, 4)) }}

),

followers as (

    select * from {{ ref('int_followers_daily') }}
    where {{ within('week', with_before(weeks, 4)) }}

),

-- A change is known on a day of observation, when the one before it is not long ago.
changes as (

    select
        account_id,
        day,
        case
            when lag(day) over one_account >= day - {{ known_for }} then followers - lag(followers) over one_account
        end as followers_delta
    from followers
    window one_account as (partition by account_id order by day)

),

seen as (

    select account_id, day, max(client_id) as client_id, max(network) as network
    from (
        select client_id, account_id, network, published_day as day from posts
        union all
        select client_id, account_id, network, day from followers
    )
    group by account_id, day

),

-- The days of an account: from each on which it was seen to the next one, or for as long as it counts as known, and not past what the
-- lake knows of anybody. So a day without a post is a row and not a hole.
newest as (

    select greatest(
        (select max(published_day) from {{ ref('fct_posts') }}), (select max(day) from {{ ref('int_followers_daily') }})
    ) as day

),

runs as (

    select
        client_id,
        account_id,
        network,
        day as first_day,
        least(
            coalesce(lead(day) over (partition by account_id order by day) - 1, day + {{ known_for }}),
            day + {{ known_for }},
            (select day from newest)
        ) as last_day
    from seen

),

days as (

    select
        client_id,
        account_id,
        network,
        {{ each_day('first_day', 'last_day') }} as day
    from runs

),

placed as (

    select *, {{ week_of('day') }} as week
    from days

),

published as (

    select
        account_id,
        published_day as day,
        count(*) as posts_published,
        {% for count in counts %}
        {{ total_of_posts(count) }} as {{ count }},
        {% endfor %}
        {{ pooled_engagement_rates() }}
    from posts
    group by account_id, published_day

)

select
    placed.client_id,
    placed.account_id,
    placed.network,
    placed.day,
    coalesce(published.posts_published, 0) as posts_published,
    {% for count in counts %}
    published.{{ count }},
    {% endfor %}
    -- A stock: known until it is observed again, but not for ever.
    case when known.day >= placed.day - {{ known_for }} then known.followers end as followers,
    changes.followers_delta,
    published.engagement_rate_by_reach,
    published.engagement_rate_by_views,
    published.engagement_rate_by_impressions,
    published.engagement_rate_by_followers,
    placed.week
from placed
left join published on placed.account_id = published.account_id and placed.day = published.day
left join changes on placed.account_id = changes.account_id and placed.day = changes.day
{{ asof_left_join('followers', 'known', key={'account_id': 'placed.account_id'}, moment='day', upto='placed.day') }}
where {{ within('placed.week', weeks) }}
