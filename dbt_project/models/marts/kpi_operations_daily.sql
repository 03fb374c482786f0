{% set settled = ['published', 'failed', 'missed', 'cancelled', 'parked'] %}
{% set errors = ['errors_auth', 'errors_scope', 'errors_rate', 'errors_invalid', 'errors_transient', 'errors_other'] %}

with

due as (

    select *, {{ utc_day('scheduled_at') }} as day
    from {{ ref('fct_publications') }}
    where action = 'publish' and scheduled_at is not null

),

publications as (

    select
        client_id,
        network,
        day,
        count(*) as publications_due,
        {% for state in settled %}
        count(*) filter (where state = '{{ state }}') as publications_{{ state }},
        {% endfor %}
        percentile_cont(0.5) within group (order by lateness_seconds) as median_lateness_seconds,
        percentile_cont(0.95) within group (order by lateness_seconds) as p95_lateness_seconds
    from due
    group by client_id, network, day

),

queues as (

    select * from {{ ref('stg_pulso__queue_depths') }}

),

readings as (

    select
        client_id,
        network,
        day,
        {{ total('readings') }} as readings,
        {{ total('readings_answered') }} as readings_answered,
        {% for error in errors %}
        {{ total(error) }} as {{ error }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('kpi_source_uptime_daily') }}
    group by client_id, network, day

),

days as (

    select client_id, network, day from publications
    union
    select client_id, network, day from queues
    union
    select client_id, network, day from readings

)

select
    days.client_id,
    days.network,
    days.day,
    coalesce(publications.publications_due, 0) as publications_due,
    {% for state in settled %}
    coalesce(publications.publications_{{ state }}, 0) as publications_{{ state }},
    {% endfor %}
    publications.median_lateness_seconds,
    publications.p95_lateness_seconds,
    queues.waiting as queue_waiting,
    queues.overdue as queue_overdue,
    queues.parked as queue_parked,
    readings.readings,
    readings.readings_answered,
    {{ rate('readings.readings_answered', 'readings.readings') }} as uptime_ratio,
    {% for error in errors %}
    readings.{{ error }}{{ ',' if not loop.last }}
    {% endfor %}
from days
left join publications
    on days.client_id = publications.client_id and days.network = publications.network and days.day = publications.day
left join queues
    on days.client_id = queues.client_id and days.network = queues.network and days.day = queues.day
left join readings
    on days.client_id = readings.client_id and days.network = readings.network and days.day = readings.day
