with

source as (

    select * from {{ source('bronze', 'pillars') }}

),

renamed as (

    select
        client_id,
        pillar_id,
        name as pillar_name,
        position,
        keywords,
        intended_share,
        coalesce(is_active, true) as is_active,
        exported_at

    from source

)

select * from renamed
