{# Keywords in texts: what a client's pillars are known by. Both engines get the same pattern; only how it is written differs. #}

{# The text has the keyword as a whole word, or several, with up to two letters more at its end. Both in lower case.
   Looking for the letters alone is many times cheaper than the pattern, and finds all that the pattern could find. #}
{% macro has_keyword(text, keyword) -%}
    case when contains({{ text }}, {{ keyword }}) then {{ adapter.dispatch('has_word', 'pulso')(text, keyword) }} else false end
{%- endmacro %}

{% macro default__has_word(text, keyword) -%}
    regexp_matches({{ text }}, '(^|[^\p{L}\p{N}_])\Q' || {{ keyword }} || '\E[\p{L}\p{N}_]{0,2}([^\p{L}\p{N}_]|$)')
{%- endmacro %}

{% macro spark__has_word(text, keyword) -%}
    regexp_like({{ text }}, '(^|[^\p{L}\p{N}_])\Q' || {{ keyword }} || '\E[\p{L}\p{N}_]{0,2}([^\p{L}\p{N}_]|$)')
{%- endmacro %}
