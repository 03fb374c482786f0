{# Times are UTC instants; days and hours of the clock are the client's. #}

{# Wall-clock time of an instant in a time zone. Both switches of summer time are the zone data's business. #}
{% macro local_time(instant, time_zone) -%}
    ({{ instant }} at time zone {{ time_zone }})
{%- endmacro %}

{# Rows of a relation that has `time_zone`, with `local_time`, the wall-clock time of an instant of theirs.

   For large tables: a conversion with the zone of each row costs microseconds (every row looks its zone up again), so each zone's
   offset is looked up once for each quarter of an hour that occurs. No zone has changed its clock within a quarter since there are networks. #}
{% macro with_local_time(relation, instant) -%}
    {%- set quarter = '(epoch_us(' ~ instant ~ ') // 900000000)' -%}
    select
        seen.*,
        make_timestamp(epoch_us(seen.{{ instant }}) + clocks.offset_us) as local_time
    from {{ relation }} as seen
    left join (
        select
            time_zone,
            quarter,
            epoch_us({{ local_time('make_timestamptz(quarter * 900000000)', 'time_zone') }}) - quarter * 900000000 as offset_us
        from (select distinct time_zone, {{ quarter }} as quarter from {{ relation }})
    ) as clocks on seen.time_zone = clocks.time_zone and {{ quarter }} = clocks.quarter
{%- endmacro %}

{# Day in Greenwich of an instant, whatever the session's zone. #}
{% macro utc_day(instant) -%}
    cast(make_timestamp(epoch_us({{ instant }})) as date)
{%- endmacro %}

{# Monday of the ISO week that a day lies in. #}
{% macro week_of(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{# Exact length of time as an interval; hours never change length, days would. #}
{% macro hours(count) -%}
    to_hours({{ count }})
{%- endmacro %}

{# Seconds from one instant to another. #}
{% macro seconds_between(earlier, later) -%}
    (epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000.0
{%- endmacro %}

{# The moment at which a day begins in a zone. No zone of a network or a client switches its clock at midnight. #}
{% macro start_of_day(day, zone) -%}
    (cast({{ day }} as timestamp) at time zone {{ zone }})
{%- endmacro %}
