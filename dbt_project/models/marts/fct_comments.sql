{{ config(materialized='incremental', meta={'weekly_parents': {'comments': [0, 0]}}) }}
{% set weeks = touched() %}

with

comments as (

    select * from {{ ref('stg_networks__comments') }}
    where {{ since('observed_day', weeks) }}

),

placed as (

    select
        comments.*,
        clients.time_zone
    from comments
    left join {{ ref('dim_clients') }} as clients on comments.client_id = clients.client_id

),

timed as (

    {{ with_local_time('placed', 'commented_at') }}

),

of_days as (

    select *, cast(local_time as date) as commented_day
    from timed

)

select
    client_id,
    account_id,
    network,
    comment_id,
    post_id,
    parent_comment_id,
    is_own,
    likes,
    commented_at,
    commented_day,
    observed_at,
    {{ week_of('commented_day') }} as week
from of_days
where {{ within(week_of('commented_day'), weeks) }}
