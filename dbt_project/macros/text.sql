{# What is found in texts. #}

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

{# A row for each different text that the first group of a regular expression matches. In a select list, once.
   Both engines read the pattern as it is written; what RE2 and Java mean alike is allowed in it: classes, groups, repetition, no look-around. #}
{% macro each_match(text, pattern) -%}
    {{ return(adapter.dispatch('each_match', 'pulso')(text, pattern)) }}
{%- endmacro %}

{% macro default__each_match(text, pattern) -%}
    unnest(list_distinct(regexp_extract_all({{ text }}, '{{ pattern }}', 1)))
{%- endmacro %}

{% macro spark__each_match(text, pattern) -%}
    explode(array_distinct(regexp_extract_all({{ text }}, r'{{ pattern }}', 1)))
{%- endmacro %}
