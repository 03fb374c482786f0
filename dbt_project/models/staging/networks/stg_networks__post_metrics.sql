with

source as (

    select * from {{ source('bronze', 'post_metrics') }}

),

renamed as (

    select
        client_id,
        account_id,
        network,
        post_id,
        metric,
        value,
        coalesce(is_backfilled, false) as is_backfilled,
        source as endpoint,
        observed_at,
        day as observed_day

    from source

)

select * from renamed
