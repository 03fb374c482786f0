{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'action_ledger': [0, 0], 'pillars': [0, 0]}}) }}
{% set weeks = touched() %}

with

posts as (

    select
        client_id,
        account_id,
        network,
        post_id,
        {{ lower_case('text') }} as words,
        week
    from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

keywords as (

    select *
    from (
        select client_id, pillar_id, position, {{ each('keywords') }} as keyword
        from {{ ref('stg_pulso__pillars') }}
        where is_active
    )
    where trim(keyword) != ''

),

hits as (

    select
        posts.post_id,
        keywords.pillar_id,
        min(keywords.position) as position,
        count(*) as keywords_found
    from posts
    inner join keywords on posts.client_id = keywords.client_id
    where {{ has_keyword('posts.words', lower_case('keywords.keyword')) }}
    group by posts.post_id, keywords.pillar_id

),

named as (

    select post_id, pillar_id
    from hits
    qualify row_number() over (partition by post_id order by keywords_found desc, position) = 1

),

drafted as (

    select post_id, max_by(pillar_id, (recorded_at, ledger_id)) as pillar_id
    from {{ ref('fct_publications') }}
    where post_id is not null and pillar_id is not null
    group by post_id

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
left join drafted on posts.post_id = drafted.post_id
left join named on posts.post_id = named.post_id
