{# A known value lies between two bounds, both allowed. NaN lies nowhere. #}
{% test within(model, column_name, low, high) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} is not null and not ({{ column_name }} >= {{ low }} and {{ column_name }} <= {{ high }})
{% endtest %}
