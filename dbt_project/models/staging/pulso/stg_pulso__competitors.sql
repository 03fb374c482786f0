with

source as (

    select * from {{ source('bronze', 'competitors') }}

),

renamed as (

    select
        client_id,
        competitor_id,
        network,
        handle,
        profile_url,
        exported_at

    from source

)

select * from renamed
