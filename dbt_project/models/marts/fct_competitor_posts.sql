with

latest as (

    select *
    from {{ ref('stg_public_pages__competitor_posts') }}
    qualify row_number() over (partition by competitor_post_id order by observed_at desc) = 1

)

-- A rival's post belongs to nobody: it appears once for each client that watches the rival.
select
    watchers.client_id,
    latest.competitor_id,
    latest.network,
    latest.handle,
    latest.competitor_post_id,
    latest.permalink,
    latest.text,
    latest.published_at,
    latest.likes,
    latest.comments,
    {{ sum_of_known(['latest.likes', 'latest.comments']) }} as engagements,
    latest.followers,
    latest.observed_at
from latest
inner join {{ ref('stg_pulso__competitors') }} as watchers on latest.competitor_id = watchers.competitor_id
