with

comments as (

    select * from {{ ref('stg_networks__comments') }}

),

-- The account's first answer below each comment.
answers as (

    select
        parent_comment_id as comment_id,
        min(commented_at) as answered_at
    from comments
    where is_own and parent_comment_id is not null
    group by parent_comment_id

)

select
    comments.client_id,
    comments.account_id,
    comments.network,
    comments.comment_id,
    comments.post_id,
    comments.parent_comment_id,
    comments.is_own,
    comments.likes,
    comments.commented_at,
    {{ local_day('comments.commented_at', 'clients.time_zone') }} as commented_day,
    {{ seconds_between('posts.published_at', 'comments.commented_at') }} as seconds_after_post,
    answers.answered_at,
    comments.observed_at
from comments
left join {{ ref('dim_clients') }} as clients on comments.client_id = clients.client_id
left join {{ ref('int_posts') }} as posts on comments.post_id = posts.post_id
left join answers on comments.comment_id = answers.comment_id
