{{ config(
    materialized='table',
    meta={'version': 'grain, network, metric, last_received_day, from_day, through_day, resumed_day', 'version_week': 'week'}
) }}

-- Times in which a network sent a metric to nobody, though it promises it, had sent it before and went on sending others.

with

metrics as (

    select * from {{ ref('int_metrics_by_day') }}

),

-- At least so many were told of anything that day: those of the metric that most were told of.
days as (

    select grain, network, day, week, max(units) as units
    from metrics
    group by grain, network, day, week

),

promised as (

    select
        days.grain,
        days.network,
        contracts.metric,
        contracts.sent_with,
        contracts.after_days,
        days.day,
        days.week,
        days.units,
        metrics.units is not null as is_received
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
        max(case when is_received then day end) over so_far as last_received_day,
        min(case when is_received then day end) over from_now as resumed_day
    from promised
    window
        so_far as (partition by grain, network, metric order by day rows between unbounded preceding and current row),
        from_now as (partition by grain, network, metric order by day rows between current row and unbounded following)

),

silent as (

    select
        *,
        count(*) over one_silence as silent_days,
        sum(units) over one_silence as silent_units
    from in_order
    where not is_received and last_received_day is not null
    window one_silence as (partition by grain, network, metric, last_received_day)

)

select
    grain,
    network,
    metric,
    sent_with,
    week,
    last_received_day,
    min(day) as from_day,
    max(day) as through_day,
    resumed_day,
    cast(sum(units) as bigint) as units
from silent
where
    silent_days >= {{ var('silent_days') }} + after_days
    and silent_units >= case sent_with when 'some' then 10 else 1 end * case grain
        {% for grain, units in var('silent_units').items() %}
        when '{{ grain }}' then {{ units }}
        {% endfor %}
    end
group by grain, network, metric, sent_with, week, last_received_day, resumed_day
