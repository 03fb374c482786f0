{# Counts that are known are never below zero. The first column comes twice, since Spark's `least` wants two. #}
{% test non_negative(model, columns) %}
select *
from {{ model }}
where least({{ (columns + columns[:1]) | join(', ') }}) < 0
{% endtest %}
