{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'kpi_account_daily': [0, 0]}}) }}
{% set weeks = touched() %}
{% set kinds = {'applause': 'likes', 'conversation': 'comments', 'amplification': 'passed_on'} %}

with

posts as (

    select
        *,
        {{ sum_of_counts(['shares', 'quotes']) }} as passed_on
    from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

weeks as (

    select
        client_id,
        account_id,
        network,
        week,
        max_by(followers, day) filter (where followers is not null) as followers,
        {{ total('followers_delta') }} as followers_delta
    from {{ ref('kpi_account_daily') }}
    where {{ within('week', weeks) }}
    group by all

),

published as (

    select
        account_id,
        week,
        count(*) as posts_published,
        {% for kind, count in kinds.items() %}
        avg({{ count }}) as {{ kind }}_per_post,
        {{ pooled_rate(count, 'followers_at_post') }} as {{ kind }}_per_follower,
        {% endfor %}
        {{ pooled_rate('passed_on', 'views') }} as virality_by_views,
        {{ pooled_rate('passed_on', 'impressions') }} as virality_by_impressions
    from posts
    group by account_id, week

)

select
    weeks.client_id,
    weeks.account_id,
    weeks.network,
    weeks.week,
    coalesce(published.posts_published, 0) as posts_published,
    weeks.followers,
    weeks.followers_delta,
    {{ rate('weeks.followers_delta', '(weeks.followers - weeks.followers_delta)') }} as follower_growth_rate,
    {% for kind in kinds %}
    published.{{ kind }}_per_post,
    published.{{ kind }}_per_follower,
    {% endfor %}
    published.virality_by_views,
    published.virality_by_impressions
from weeks
left join published on weeks.account_id = published.account_id and weeks.week = published.week
