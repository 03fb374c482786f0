{{ config(materialized='incremental', meta={'weekly_parents': {'int_posts': [0, 0], 'post_metrics': [0, 0]}}) }}
{% set weeks = touched() %}

-- Counts of each post side by side: as last observed, and as first observed once they could be called final.

{% set counts = post_counts() %}
{% set interactions = interactions() %}

with

observations as (

    select
        metrics.post_id,
        metrics.metric,
        metrics.value,
        metrics.observed_at,
        metrics.is_backfilled,
        metrics.metric in ({% for count in interactions %}'{{ count }}'{{ ', ' if not loop.last }}{% endfor %}) as is_interaction,
        posts.published_at,
        posts.week
    from {{ ref('stg_networks__post_metrics') }} as metrics
    inner join {{ ref('int_posts') }} as posts on metrics.post_id = posts.post_id
    where {{ since('metrics.observed_day', weeks) }} and {{ within('posts.week', weeks) }}

),

-- A post is backfilled when the first thing ever known of its counts was known long after publication. The least of a moment and a mark
-- in one number: of several counts at the first moment, a marked one decides.
origins as (

    select
        post_id,
        min(2 * {{ epoch_us('observed_at') }} + cast(not is_backfilled as bigint)) % 2 = 0 as is_backfilled
    from observations
    group by post_id

),

aged as (

    select
        observations.post_id,
        observations.metric,
        observations.value,
        observations.observed_at,
        observations.is_interaction,
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
        any_value(is_backfilled) as is_backfilled,
        min(observed_at) filter (where is_interaction and observed_at >= mature_at) as first_mature_observed_at,
        any_value(week) as week
    from aged
    group by post_id

),

-- One round of calls carries a post's counts. What a later round adds or changes does not move a label that models have seen.
matured as (

    select
        aged.post_id,
        {% for count in interactions %}
        min_by(aged.value, aged.observed_at) filter (where aged.metric = '{{ count }}') as {{ count }},
        {% endfor %}
        any_value(aged.mature_at) as mature_at,
        any_value(latest.first_mature_observed_at) as matured_observed_at
    from aged
    inner join latest on aged.post_id = latest.post_id
    where
        aged.is_interaction
        and aged.observed_at >= latest.first_mature_observed_at
        and aged.observed_at <= latest.first_mature_observed_at + {{ hours(var('observation_round_hours')) }}
    group by aged.post_id

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
