with

source as (

    select * from {{ source('bronze', 'competitor_posts') }}

),

renamed as (

    select
        competitor_id,
        network,
        handle,
        competitor_post_id,
        permalink,
        coalesce(text, '') as text,
        published_at,
        likes,
        comments,
        followers,
        observed_at,
        day as observed_day

    from source

)

select * from renamed
