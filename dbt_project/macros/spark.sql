{# How models become tables on Spark. What a model's SQL has to say differently there stands with its concept: time, asof, text, types. #}

{# Weeks (weeks.sql) are kept on DuckDB only: an incremental model is built whole, as any other table. #}
{% materialization incremental, adapter='spark' -%}
    {{ return(materialization_table_spark()) }}
{%- endmaterialization %}

{# Rows of a seed, as literals: dbt-spark's own way over a session writes 'None' for nothing, and stumbles over apostrophes. The session takes
   backslashes as they are, so an apostrophe is put together from a text of its own. #}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
        insert into {{ this.render() }} values
        {% for row in agate_table.rows -%}
        ({%- for name in agate_table.column_names -%}
            {%- set text = "'" ~ (row[name] | string | replace("'", "' || \"'\" || '")) ~ "'" -%}
            cast({{ 'null' if row[name] is none else text }} as {{ types[name] }}){{ ', ' if not loop.last }}
        {%- endfor -%}){{ ', ' if not loop.last }}
        {% endfor %}
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}
