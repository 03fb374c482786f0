{# Times are UTC instants; days and hours of the clock are the client's. Where engines differ, each has its own form here. #}

{# Wall-clock time of an instant in a time zone. Both switches of summer time are the zone data's business. #}
{% macro local_time(instant, time_zone) -%}
    {{ return(adapter.dispatch('local_time', 'pulso')(instant, time_zone)) }}
{%- endmacro %}

{% macro default__local_time(instant, time_zone) -%}
    ({{ instant }} at time zone {{ time_zone }})
{%- endmacro %}

{% macro spark__local_time(instant, time_zone) -%}
    cast(from_utc_timestamp({{ instant }}, {{ time_zone }}) as timestamp_ntz)
{%- endmacro %}

{# Rows of a relation that has `time_zone`, with `local_time`, the wall-clock time of an instant of theirs. #}
{% macro with_local_time(relation, instant) -%}
    {{ return(adapter.dispatch('with_local_time', 'pulso')(relation, instant)) }}
{%- endmacro %}

{# For large tables: a conversion with the zone of each row costs microseconds (every row looks its zone up again), so each zone's
   offset is looked up once for each quarter of an hour that occurs. No zone has changed its clock within a quarter since there are networks. #}
{% macro default__with_local_time(relation, instant) -%}
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

{% macro spark__with_local_time(relation, instant) -%}
    select seen.*, {{ local_time('seen.' ~ instant, 'seen.time_zone') }} as local_time
    from {{ relation }} as seen
{%- endmacro %}

{# Day in Greenwich of an instant, whatever the session's zone. #}
{% macro utc_day(instant) -%}
    {{ return(adapter.dispatch('utc_day', 'pulso')(instant)) }}
{%- endmacro %}

{% macro default__utc_day(instant) -%}
    cast(make_timestamp(epoch_us({{ instant }})) as date)
{%- endmacro %}

{% macro spark__utc_day(instant) -%}
    cast({{ local_time(instant, "'UTC'") }} as date)
{%- endmacro %}

{# Monday of the ISO week that a day lies in. #}
{% macro week_of(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{# Day of the week of a day or a wall-clock time: 0 is Monday. Engines count from different days, so from one that was a Monday. #}
{% macro weekday(day) -%}
    cast((dayofweek({{ day }}) - dayofweek(date '2024-01-01') + 7) % 7 as integer)
{%- endmacro %}

{# Exact length of time as an interval; hours never change length, days would. #}
{% macro hours(count) -%}
    interval {{ count }} hours
{%- endmacro %}

{# Microseconds from 1970 to an instant. #}
{% macro epoch_us(instant) -%}
    {{ return(adapter.dispatch('epoch_us', 'pulso')(instant)) }}
{%- endmacro %}

{% macro default__epoch_us(instant) -%}
    epoch_us({{ instant }})
{%- endmacro %}

{% macro spark__epoch_us(instant) -%}
    unix_micros({{ instant }})
{%- endmacro %}

{# Seconds from one instant to another. #}
{% macro seconds_between(earlier, later) -%}
    ({{ epoch_us(later) }} - {{ epoch_us(earlier) }}) / 1e6
{%- endmacro %}

{# The moment at which a day begins in a zone. No zone of a network or a client switches its clock at midnight. #}
{% macro start_of_day(day, zone) -%}
    {{ return(adapter.dispatch('start_of_day', 'pulso')(day, zone)) }}
{%- endmacro %}

{% macro default__start_of_day(day, zone) -%}
    (cast({{ day }} as timestamp) at time zone {{ zone }})
{%- endmacro %}

{% macro spark__start_of_day(day, zone) -%}
    to_utc_timestamp(cast({{ day }} as timestamp), {{ zone }})
{%- endmacro %}
