{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

-- A sign at the start of a word, and what follows it: letters, digits and underscores, at least one of them a letter.
used as (

    select
        post_id,
        unnest(list_distinct(regexp_extract_all(
            lower(text), '(?:^|[^\p{L}\p{N}_/&#])#([\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*)', 1
        ))) as hashtag
    from posts

)

select
    posts.client_id,
    posts.network,
    posts.week,
    used.hashtag,
    {{ performance() }}
from used
inner join posts on used.post_id = posts.post_id
group by posts.client_id, posts.network, posts.week, used.hashtag
