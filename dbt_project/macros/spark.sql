{# How models become tables on Spark. What a model's SQL has to say differently there stands with its concept: time, asof, text, types. #}

{# Weeks (weeks.sql) are kept on DuckDB only: an incremental model is built whole, as any other table. #}
{% materialization incremental, adapter='spark' -%}
    {{ return(materialization_table_spark()) }}
{%- endmaterialization %}
