{# A column is known on exactly the rows where the condition holds. #}
{% test known_when(model, column_name, condition) %}
select {{ column_name }}
from {{ model }}
where ({{ column_name }} is not null) != coalesce({{ condition }}, false)
{% endtest %}
