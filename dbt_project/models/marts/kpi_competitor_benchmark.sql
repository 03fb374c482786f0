{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'fct_competitor_posts': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select
        *,
        {{ sum_of_counts(['likes', 'comments']) }} as interactions
    from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

own as (

    select
        client_id,
        account_id,
        network,
        week,
        {{ pooled_rate('interactions', 'followers_at_post') }} as interactions_per_follower
    from posts
    group by client_id, account_id, network, week

),

rivals as (

    select
        client_id,
        competitor_id,
        network,
        week,
        {{ pooled_rate('engagements', 'followers') }} as interactions_per_follower
    from {{ ref('fct_competitor_posts') }}
    where {{ within('week', weeks) }}
    group by client_id, competitor_id, network, week

),

compared as (

    select
        own.client_id,
        own.account_id,
        own.network,
        own.week,
        own.interactions_per_follower,
        count(rivals.interactions_per_follower) as rivals,
        avg(rivals.interactions_per_follower) as rivals_average,
        sum(case
            when rivals.interactions_per_follower < own.interactions_per_follower then 1.0
            when rivals.interactions_per_follower = own.interactions_per_follower then 0.5
            when rivals.interactions_per_follower is not null then 0.0
        end) as rivals_below
    from own
    left join rivals
        on own.client_id = rivals.client_id and own.network = rivals.network and own.week = rivals.week
    where own.interactions_per_follower is not null
    group by own.client_id, own.account_id, own.network, own.week, own.interactions_per_follower

),

averaged as (

    select
        *,
        (rivals_average * rivals + interactions_per_follower) / (rivals + 1) as average_with_account
    from compared

)

select
    client_id,
    account_id,
    network,
    week,
    interactions_per_follower,
    rivals,
    rivals_average,
    average_with_account,
    interactions_per_follower - rivals_average as gap_to_rivals,
    interactions_per_follower - average_with_account as gap_to_average,
    {{ rate('rivals_below', 'rivals') }} as percentile_among_rivals
from averaged
