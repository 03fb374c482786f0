{{ config(materialized='incremental', meta={'made_of': {'int_posts': [0, 0], 'post_metrics': [0, 0]}}) }}
{% set weeks = touched_weeks() %}

-- Counts of each post side by side: as last observed, and as first observed once they could be called final.

{% set counts = ['likes', 'comments', 'shares', 'saves', 'quotes', 'reach', 'views', 'impressions', 'clicks'] %}
{% set interactions = ['likes', 'comments', 'shares', 'saves', 'quotes'] %}

with

observations as (

    select
        metrics.post_id,
        metrics.metric,
        metrics.value,
        metrics.observed_at,
        metrics.is_backfilled,
        posts.published_at,
        posts.week,
        min(metrics.observed_at) over (partition by metrics.post_id) as first_observed_at
    from {{ ref('stg_networks__post_metrics') }} as metrics
    inner join {{ ref('int_posts') }} as posts on metrics.post_id = posts.post_id
    where {{ since('metrics.observed_day', weeks) }} and {{ within('posts.week', weeks) }}

),

-- A post is backfilled when the first thing ever known of its counts was known long after publication.
origins as (

    select
        post_id,
        bool_or(is_backfilled) as is_backfilled
    from observations
    where observed_at = first_observed_at
    group by post_id

),

aged as (

    select
        observations.post_id,
        observations.metric,
        observations.value,
        observations.observed_at,
        origins.is_backfilled,
        observations.week,
        observations.published_at + case
            when origins.is_backfilled then {{ hours(var('backfill_mature_after_hours')) }}
            else {{ hours(var('mature_after_hours')) }}
        end as mature_at
    from observations
    inner join origins on observations.post_id = origins.post_id

),

latest as (

    select
        post_id,
        {% for count in counts %}
        max_by(value, observed_at) filter (where metric = '{{ count }}') as {{ count }},
        {% endfor %}
        max(observed_at) as metrics_observed_at,
        bool_or(is_backfilled) as is_backfilled,
        any_value(week) as week
    from aged
    group by post_id

),

mature as (

    select
        post_id,
        metric,
        value,
        observed_at,
        mature_at,
        min(observed_at) over (partition by post_id) as first_mature_observed_at
    from aged
    where
        observed_at >= mature_at
        and metric in ({% for count in interactions %}'{{ count }}'{{ ', ' if not loop.last }}{% endfor %})

),

-- One round of calls carries a post's counts. What a later round adds or changes does not move a label that models have seen.
matured as (

    select
        post_id,
        {% for count in interactions %}
        min_by(value, observed_at) filter (where metric = '{{ count }}') as {{ count }},
        {% endfor %}
        min(mature_at) as mature_at,
        min(observed_at) as matured_observed_at
    from mature
    where observed_at <= first_mature_observed_at + {{ hours(var('observation_round_hours')) }}
    group by post_id

),

latest_totals as (

    select *, {{ sum_of_known(interactions) }} as engagements
    from latest

),

matured_totals as (

    select *, {{ sum_of_known(interactions) }} as mature_engagements
    from matured

)

select
    latest_totals.post_id,
    {% for count in counts %}
    latest_totals.{{ count }},
    {% endfor %}
    latest_totals.engagements,
    latest_totals.metrics_observed_at,
    latest_totals.is_backfilled,
    matured_totals.mature_engagements,
    matured_totals.mature_at,
    matured_totals.matured_observed_at,
    latest_totals.week
from latest_totals
left join matured_totals on latest_totals.post_id = matured_totals.post_id
