{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'dim_accounts': [0, 0]}}) }}
{% set weeks = touched() %}

-- For dashboards that were built on the package of this name: its columns, for nine networks; `client_id` before them, `week` after.

select
    posts.client_id,
    posts.client_id as source_relation,
    posts.published_at as created_timestamp,
    posts.native_id as post_id,
    posts.text as post_message,
    accounts.native_id as page_id,
    coalesce(accounts.display_name, accounts.handle) as page_name,
    posts.permalink as post_url,
    case posts.network when 'x' then 'twitter' else posts.network end as platform,
    posts.clicks,
    -- Where a network counts views in their place, that is what was shown.
    coalesce(posts.impressions, posts.views) as impressions,
    posts.likes,
    posts.shares,
    posts.comments,
    posts.week
from {{ ref('fct_posts') }} as posts
left join {{ ref('dim_accounts') }} as accounts on posts.account_id = accounts.account_id
where not posts.is_reply and {{ within('posts.week', weeks) }}
