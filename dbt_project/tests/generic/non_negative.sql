{# Counts that are known are never below zero. #}
{% test non_negative(model, columns) %}
select *
from {{ model }}
where least({{ columns | join(', ') }}) < 0
{% endtest %}
