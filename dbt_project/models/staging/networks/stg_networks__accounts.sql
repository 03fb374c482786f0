with

source as (

    select * from {{ source('bronze', 'accounts') }}

),

renamed as (

    select
        client_id,
        account_id,
        network,
        native_id,
        handle,
        display_name,
        followers,
        posts_count,
        observed_at,
        day as observed_day

    from source

)

select * from renamed
