{# A statement about a row that is true of every row; unknown counts as true. #}
{% test holds(model, statement) %}
select *
from {{ model }}
where not ({{ statement }})
{% endtest %}
