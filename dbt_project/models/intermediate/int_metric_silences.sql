{{ config(
    materialized='table',
    meta={'version': 'grain, network, metric, day, last_received_day, resumed_day', 'version_day': 'day'}
) }}

-- Days on which a network sent a metric to nobody, though it promises it, had sent it before and went on sending others.

with

metrics as (

    select * from {{ ref('int_metrics_by_day') }}

),

-- At least so many were told of anything that day: those of the metric that most were told of.
days as (

    select grain, network, day, max(units) as units
    from metrics
    group by grain, network, day

),

promised as (

    select
        days.grain,
        days.network,
        contracts.metric,
        contracts.sent_with,
        contracts.after_days,
        days.day,
        days.units,
        case when metrics.units is not null then days.day end as received_day
    from days
    inner join {{ ref('metric_contracts') }} as contracts
        on days.grain = contracts.grain
        and days.network = contracts.network
        and (contracts.since is null or days.day >= contracts.since)
        and (contracts.until is null or days.day < contracts.until)
    left join metrics
        on days.grain = metrics.grain
        and days.network = metrics.network
        and contracts.metric = metrics.metric
        and days.day = metrics.day

),

in_order as (

    select
        *,
        max(received_day) over (
            partition by grain, network, metric order by day rows between unbounded preceding and current row
        ) as last_received_day,
        min(received_day) over (
            partition by grain, network, metric order by day rows between current row and unbounded following
        ) as resumed_day
    from promised

),

silent as (

    select
        *,
        count(*) over (partition by grain, network, metric, last_received_day) as silent_days,
        sum(units) over (partition by grain, network, metric, last_received_day) as silent_units
    from in_order
    where received_day is null and last_received_day is not null

)

select
    grain,
    network,
    metric,
    sent_with,
    day,
    last_received_day,
    resumed_day
from silent
where
    silent_days >= {{ var('silent_days') }} + after_days
    and silent_units >= case sent_with when 'some' then 10 else 1 end * case grain
        {% for grain, units in var('silent_units').items() %}
        when '{{ grain }}' then {{ units }}
        {% endfor %}
    end
