with

source as (

    select * from {{ source('bronze', 'forecasts') }}

),

renamed as (

    select
        client_id,
        forecast_id,
        account_id,
        post_id,
        content_item_id,
        origin,
        model_name,
        model_version,
        expected_log_engagement,
        lower_log_engagement,
        upper_log_engagement,
        interval_level,
        interval_multiplier,
        forecast_at,
        day

    from source

)

select * from renamed
