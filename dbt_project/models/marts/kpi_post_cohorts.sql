{{ config(materialized='incremental', meta={'weekly_parents': {'fct_posts': [0, 0], 'fct_post_counts_at_age': [0, 0]}}) }}
{% set weeks = touched() %}
{% set counts = ['engagements', 'reach', 'views', 'impressions'] %}

with

posts as (

    select
        client_id,
        network,
        week,
        content_format,
        post_id,
        -- Counts of a post that matured are taken as final as they were last observed.
        {% for count in counts %}
        case when mature_at is not null then {{ count }} end as final_{{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('fct_posts') }}
    where not is_reply and {{ within('week', weeks) }}

),

at_age as (

    select * from {{ ref('fct_post_counts_at_age') }}
    where not is_reply and {{ within('week', weeks) }}

),

cohorts as (

    select client_id, network, week, content_format, count(*) as posts_published
    from posts
    group by client_id, network, week, content_format

),

ages as (

    select * from (values {% for age in var('cohort_ages_hours') %}({{ age }}){{ ', ' if not loop.last }}{% endfor %}) as listed(age_hours)

),

counted as (

    select
        posts.client_id,
        posts.network,
        posts.week,
        posts.content_format,
        at_age.age_hours,
        count(*) as posts_counted,
        {% for count in counts %}
        case when not bool_or({{ is_missing(count, 'at_age.missing_counts') }}) then {{ total('at_age.' ~ count) }} end as {{ count }},
        avg(at_age.{{ count }}) as mean_{{ count }}_per_post,
        {{ pooled_rate('at_age.' ~ count, 'posts.final_' ~ count) }} as share_of_final_{{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from at_age
    inner join posts on at_age.post_id = posts.post_id
    group by posts.client_id, posts.network, posts.week, posts.content_format, at_age.age_hours

)

select
    cohorts.client_id,
    cohorts.network,
    cohorts.week,
    cohorts.content_format,
    ages.age_hours,
    cohorts.posts_published,
    coalesce(counted.posts_counted, 0) as posts_counted,
    {% for count in counts %}
    counted.{{ count }},
    counted.mean_{{ count }}_per_post,
    counted.share_of_final_{{ count }}{{ ',' if not loop.last }}
    {% endfor %}
from cohorts
cross join ages
left join counted
    on cohorts.client_id = counted.client_id
    and cohorts.network = counted.network
    and cohorts.week = counted.week
    and cohorts.content_format = counted.content_format
    and ages.age_hours = counted.age_hours
