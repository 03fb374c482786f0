with

posts as (

    select
        *,
        {{ week_of('published_day') }} as week
    from {{ ref('fct_posts') }}
    where not is_reply

),

account_weeks as (

    select
        client_id,
        account_id,
        {{ week_of('day') }} as week,
        max_by(followers, day) filter (where followers is not null) as followers,
        sum(followers_delta) as followers_delta
    from {{ ref('kpi_account_daily') }}
    group by all

),

spans as (

    select client_id, min(week) as first_week, max(week) as last_week
    from account_weeks
    group by client_id

),

weeks as (

    select
        client_id,
        cast(unnest(generate_series(first_week, last_week, interval 7 day)) as date) as week
    from spans

),

-- An account that is not observed in a week keeps its last known followers, so that the client's sum does not dip.
accounts as (

    select distinct client_id, account_id from account_weeks

),

audience as (

    select
        weeks.client_id,
        weeks.week,
        {{ total('known.followers') }} as followers,
        {{ total('changed.followers_delta') }} as followers_delta
    from weeks
    inner join accounts on weeks.client_id = accounts.client_id
    left join account_weeks as changed
        on accounts.account_id = changed.account_id and weeks.week = changed.week
    asof left join (select * from account_weeks where followers is not null) as known
        on accounts.account_id = known.account_id and weeks.week >= known.week
    group by weeks.client_id, weeks.week

),

published as (

    select
        client_id,
        week,
        count(*) as posts_published,
        {{ total('engagements') }} as engagements,
        {{ total('reach') }} as reach,
        {{ total('views') }} as views,
        avg(engagements) as mean_engagements_per_post,
        {{ pooled_engagement_rates() }}
    from posts
    group by client_id, week

)

select
    audience.client_id,
    audience.week,
    coalesce(published.posts_published, 0) as posts_published,
    published.engagements,
    published.reach,
    published.views,
    audience.followers,
    audience.followers_delta,
    published.mean_engagements_per_post,
    published.engagement_rate_by_reach,
    published.engagement_rate_by_views,
    published.engagement_rate_by_impressions,
    published.engagement_rate_by_followers
from audience
left join published on audience.client_id = published.client_id and audience.week = published.week
