{# Keywords in texts: what a client's pillars are known by. #}

{# The text has the keyword as a whole word, or several, with up to two letters more at its end. Both in lower case.
   The keyword's places are marked, and one pattern looks at what stands around a mark: a pattern for each row's keyword would be compiled for
   each row, which takes milliseconds. Looking for the letters alone comes first: it is many times cheaper and finds all there is. #}
{% macro has_keyword(text, keyword) -%}
    case
        when contains({{ text }}, {{ keyword }}) then {{ adapter.dispatch('has_match', 'pulso')(
            'replace(' ~ text ~ ', ' ~ keyword ~ ', chr(1))', '(^|[^\\p{L}\\p{N}_\\x01])\\x01[\\p{L}\\p{N}_]{0,2}([^\\p{L}\\p{N}_\\x01]|$)'
        ) }}
        else false
    end
{%- endmacro %}

{% macro default__has_match(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__has_match(text, pattern) -%}
    regexp_like({{ text }}, '{{ pattern }}')
{%- endmacro %}
