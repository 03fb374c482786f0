with

source as (

    select * from {{ source('bronze', 'comments') }}

),

-- Who wrote it and what they said stays in bronze.
renamed as (

    select
        client_id,
        account_id,
        network,
        comment_id,
        post_id,
        parent_comment_id,
        coalesce(is_own, false) as is_own,
        likes,
        commented_at,
        observed_at,
        day as observed_day

    from source

)

select * from renamed
