{# Counts of a post "at an age": the newest that was observed at or before it, and not earlier than the age less its tolerance, a share of it.

   An older one is no count at that age, and the next one is: then nothing is known. The windows of the ages do not overlap. #}

{# The age (hours) at which a moment, so many seconds after publication, stands for the post's counts; NULL for no age. #}
{% macro age_stood_for(seconds) -%}
    case
        {% for age in var('cohort_ages_hours') %}
        when {{ seconds }} >= {{ age }} * 3600 * (1 - {{ var('cohort_age_tolerance') }}) and {{ seconds }} <= {{ age }} * 3600 then {{ age }}
        {% endfor %}
    end
{%- endmacro %}

{# The UTC day may hold an observation, at one of the ages, of a post published in one of the weeks; true when the whole table is built.
   Unlike `since` it has an end, so that a change to an old week does not read all that was observed after it. #}
{% macro at_ages_of(day, weeks) -%}
    {%- if weeks is none -%}true
    {%- elif not weeks -%}false
    {%- else -%}
        {%- set days = (var('cohort_ages_hours') | max) // 24 + 9 -%}
        {%- set spans = [] -%}
        {%- for week in weeks -%}
            {%- set first, last = week - modules.datetime.timedelta(days=1), week + modules.datetime.timedelta(days=days) -%}
            {%- if spans and first <= spans[-1][1] -%}{%- do spans.append((spans.pop()[0], last)) -%}
            {%- else -%}{%- do spans.append((first, last)) -%}{%- endif -%}
        {%- endfor -%}
        ({% for first, last in spans %}{{ day }} between date '{{ first }}' and date '{{ last }}'{{ ' or ' if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}
