{# The row of a relation that was the newest at a moment, or the first one after it. #}

{# A left join to one row of `relation` at most, as `alias`: of those with the same key, the last whose `moment` is not after `upto`, or the
   first whose `moment` is after `after`. `key` maps columns of the relation to what they equal: {'account_id': 'posts.account_id'}.
   Moments are unique within a key. #}
{% macro asof_left_join(relation, alias, key, moment, upto=none, after=none) -%}
    {{ return(adapter.dispatch('asof_left_join', 'pulso')(relation, alias, key, moment, upto, after)) }}
{%- endmacro %}

{% macro default__asof_left_join(relation, alias, key, moment, upto, after) -%}
    asof left join {{ relation }} as {{ alias }}
        on {% for column, value in key.items() %}{{ value }} = {{ alias }}.{{ column }} and {% endfor %}
        {%- if upto %}{{ upto }} >= {{ alias }}.{{ moment }}{% else %}{{ after }} < {{ alias }}.{{ moment }}{% endif %}
{%- endmacro %}

{# Spark has no such join: each row carries the moment of its neighbour, and is the one from its own moment until then. #}
{% macro spark__asof_left_join(relation, alias, key, moment, upto, after) -%}
    {%- set in_order = '(partition by ' ~ (key.keys() | join(', ')) ~ ' order by ' ~ moment ~ ')' -%}
    left join (
        select *, {{ 'lead' if upto else 'lag' }}({{ moment }}) over {{ in_order }} as neighbour
        from {{ relation }}
        where {{ moment }} is not null
    ) as {{ alias }}
        on {% for column, value in key.items() %}{{ value }} = {{ alias }}.{{ column }} and {% endfor %}
        {%- if upto %}{{ upto }} >= {{ alias }}.{{ moment }} and ({{ upto }} < {{ alias }}.neighbour or {{ alias }}.neighbour is null)
        {%- else %}{{ after }} < {{ alias }}.{{ moment }} and ({{ after }} >= {{ alias }}.neighbour or {{ alias }}.neighbour is null)
        {%- endif %}
{%- endmacro %}
