{# Days of networks and of clients, as moments. #}

{# The moment at which a day begins in a zone. No zone of a network or a client switches its clock at midnight. #}
{% macro start_of_day(day, zone) -%}
    (cast({{ day }} as timestamp) at time zone {{ zone }})
{%- endmacro %}
