{% set flows = ['posts_published', 'engagements', 'comments', 'shares', 'reach', 'views', 'followers_delta'] %}
{% set rates = {'engagement_rate_by_reach': 'reach', 'engagement_rate_by_views': 'views', 'engagement_rate_by_impressions': 'impressions', 'engagement_rate_by_followers': 'followers_at_post'} %}

with

newest as (

    select client_id, max(day) as day
    from {{ ref('kpi_account_daily') }}
    group by client_id

),

goals as (

    select
        goals.*,
        goals.metric like 'engagement_rate_by_%' as is_rate,
        goals.metric = 'followers' as is_level,
        case when newest.day > goals.last_day then goals.last_day else newest.day end as as_of_day,
        {{ dbt.datediff('goals.first_day', 'goals.last_day', 'day') }} + 1 as period_days
    from {{ ref('stg_pulso__goals') }} as goals
    left join newest on goals.client_id = newest.client_id
    where goals.is_active

),

-- The days of the period, and the one before it: where followers stood when it began.
days as (

    select
        goals.goal_id,
        goals.is_level,
        daily.account_id,
        daily.day,
        daily.followers,
        case when daily.day >= goals.first_day then
            case goals.metric
                {% for flow in flows %}
                when '{{ flow }}' then daily.{{ flow }}
                {% endfor %}
            end
        end as flow
    from goals
    inner join {{ ref('kpi_account_daily') }} as daily
        on goals.client_id = daily.client_id
        and daily.day between goals.first_day - 1 and goals.last_day
    where
        not goals.is_rate
        and coalesce(goals.network, daily.network) = daily.network
        and coalesce(goals.account_id, daily.account_id) = daily.account_id

),

flows as (

    select goal_id, cast(sum(flow) as double) as actual
    from days
    where not is_level
    group by goal_id

),

levels as (

    select
        goal_id,
        cast(sum(first_followers) as double) as baseline,
        cast(sum(last_followers) as double) as actual
    from (
        select
            goal_id,
            min_by(followers, day) as first_followers,
            max_by(followers, day) as last_followers
        from days
        where is_level and followers is not null
        group by goal_id, account_id
    )
    group by goal_id

),

posts as (

    select
        goals.goal_id,
        goals.is_rate,
        coalesce(array_contains(posts.missing_counts, goals.metric), false) as is_missing,
        posts.engagements,
        case goals.metric
            {% for metric, column in rates.items() %}
            when '{{ metric }}' then posts.{{ column }}
            {% endfor %}
        end as denominator
    from goals
    inner join {{ ref('fct_posts') }} as posts
        on goals.client_id = posts.client_id
        and posts.published_day between goals.first_day and goals.last_day
    where
        not posts.is_reply
        and coalesce(goals.network, posts.network) = posts.network
        and coalesce(goals.account_id, posts.account_id) = posts.account_id

),

rates as (

    select goal_id, {{ pooled_rate('engagements', 'denominator') }} as actual
    from posts
    where is_rate
    group by goal_id

),

-- Goals about a count that a network had stopped sending with some of the posts: a part is no total.
incomplete as (

    select distinct goal_id from posts
    where is_missing

),

measured as (

    select
        goals.*,
        levels.baseline,
        case when incomplete.goal_id is null then coalesce(flows.actual, levels.actual, rates.actual) end as actual,
        cast(greatest(coalesce({{ dbt.datediff('goals.first_day', 'goals.as_of_day', 'day') }} + 1, 0), 0) as double) / goals.period_days as elapsed_ratio
    from goals
    left join flows on goals.goal_id = flows.goal_id
    left join levels on goals.goal_id = levels.goal_id
    left join rates on goals.goal_id = rates.goal_id
    left join incomplete on goals.goal_id = incomplete.goal_id

),

compared as (

    select
        *,
        case
            when not is_level then actual / target
            when target > baseline then (actual - baseline) / (target - baseline)
            when baseline is not null then actual / target
        end as progress_ratio,
        case
            when is_rate then actual
            when is_level then baseline + {{ rate('(actual - baseline)', 'elapsed_ratio') }}
            else {{ rate('actual', 'elapsed_ratio') }}
        end as projection
    from measured

)

select
    client_id,
    goal_id,
    metric,
    network,
    account_id,
    first_day,
    last_day,
    as_of_day,
    target,
    baseline,
    actual,
    elapsed_ratio,
    progress_ratio,
    case when is_rate then progress_ratio else {{ rate('progress_ratio', 'elapsed_ratio') }} end as pace_ratio,
    projection,
    case
        when as_of_day is null then 'no_data'
        when elapsed_ratio = 0 then 'not_started'
        when actual is null then 'no_data'
        when actual >= target and (elapsed_ratio = 1 or not (is_rate or is_level)) then 'reached'
        when elapsed_ratio = 1 then 'missed'
        when projection >= target then 'on_track'
        else 'behind'
    end as status
from compared
