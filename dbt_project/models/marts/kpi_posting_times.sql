with

posts as (

    select * from {{ ref('fct_posts') }}
    where
        not is_reply
        and week > (select max(week) from {{ ref('fct_posts') }}) - {{ 7 * var('posting_times_weeks') }}

),

usual as (

    select account_id, median(mature_engagements) as median_mature_engagements
    from posts
    group by account_id

)

select
    posts.client_id,
    posts.account_id,
    posts.network,
    posts.local_weekday,
    posts.local_hour,
    count(*) as posts_published,
    count(posts.mature_engagements) as posts_matured,
    median(posts.mature_engagements) as median_mature_engagements,
    median({{ rate('posts.mature_engagements', 'usual.median_mature_engagements') }}) as median_relative_engagement
from posts
inner join usual on posts.account_id = usual.account_id
group by posts.client_id, posts.account_id, posts.network, posts.local_weekday, posts.local_hour
