with

source as (

    select * from {{ source('bronze', 'messages') }}

),

renamed as (

    select
        client_id,
        account_id,
        network,
        message_id,
        coalesce(is_own, false) as is_own,
        sent_at,
        observed_at,
        day as observed_day

    from source

)

select * from renamed
