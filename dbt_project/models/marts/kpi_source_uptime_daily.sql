{{ config(materialized='incremental', meta={'weekly_parents': {'reading_days': [0, 0]}}) }}
{% set weeks = touched() %}
{% set classes = ['auth', 'scope', 'rate', 'invalid', 'transient'] %}

with

outcomes as (

    select *, {{ week_of('day') }} as week
    from {{ ref('stg_pulso__reading_days') }}
    where {{ since('day', weeks, days=0) }} and {{ within(week_of('day'), weeks) }}

),

counted as (

    select
        client_id,
        network,
        source_table,
        day,
        count(distinct account_id) as accounts_asked,
        {{ total('readings') }} as readings,
        cast(coalesce(sum(readings) filter (where outcome = 'answered'), 0) as bigint) as readings_answered,
        {% for class in classes %}
        cast(coalesce(sum(readings) filter (where outcome = '{{ class }}'), 0) as bigint) as errors_{{ class }},
        {% endfor %}
        cast(coalesce(sum(readings) filter (
            where outcome not in ('answered'{% for class in classes %}, '{{ class }}'{% endfor %})
        ), 0) as bigint) as errors_other,
        week
    from outcomes
    group by client_id, network, source_table, day, week

)

select
    client_id,
    network,
    source_table,
    day,
    accounts_asked,
    readings,
    readings_answered,
    {{ rate('readings_answered', 'readings') }} as uptime_ratio,
    {% for class in classes + ['other'] %}
    errors_{{ class }},
    {% endfor %}
    week
from counted
