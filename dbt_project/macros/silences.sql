{# What a row of counts lacks because its network had fallen silent about it (int_metric_silences). #}

{# A row for each row of `looks` that lacks something: its key and `missing_counts`, what the network sent to nobody on the client's day of
   the look and the row has not; with `engagements` when one of their parts is among it: a sum without one of its parts is no sum.
   Looks have `network`, `time_zone`, `week` (of publication), the counts, and when it was in the column that `looked_at` names; they come at
   most so many `weeks` after that week. #}
{% macro missing_counts(looks, key, looked_at, counts, weeks) -%}
    with

    silences as (

        select *, {{ week_of('day') }} as week
        from {{ ref('int_metric_silences') }}
        where grain = 'post' and sent_with = 'all'

    ),

    affected as (

        select * from {{ looks }}
        where network in (select network from silences)

    ),

    timed as (

        {{ with_local_time('affected', looked_at) }}

    ),

    lacking as (

        select {% for column in key %}timed.{{ column }}, {% endfor %}silences.metric
        from timed
        inner join silences
            on timed.network = silences.network
            and cast(timed.local_time as date) = silences.day
            and timed.week >= silences.week - {{ 7 * weeks }}
        where case silences.metric
            {% for count in counts %}
            when '{{ count }}' then timed.{{ count }} is null
            {% endfor %}
        end

    )

    select {{ key | join(', ') }}, array_sort(array_agg(distinct metric)) as missing_counts
    from (
        select * from lacking
        union all
        select {{ key | join(', ') }}, 'engagements' as metric from lacking
        where metric in ('{{ interactions() | join("', '") }}')
    )
    group by {{ key | join(', ') }}
{%- endmacro %}

{# The row lacks the count for that reason; false, not null, where it lacks nothing. #}
{% macro is_missing(count, missing_counts='missing_counts') -%}
    coalesce(array_contains({{ missing_counts }}, '{{ count }}'), false)
{%- endmacro %}
