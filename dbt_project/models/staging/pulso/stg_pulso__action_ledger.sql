with

source as (

    select * from {{ source('bronze', 'action_ledger') }}

),

renamed as (

    select
        client_id,
        ledger_id,
        account_id,
        network,
        action,
        content_item_id,
        revision,
        occurrence,
        state,
        reason,
        post_id,
        permalink,
        scheduled_at,
        published_at,
        commit_calls,
        approved_by,
        approved_at,
        text_sha256,
        decision_ids,
        pillar_id,
        recorded_at,
        day

    from source

)

select * from renamed
