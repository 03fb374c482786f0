{# Lists as rows. #}

{# A row for each element of a list, none for an empty or unknown one. In a select list, once. #}
{% macro each(list) -%}
    {{ return(adapter.dispatch('each', 'pulso')(list)) }}
{%- endmacro %}

{% macro default__each(list) -%}
    unnest({{ list }})
{%- endmacro %}

{% macro spark__each(list) -%}
    explode({{ list }})
{%- endmacro %}

{# A row for each day from the first to the last, both included; none when the last lies before the first. In a select list, once. #}
{% macro each_day(first, last) -%}
    {{ return(adapter.dispatch('each_day', 'pulso')(first, last)) }}
{%- endmacro %}

{% macro default__each_day(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__each_day(first, last) -%}
    explode(case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}) end)
{%- endmacro %}
