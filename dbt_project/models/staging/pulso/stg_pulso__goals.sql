with

source as (

    select * from {{ source('bronze', 'goals') }}

),

renamed as (

    select
        client_id,
        goal_id,
        metric,
        target,
        first_day,
        last_day,
        network,
        account_id,
        coalesce(is_active, true) as is_active,
        exported_at

    from source

)

select * from renamed
