{{ config(materialized='incremental', meta={'made_of': {'comments': [0, 0]}}) }}
{% set weeks = touched_weeks() %}

with

comments as (

    select * from {{ ref('stg_networks__comments') }}
    where {{ since('observed_day', weeks) }}

),

placed as (

    select
        comments.*,
        {{ local_day('comments.commented_at', 'clients.time_zone') }} as commented_day
    from comments
    left join {{ ref('dim_clients') }} as clients on comments.client_id = clients.client_id

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
from placed
where {{ within(week_of('commented_day'), weeks) }}
