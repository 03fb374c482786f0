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
    recorded_at,
    {{ seconds_between('scheduled_at', 'published_at') }} as lateness_seconds
from {{ ref('stg_pulso__action_ledger') }}
qualify row_number() over (partition by ledger_id order by recorded_at desc, day desc) = 1
