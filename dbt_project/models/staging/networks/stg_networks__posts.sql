with

source as (

    select * from {{ source('bronze', 'posts') }}

),

renamed as (

    select
        client_id,
        account_id,
        network,
        post_id,
        native_id,
        permalink,
        coalesce(text, '') as text,
        link_url,
        link_title,
        content_format,
        media_count,
        coalesce(is_reply, false) as is_reply,
        published_at,
        content_sha256,
        observed_at,
        day as observed_day

    from source

)

select * from renamed
