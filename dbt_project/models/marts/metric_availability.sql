{% set known_for = var('metric_known_weeks') %}
{{ config(materialized='incremental', meta={'weekly_parents': {
    'int_metric_receipts': [0, known_for], 'int_metric_silences': [0, 0]
}}) }}
{% set weeks = touched() %}

with

receipts as (

    select * from {{ ref('int_metric_receipts') }}
    where {{ within('week', weeks) }}

),

-- Of what an account has not at all in a week: the last day on which it had it, in the weeks before.
before as (

    select
        without.account_id,
        without.grain,
        without.metric,
        without.week,
        max(earlier.last_received_day) as last_received_day
    from receipts as without
    inner join {{ ref('int_metric_receipts') }} as earlier
        on without.account_id = earlier.account_id
        and without.grain = earlier.grain
        and without.metric = earlier.metric
        and earlier.week < without.week
        and earlier.week >= without.week - {{ 7 * known_for }}
    where
        without.received = 0
        and earlier.received > 0
        and {{ within('earlier.week', with_before(weeks, known_for)) }}
    group by without.account_id, without.grain, without.metric, without.week

),

-- A short silence may lie beside a longer one in one week: what lasts, or began last, is told.
silences as (

    select
        grain,
        network,
        metric,
        {{ week_of('day') }} as week,
        max(last_received_day) as last_received_day,
        bool_or(resumed_day is null) as is_lasting
    from {{ ref('int_metric_silences') }}
    group by grain, network, metric, {{ week_of('day') }}

),

judged as (

    select
        receipts.*,
        contracts.until,
        contracts.replaced_by,
        contracts.condition,
        contracts.after_days,
        silences.last_received_day as last_day_of_network,
        before.last_received_day as last_day_before,
        case
            when contracts.until <= receipts.week + 6 and receipts.received = 0 then 'retired'
            when silences.is_lasting or (silences.network is not null and receipts.received < receipts.expected) then 'stopped'
            when receipts.expected = 0 then 'not_yet'
            when receipts.received = receipts.expected then 'received'
            when receipts.received > 0 or contracts.sent_with = 'some' then 'partly'
            when before.account_id is not null then 'stopped'
            else 'not_connected'
        end as state
    from receipts
    inner join {{ ref('metric_contracts') }} as contracts
        on receipts.network = contracts.network
        and receipts.grain = contracts.grain
        and receipts.metric = contracts.metric
        and (contracts.since is null or contracts.since <= receipts.week + 6)
    left join before
        on receipts.account_id = before.account_id
        and receipts.grain = before.grain
        and receipts.metric = before.metric
        and receipts.week = before.week
    left join silences
        on receipts.network = silences.network
        and receipts.grain = silences.grain
        and receipts.metric = silences.metric
        and receipts.week = silences.week

),

explained as (

    select
        client_id,
        account_id,
        network,
        grain,
        metric,
        expected,
        received,
        last_received_day,
        state,
        state = 'stopped' and last_day_of_network is not null as is_network_wide,
        case
            when state = 'retired' then until
            when state = 'stopped' then coalesce(last_day_of_network, last_day_before) + 1
        end as since,
        case state
            when 'retired' then concat(
                'The network does not tell it any more', case when replaced_by is not null then concat('; ', replaced_by, ' takes its place') else '' end, '.'
            )
            when 'stopped' then case
                when last_day_of_network is not null then 'The network promises it and sends it to nobody any more.'
                else 'It does not come for this account any more; other accounts still have it. Look at what its connection permits.'
            end
            when 'not_yet' then concat('It comes up to ', {{ dbt.cast('after_days', 'varchar') }}, ' days after publication.')
            when 'partly' then 'It came with some and lacks with others.'
            when 'not_connected' then 'It has not come for this account in the last quarter, and other metrics have.'
        end as why,
        condition,
        week
    from judged

),

-- What a network does not have at all, of what the marts show of posts.
not_offered as (

    select
        accounts.client_id,
        accounts.account_id,
        accounts.network,
        names.metric,
        accounts.week
    from (select distinct client_id, account_id, network, week from receipts where grain = 'post') as accounts
    cross join (values {% for count in post_counts() %}('{{ count }}'){{ ', ' if not loop.last }}{% endfor %}) as names(metric)
    left join {{ ref('metric_contracts') }} as contracts
        on accounts.network = contracts.network and contracts.grain = 'post' and names.metric = contracts.metric
    where contracts.metric is null

)

select
    client_id,
    account_id,
    network,
    grain,
    metric,
    expected,
    received,
    last_received_day,
    state,
    is_network_wide,
    since,
    case
        when state in ('partly', 'stopped', 'not_connected') and not is_network_wide and condition is not null
            then concat(why, ' It takes: ', condition, '.')
        else why
    end as reason,
    week
from explained
union all
select
    client_id,
    account_id,
    network,
    'post' as grain,
    metric,
    cast(0 as bigint) as expected,
    cast(0 as bigint) as received,
    cast(null as date) as last_received_day,
    'not_offered' as state,
    false as is_network_wide,
    cast(null as date) as since,
    'The network does not tell it.' as reason,
    week
from not_offered
