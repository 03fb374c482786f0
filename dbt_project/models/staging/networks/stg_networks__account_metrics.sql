with

source as (

    select * from {{ source('bronze', 'account_metrics') }}

),

renamed as (

    select
        client_id,
        account_id,
        network,
        metric,
        day,
        value,
        fetched_at as observed_at

    from source

)

select * from renamed
