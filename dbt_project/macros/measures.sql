{# How counts and rates are put together. Every rate of every mart comes from here, so that a name means one formula. #}

{# Every count of a post that any network has a contract for: each is a column of fct_posts. #}
{% macro post_counts() -%}
    {{ return([
        'likes', 'comments', 'shares', 'saves', 'quotes', 'reach', 'views', 'impressions', 'clicks',
        'link_clicks', 'profile_visits', 'watch_minutes', 'average_view_seconds',
    ]) }}
{%- endmacro %}

{# Those that are something that somebody did with a post: engagements are their sum. #}
{% macro interactions() -%}
    {{ return(['likes', 'comments', 'shares', 'saves', 'quotes']) }}
{%- endmacro %}

{# Sum of the counts that are known; NULL, not zero, when none is. #}
{% macro sum_of_known(columns) -%}
    case
        when coalesce({{ columns | join(', ') }}) is not null
            then {% for column in columns %}coalesce({{ column }}, 0){{ ' + ' if not loop.last }}{% endfor %}
    end
{%- endmacro %}

{# Rate of one row; NULL when either side is unknown or the denominator is not positive. #}
{% macro rate(numerator, denominator) -%}
    cast({{ numerator }} as double) / case when {{ denominator }} > 0 then {{ denominator }} end
{%- endmacro %}

{# Rate of a group: ratio of sums over exactly the rows that know both sides; NULL when there is none. #}
{% macro pooled_rate(numerator, denominator) -%}
    cast(sum({{ numerator }}) filter (where {{ denominator }} > 0) as double)
    / cast(sum({{ denominator }}) filter (where {{ denominator }} > 0 and {{ numerator }} is not null) as double)
{%- endmacro %}

{# Sums of BIGINT are HUGEINT in DuckDB, which no lake format knows. #}
{% macro total(column) -%}
    cast(sum({{ column }}) as bigint)
{%- endmacro %}

{# Sum of a count over posts; NULL when the network had stopped sending what it needs to any of them: a part is no total. #}
{% macro total_of_posts(count) -%}
    case when count(*) filter (where {{ is_missing(count) }}) = 0 then {{ total(count) }} end
{%- endmacro %}

{# Sum of the known counts of one post; NULL, too, when its network had stopped sending one of them. #}
{% macro sum_of_counts(columns) -%}
    case
        when not ({% for column in columns %}{{ is_missing(column) }}{{ ' or ' if not loop.last }}{% endfor %})
            then {{ sum_of_known(columns) }}
    end
{%- endmacro %}

{# Engagement rates of a group of posts, by everything that a rate can be by. #}
{% macro pooled_engagement_rates() -%}
    {{ pooled_rate('engagements', 'reach') }} as engagement_rate_by_reach,
    {{ pooled_rate('engagements', 'views') }} as engagement_rate_by_views,
    {{ pooled_rate('engagements', 'impressions') }} as engagement_rate_by_impressions,
    {{ pooled_rate('engagements', 'followers_at_post') }} as engagement_rate_by_followers
{%- endmacro %}

{# What a group of posts achieved. #}
{% macro performance() -%}
    count(*) as posts_published,
    {{ total_of_posts('engagements') }} as engagements,
    avg(engagements) as mean_engagements_per_post,
    median(engagements) as median_engagements_per_post,
    {{ pooled_engagement_rates() }}
{%- endmacro %}
