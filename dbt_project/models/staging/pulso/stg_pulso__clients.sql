with

source as (

    select * from {{ source('bronze', 'clients') }}

),

renamed as (

    select
        client_id,
        name as client_name,
        time_zone,
        language,
        autonomy,
        coalesce(is_active, true) as is_active,
        exported_at

    from source

)

select * from renamed
