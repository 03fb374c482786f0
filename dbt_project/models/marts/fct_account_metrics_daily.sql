{{ config(materialized='incremental', meta={'weekly_parents': {'account_metrics': [0, 0], 'int_followers_daily': [0, 0]}}) }}
{% set weeks = touched() %}

with

reported as (

    select
        client_id,
        account_id,
        network,
        metric,
        day,
        value,
        'reported' as kind,
        observed_at,
        {{ week_of('day') }} as week
    from {{ ref('stg_networks__account_metrics') }}
    where {{ since('day', weeks, days=0) }} and {{ within(week_of('day'), weeks) }}

),

observed as (

    select
        client_id,
        account_id,
        network,
        'followers' as metric,
        day,
        followers as value,
        'observed' as kind,
        observed_at,
        week
    from {{ ref('int_followers_daily') }}
    where {{ within('week', weeks) }}

)

select * from reported
union all
select * from observed
