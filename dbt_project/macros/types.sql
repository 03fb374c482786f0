{# Types are written as DuckDB names them: in contracts and in `dbt.cast(value, type)`. Spark's names for them stand here. #}

{% macro spark__cast(field, type) -%}
    {%- set names = {'varchar': 'string', 'timestamptz': 'timestamp', 'timestamp': 'timestamp_ntz'} -%}
    {%- set inner = type | replace('[]', '') -%}
    {%- set spark_type = names.get(inner, inner) -%}
    cast({{ field }} as {{ 'array<' ~ spark_type ~ '>' if type.endswith('[]') else spark_type }})
{%- endmacro %}
