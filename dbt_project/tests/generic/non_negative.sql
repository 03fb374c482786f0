{# Counts that are known are never below zero. One column comes twice, since Spark's `least` wants two. #}
{% test non_negative(model, columns) %}
select *
from {{ model }}
where least({{ (columns if columns | length > 1 else columns * 2) | join(', ') }}) < 0
{% endtest %}
