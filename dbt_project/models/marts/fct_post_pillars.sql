{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'pillars': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select
        client_id,
        account_id,
        network,
        post_id,
        content_item_id,
        lower(text) as words,
        week
    from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

-- A keyword is a whole word or several, and may have up to two letters more at its end.
keywords as (

    select
        client_id,
        pillar_id,
        position,
        keyword,
        '(^|[^\p{L}\p{N}_])\Q' || keyword || '\E[\p{L}\p{N}_]{0,2}([^\p{L}\p{N}_]|$)' as pattern
    from (
        select client_id, pillar_id, position, lower(unnest(keywords)) as keyword
        from {{ ref('stg_pulso__pillars') }}
        where is_active
    )

),

-- Looking for the letters alone is many times cheaper than the pattern, and finds all that the pattern could find.
hits as (

    select
        posts.post_id,
        keywords.pillar_id,
        min(keywords.position) as position,
        count(*) as keywords_found
    from posts
    inner join keywords on posts.client_id = keywords.client_id
    where case when contains(posts.words, keywords.keyword) then regexp_matches(posts.words, keywords.pattern) else false end
    group by posts.post_id, keywords.pillar_id

),

named as (

    select post_id, pillar_id
    from hits
    qualify row_number() over (partition by post_id order by keywords_found desc, position) = 1

),

drafted as (

    select content_item_id, max_by(pillar_id, (recorded_at, ledger_id)) as pillar_id
    from {{ ref('fct_publications') }}
    where pillar_id is not null
    group by content_item_id

)

select
    posts.client_id,
    posts.account_id,
    posts.network,
    posts.post_id,
    coalesce(drafted.pillar_id, named.pillar_id) as pillar_id,
    case
        when drafted.pillar_id is not null then 'draft'
        when named.pillar_id is not null then 'words'
    end as known_by,
    posts.week
from posts
left join drafted on posts.content_item_id = drafted.content_item_id
left join named on posts.post_id = named.post_id
