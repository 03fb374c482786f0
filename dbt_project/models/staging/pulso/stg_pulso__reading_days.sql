with

source as (

    select * from {{ source('bronze', 'reading_days') }}

),

renamed as (

    select
        client_id,
        account_id,
        network,
        source as source_table,
        outcome,
        readings,
        last_asked_at,
        day

    from source

)

select * from renamed
