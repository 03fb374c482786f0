{# Texts as both engines read them. #}

{# A text in lower case, letter by letter. #}
{% macro lower_case(text) -%}
    {{ return(adapter.dispatch('lower_case', 'pulso')(text)) }}
{%- endmacro %}

{% macro default__lower_case(text) -%}
    lower({{ text }})
{%- endmacro %}

{# Spark looks at words: a sigma at the end of one gets a form of its own, and a dotted capital I becomes two characters. #}
{% macro spark__lower_case(text) -%}
    lower(translate({{ text }}, 'Σİ', 'σi'))
{%- endmacro %}
