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
        observed_at
    from {{ ref('stg_networks__account_metrics') }}

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
        observed_at
    from {{ ref('int_followers_daily') }}

)

select * from reported
union all
select * from observed
