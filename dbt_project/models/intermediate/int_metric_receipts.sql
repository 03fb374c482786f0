{{ config(materialized='incremental', meta={'weekly_parents': {
    'fct_posts': [0, 0], 'fct_post_metrics_daily': [2, 0], 'account_metrics': [0, 0], 'kpi_account_daily': [0, 0]
}}) }}
{% set weeks = touched() %}
{% set columns = ['likes', 'comments', 'shares', 'saves', 'quotes', 'reach', 'views', 'impressions', 'clicks'] %}

-- Of how many posts, or days, of each account and week each metric with a contract could be there, and of how many it is.

with

contracts as (

    select * from {{ ref('metric_contracts') }}

),

posts as (

    select * from {{ ref('fct_posts') }}
    where not is_reply and metrics_observed_at is not null and {{ within('week', weeks) }}

),

-- Counts that fct_posts has no column for, as observed in the first weeks of a post.
elsewhere as (

    select distinct metrics.post_id, metrics.metric
    from {{ ref('fct_post_metrics_daily') }} as metrics
    inner join posts on metrics.post_id = posts.post_id
    where
        metrics.metric not in ({% for column in columns %}'{{ column }}'{{ ', ' if not loop.last }}{% endfor %})
        and metrics.week between posts.week and posts.week + 14
        and {{ since('metrics.day', weeks, days=7) }}

),

of_posts as (

    select
        posts.client_id,
        posts.account_id,
        posts.network,
        contracts.metric,
        posts.week,
        posts.published_day,
        posts.age_hours >= 24 * contracts.after_days as is_due,
        case contracts.metric
            {% for column in columns %}
            when '{{ column }}' then posts.{{ column }} is not null
            {% endfor %}
            else elsewhere.post_id is not null
        end as is_known
    from posts
    inner join contracts on posts.network = contracts.network and contracts.grain = 'post'
    left join elsewhere on posts.post_id = elsewhere.post_id and contracts.metric = elsewhere.metric

),

reported as (

    select
        client_id,
        account_id,
        network,
        metric,
        day,
        {{ week_of('day') }} as week
    from {{ ref('stg_networks__account_metrics') }}
    where {{ since('day', weeks, days=0) }} and {{ within(week_of('day'), weeks) }}

),

reported_days as (

    select client_id, account_id, network, week, count(distinct day) as days
    from reported
    group by client_id, account_id, network, week

),

reported_metrics as (

    select account_id, metric, week, count(*) as days, max(day) as last_day
    from reported
    group by account_id, metric, week

)

select
    client_id,
    account_id,
    network,
    'post' as grain,
    metric,
    count(*) filter (where is_due or is_known) as expected,
    count(*) filter (where is_known) as received,
    max(published_day) filter (where is_known) as last_received_day,
    week
from of_posts
group by client_id, account_id, network, metric, week
union all
select
    reported_days.client_id,
    reported_days.account_id,
    reported_days.network,
    'account_day' as grain,
    contracts.metric,
    reported_days.days as expected,
    coalesce(reported_metrics.days, 0) as received,
    reported_metrics.last_day as last_received_day,
    reported_days.week
from reported_days
inner join contracts on reported_days.network = contracts.network and contracts.grain = 'account_day'
left join reported_metrics
    on reported_days.account_id = reported_metrics.account_id
    and reported_days.week = reported_metrics.week
    and contracts.metric = reported_metrics.metric
union all
select
    client_id,
    account_id,
    network,
    'account' as grain,
    'followers' as metric,
    count(*) as expected,
    count(followers) as received,
    max(day) filter (where followers is not null) as last_received_day,
    week
from {{ ref('kpi_account_daily') }}
where {{ within('week', weeks) }}
group by client_id, account_id, network, week
