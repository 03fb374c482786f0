{% set known_for = var('metric_known_weeks') %}
{{ config(materialized='incremental', meta={'weekly_parents': {'int_metric_receipts': [0, 13], 'int_metric_silences': [0, 0]}}) }}
{% set weeks = touched() %}
{% set shown = ['likes', 'comments', 'shares', 'saves', 'quotes', 'reach', 'views', 'impressions', 'clicks'] %}

with

receipts as (

    select
        *,
        max(last_received_day) over (
            partition by account_id, grain, metric order by week
            range between interval {{ 7 * known_for }} days preceding and interval 1 day preceding
        ) as last_day_before
    from {{ ref('int_metric_receipts') }}
    where {{ within('week', with_before(weeks, known_for)) }}

),

-- A short silence may lie beside a longer one in one week: what lasts, or began last, is told.
silences as (

    select *
    from {{ ref('int_metric_silences') }}
    where {{ within('week', weeks) }}
    qualify row_number() over (partition by grain, network, metric, week order by from_day desc) = 1

),

promised as (

    select
        receipts.*,
        contracts.until,
        contracts.replaced_by,
        contracts.condition,
        contracts.sent_with,
        contracts.after_days,
        silences.last_received_day as last_day_of_network,
        silences.resumed_day
    from receipts
    inner join {{ ref('metric_contracts') }} as contracts
        on receipts.network = contracts.network
        and receipts.grain = contracts.grain
        and receipts.metric = contracts.metric
    left join silences
        on receipts.network = silences.network
        and receipts.grain = silences.grain
        and receipts.metric = silences.metric
        and receipts.week = silences.week
    where {{ within('receipts.week', weeks) }}

),

judged as (

    select
        *,
        case
            when until is not null and received = 0 then 'retired'
            when last_day_of_network is not null and (received < expected or resumed_day is null) then 'stopped'
            when expected = 0 then 'not_yet'
            when received = expected then 'received'
            when received > 0 or sent_with = 'some' then 'partly'
            when last_day_before is not null then 'stopped'
            else 'not_connected'
        end as state
    from promised

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
        state,
        state = 'stopped' and last_day_of_network is not null as is_network_wide,
        case
            when state = 'retired' then until
            when state = 'stopped' then coalesce(last_day_of_network, last_day_before) + 1
        end as since,
        case state
            when 'retired' then concat(
                'The network does not tell it any more', case when replaced_by is not null then concat('; ', replaced_by, ' takes its place') end, '.'
            )
            when 'stopped' then case
                when last_day_of_network is not null then 'The network promises it and sends it to nobody any more.'
                else 'It does not come for this account any more; other accounts still have it. Look at what its connection permits.'
            end
            when 'not_yet' then concat('It comes up to ', cast(after_days as varchar), ' days after publication.')
            when 'partly' then 'It came with some and lacks with others.'
            when 'not_connected' then 'It has not come for this account in the last quarter, and other metrics have.'
        end as why,
        condition,
        week
    from judged

),

-- What a network does not have at all, of what the marts show of posts.
not_offered as (

    select distinct
        receipts.client_id,
        receipts.account_id,
        receipts.network,
        names.metric,
        receipts.week
    from receipts
    cross join (values {% for metric in shown %}('{{ metric }}'){{ ', ' if not loop.last }}{% endfor %}) as names(metric)
    left join {{ ref('metric_contracts') }} as contracts
        on receipts.network = contracts.network and contracts.grain = 'post' and names.metric = contracts.metric
    where receipts.grain = 'post' and contracts.metric is null and {{ within('receipts.week', weeks) }}

)

select
    client_id,
    account_id,
    network,
    grain,
    metric,
    expected,
    received,
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
    'not_offered' as state,
    false as is_network_wide,
    cast(null as date) as since,
    'The network does not tell it.' as reason,
    week
from not_offered
