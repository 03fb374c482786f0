{{ config(materialized='incremental', meta={'weekly_parents': {
    'int_posts': [0, 0], 'post_metrics': [0, 0], 'int_metric_silences': [4, 0]
}}) }}
{% set weeks = touched() %}
{% set counts = interactions() + ['reach', 'views', 'impressions'] %}

with

aged as (

    select
        posts.client_id,
        posts.account_id,
        posts.network,
        posts.post_id,
        posts.content_format,
        posts.is_reply,
        posts.published_at,
        posts.time_zone,
        posts.week,
        metrics.metric,
        metrics.value,
        metrics.observed_at,
        {{ seconds_between('posts.published_at', 'metrics.observed_at') }} as age_seconds
    from {{ ref('stg_networks__post_metrics') }} as metrics
    inner join {{ ref('int_posts') }} as posts on metrics.post_id = posts.post_id
    where {{ at_ages_of('metrics.observed_day', weeks) }} and {{ within('posts.week', weeks) }}

),

standing as (

    select *, {{ age_stood_for('age_seconds') }} as age_hours
    from aged

),

newest as (

    select
        any_value(client_id) as client_id,
        any_value(account_id) as account_id,
        any_value(network) as network,
        post_id,
        any_value(content_format) as content_format,
        any_value(is_reply) as is_reply,
        any_value(published_at) as published_at,
        any_value(time_zone) as time_zone,
        age_hours,
        {% for count in counts %}
        max_by(value, observed_at) filter (where metric = '{{ count }}') as {{ count }},
        {% endfor %}
        max(observed_at) as observed_at,
        any_value(week) as week
    from standing
    where age_hours is not null
    group by post_id, age_hours

),

missing as (

    {{ missing_counts('newest', ['post_id', 'age_hours'], 'observed_at', counts, weeks=4) }}

)

select
    newest.client_id,
    newest.account_id,
    newest.network,
    newest.post_id,
    newest.content_format,
    newest.is_reply,
    newest.published_at,
    newest.age_hours,
    {% for count in counts %}
    newest.{{ count }},
    {% endfor %}
    case when not {{ is_missing('engagements', 'missing.missing_counts') }} then {{ sum_of_known(interactions()) }} end as engagements,
    missing.missing_counts,
    newest.observed_at,
    newest.week
from newest
left join missing on newest.post_id = missing.post_id and newest.age_hours = missing.age_hours
