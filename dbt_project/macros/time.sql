{# Times are UTC instants; days and hours of the clock are the client's. #}

{# Wall-clock time of an instant in a time zone. Both switches of summer time are the zone data's business. #}
{% macro local_time(instant, time_zone) -%}
    ({{ instant }} at time zone {{ time_zone }})
{%- endmacro %}

{% macro local_day(instant, time_zone) -%}
    cast({{ local_time(instant, time_zone) }} as date)
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
