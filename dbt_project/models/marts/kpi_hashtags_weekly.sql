{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0]}}) }}
{% set weeks = touched() %}

-- A sign at the start of a word, and what follows it: letters, digits and underscores, at least one of them a letter. Found as a whole and
-- then cut at the sign, which is four times as fast as asking for that part of each match.
{% set signs_and_words -%}
    regexp_extract_all({{ lower_case('text') }}, '(?:^|[^\p{L}\p{N}_/&#])#[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*', 0)
{%- endset %}

with

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

tagged as (

    select
        post_id,
        {{ each(signs_and_words) }} as sign_and_word
    from posts

),

used as (

    select distinct post_id, split_part(sign_and_word, '#', 2) as hashtag
    from tagged

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
