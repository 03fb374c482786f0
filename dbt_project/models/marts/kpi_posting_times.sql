with

newest as (

    select client_id, max(week) as week
    from {{ ref('fct_posts') }}
    group by client_id

),

posts as (

    select seen.*
    from {{ ref('fct_posts') }} as seen
    inner join newest on seen.client_id = newest.client_id
    where not seen.is_reply and seen.week > newest.week - {{ 7 * var('posting_times_weeks') }}

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
