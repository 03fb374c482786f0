with

source as (

    select * from {{ source('bronze', 'queue_depths') }}

),

renamed as (

    select
        client_id,
        network,
        waiting,
        overdue,
        parked,
        observed_at,
        day

    from source

)

select * from renamed
