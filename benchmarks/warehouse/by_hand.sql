-- The marts of dbt_project/models/marts once more, as one would write them in one sitting for one full build: no tests, no contracts, no
-- increments, nothing shared but the bronze views and the table `contracts`. Statements are separated by a line of dashes; those of schema `gold` are published.

create schema gold
--------
create table gold.dim_clients as
select client_id, name as client_name, time_zone, language, autonomy, coalesce(is_active, true) as is_active from bronze.clients
--------
create table posts as
select
    p.client_id, p.account_id, p.network, p.post_id, p.native_id, p.permalink, coalesce(p.text, '') as text, p.content_format, p.media_count,
    coalesce(p.is_reply, false) as is_reply, p.published_at, c.time_zone, c.language,
    cast(p.published_at at time zone c.time_zone as date) as published_day,
    hour(p.published_at at time zone c.time_zone)::integer as local_hour,
    (isodow(p.published_at at time zone c.time_zone) - 1)::integer as local_weekday,
    date_trunc('week', p.published_at at time zone coalesce(c.time_zone, 'UTC'))::date as week
from (select *, row_number() over (partition by post_id order by observed_at desc, content_sha256 desc) as nth from bronze.posts) as p
left join gold.dim_clients as c using (client_id)
where nth = 1
--------
create table first_looks as
select post_id, min(observed_at) as at, arg_min(coalesce(is_backfilled, false), observed_at) as late from bronze.post_metrics group by post_id
--------
create table counts as
with looks as (
    select
        m.post_id, m.metric, m.value, m.observed_at, f.late,
        p.published_at + case when f.late then interval 168 hours else interval 72 hours end as mature_at
    from bronze.post_metrics as m join posts as p using (post_id) join first_looks as f using (post_id)
), first_mature as (
    select post_id, min(observed_at) as at from looks
    where observed_at >= mature_at and metric in ('likes', 'comments', 'shares', 'saves', 'quotes') group by post_id
), wide as (
    select
        post_id,
        arg_max(value, observed_at) filter (metric = 'likes') as likes, arg_max(value, observed_at) filter (metric = 'comments') as comments,
        arg_max(value, observed_at) filter (metric = 'shares') as shares, arg_max(value, observed_at) filter (metric = 'saves') as saves,
        arg_max(value, observed_at) filter (metric = 'quotes') as quotes, arg_max(value, observed_at) filter (metric = 'reach') as reach,
        arg_max(value, observed_at) filter (metric = 'views') as views, arg_max(value, observed_at) filter (metric = 'impressions') as impressions,
        arg_max(value, observed_at) filter (metric = 'clicks') as clicks, arg_max(value, observed_at) filter (metric = 'link_clicks') as link_clicks,
        arg_max(value, observed_at) filter (metric = 'profile_visits') as profile_visits,
        arg_max(value, observed_at) filter (metric = 'watch_minutes') as watch_minutes,
        arg_max(value, observed_at) filter (metric = 'average_view_seconds') as average_view_seconds, max(observed_at) as metrics_observed_at, bool_or(late) as is_backfilled
    from looks group by post_id
), ripe as (
    select
        l.post_id, min(l.mature_at) as mature_at, min(l.observed_at) as matured_observed_at,
        arg_min(value, observed_at) filter (metric = 'likes') as a, arg_min(value, observed_at) filter (metric = 'comments') as b,
        arg_min(value, observed_at) filter (metric = 'shares') as c, arg_min(value, observed_at) filter (metric = 'saves') as d,
        arg_min(value, observed_at) filter (metric = 'quotes') as e
    from looks as l join first_mature as f on l.post_id = f.post_id and l.observed_at between f.at and f.at + interval 6 hours
    where metric in ('likes', 'comments', 'shares', 'saves', 'quotes') group by l.post_id
)
select
    w.*,
    case when coalesce(likes, comments, shares, saves, quotes) is not null
        then coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0) + coalesce(saves, 0) + coalesce(quotes, 0) end as engagements,
    case when coalesce(a, b, c, d, e) is not null
        then coalesce(a, 0) + coalesce(b, 0) + coalesce(c, 0) + coalesce(d, 0) + coalesce(e, 0) end as mature_engagements,
    r.mature_at, r.matured_observed_at
from wide as w left join ripe as r using (post_id)
--------
create table followers as
select
    any_value(a.client_id) as client_id, a.account_id, any_value(a.network) as network,
    a.day, arg_max(a.followers, a.observed_at) as followers, max(a.observed_at) as observed_at
from (
    select a.* exclude (day), cast(a.observed_at at time zone c.time_zone as date) as day
    from bronze.accounts as a join gold.dim_clients as c using (client_id) where a.followers is not null
) as a group by a.account_id, a.day
--------
create table gold.dim_accounts as
with seen as (
    select
        account_id, arg_max(client_id, observed_at) as client_id, arg_max(network, observed_at) as network,
        arg_max(native_id, observed_at) as native_id, arg_max(handle, observed_at) as handle, arg_max(display_name, observed_at) as display_name,
        arg_max(followers, observed_at) as followers, arg_max(posts_count, observed_at) as posts_count,
        max(observed_at) filter (followers is not null) as followers_observed_at, min(observed_at) as first_observed_at
    from bronze.accounts group by account_id
)
select s.*, c.time_zone from (
    select * from seen
    union all by name
    select account_id, any_value(client_id) as client_id, any_value(network) as network, split_part(account_id, ':', 2) as native_id
    from posts where account_id not in (select account_id from seen) group by account_id
) as s left join gold.dim_clients as c using (client_id)
--------
create table gold.fct_publications as
select
    *, (epoch_us(published_at) - epoch_us(scheduled_at)) / 1e6 as lateness_seconds
from (select *, row_number() over (partition by ledger_id order by recorded_at desc, day desc) as nth from bronze.action_ledger) where nth = 1
--------
create table gold.fct_posts as
with known as (select account_id, observed_at, followers from bronze.accounts where followers is not null),
own as (select post_id, arg_max(content_item_id, recorded_at) as content_item_id from gold.fct_publications where post_id is not null group by 1)
select
    p.*, own.content_item_id, own.post_id is not null as is_published_by_pulso,
    k.likes, k.comments, k.shares, k.saves, k.quotes, k.reach, k.views, k.impressions, k.clicks,
    k.link_clicks, k.profile_visits, k.watch_minutes, k.average_view_seconds, k.engagements, null::varchar[] as missing_counts, k.metrics_observed_at,
    (epoch_us(k.metrics_observed_at) - epoch_us(p.published_at)) / 3.6e9 as age_hours, coalesce(k.is_backfilled, false) as is_backfilled,
    k.mature_engagements, k.mature_at, k.matured_observed_at,
    case when b.observed_at >= p.published_at - interval 28 days then b.followers
         when n.observed_at <= p.published_at + interval 7 days then n.followers end as followers_at_post,
    k.engagements / nullif(k.reach, 0) as engagement_rate_by_reach, k.engagements / nullif(k.views, 0) as engagement_rate_by_views,
    k.engagements / nullif(k.impressions, 0) as engagement_rate_by_impressions, k.engagements / nullif(followers_at_post, 0) as engagement_rate_by_followers
from posts as p
left join counts as k on p.post_id = k.post_id
asof left join known as b on p.account_id = b.account_id and p.published_at >= b.observed_at
asof left join known as n on p.account_id = n.account_id and p.published_at < n.observed_at
left join own on p.post_id = own.post_id
--------
create table clocks as -- a conversion per client and hour instead of one per row
select client_id, hour, make_timestamptz(hour * 3600000000) at time zone time_zone - make_timestamp(hour * 3600000000) as ahead
from gold.dim_clients, (
    select unnest(range(epoch_us(min(observed_at)) // 3600000000, epoch_us(max(observed_at)) // 3600000000 + 1)) as hour from bronze.post_metrics
)
--------
create table gold.fct_post_metrics_daily as
with days as (
    select
        m.client_id, m.account_id, m.network, m.post_id, m.metric, cast(make_timestamp(epoch_us(m.observed_at)) + o.ahead as date) as day,
        arg_max(m.value, m.observed_at) as value, max(m.observed_at) as observed_at, arg_max(coalesce(m.is_backfilled, false), m.observed_at) as is_backfilled
    from bronze.post_metrics as m join clocks as o on m.client_id = o.client_id and epoch_us(m.observed_at) // 3600000000 = o.hour group by all
)
select
    *, case when lag(day) over w >= day - 7 then value - lag(value) over w end as delta,
    coalesce(lag(value) over w >= 20 and value < lag(value) over w * 0.1 and lag(day) over w >= day - 7, false) as is_reset, date_trunc('week', day)::date as week
from days window w as (partition by post_id, metric order by day)
--------
create table gold.fct_account_metrics_daily as
with told as (
    select m.client_id, m.account_id, m.network, m.metric, m.day, m.value, 'reported' as kind, m.fetched_at as observed_at, c.day_boundary as day_zone
    from bronze.account_metrics as m
    left join contracts as c on m.network = c.network and m.metric = c.metric and c.grain = 'account_day'
    union all
    select f.client_id, account_id, network, 'followers', day, followers, 'observed', observed_at, time_zone
    from followers as f join gold.dim_clients using (client_id)
), bounds as (
    select day, day_zone, day::timestamp at time zone day_zone as day_begins_at, (day + 1)::timestamp at time zone day_zone as day_ends_at
    from (select distinct day, day_zone from told)
)
select t.*, day_begins_at, day_ends_at, date_trunc('week', t.day)::date as week
from told as t left join bounds as b on t.day = b.day and t.day_zone = b.day_zone
--------
create table gold.fct_comments as
select
    m.client_id, account_id, network, comment_id, post_id, parent_comment_id, coalesce(is_own, false) as is_own, likes, commented_at,
    cast(commented_at at time zone c.time_zone as date) as commented_day, observed_at, date_trunc('week', commented_day)::date as week
from bronze.comments as m left join gold.dim_clients as c using (client_id)
--------
create table gold.fct_competitor_posts as
select
    w.client_id, p.competitor_id, p.network, p.handle, p.competitor_post_id, p.permalink, coalesce(p.text, '') as text, p.published_at, p.likes, p.comments,
    case when coalesce(p.likes, p.comments) is not null then coalesce(p.likes, 0) + coalesce(p.comments, 0) end as engagements,
    p.followers, p.observed_at, date_trunc('week', p.published_at at time zone c.time_zone)::date as week
from (select *, row_number() over (partition by competitor_post_id order by observed_at desc) as nth from bronze.competitor_posts) as p
join bronze.competitors as w using (competitor_id) join gold.dim_clients as c on c.client_id = w.client_id
where nth = 1
--------
create table gold.fct_forecast_scores as
select
    f.client_id, f.forecast_id, f.account_id, p.post_id, f.content_item_id, f.origin, f.model_name, f.model_version, f.forecast_at, p.published_at,
    f.expected_log_engagement, f.lower_log_engagement, f.upper_log_engagement, f.interval_level, coalesce(f.interval_multiplier, 1) as interval_multiplier,
    p.mature_engagements, ln(1 + p.mature_engagements) as log_engagement,
    log_engagement between f.lower_log_engagement and f.upper_log_engagement as is_covered,
    abs(f.expected_log_engagement - log_engagement) as absolute_error, f.expected_log_engagement - log_engagement as error, p.mature_at
from (select *, row_number() over (partition by forecast_id order by forecast_at, day) as nth from bronze.forecasts) as f
join gold.fct_posts as p
    on f.account_id = p.account_id and (f.post_id = p.post_id or (f.post_id is null and f.content_item_id = p.content_item_id))
where nth = 1 and p.mature_engagements is not null and (f.origin != 'decision' or f.forecast_at < p.published_at)
qualify row_number() over (partition by f.forecast_id order by p.published_at, p.post_id) = 1
--------
create table gold.kpi_forecast_skill as
with ranked as (
    select
        *,
        rank() over (partition by client_id, origin, model_version, account_id order by expected_log_engagement)
            + (count(*) over (partition by client_id, origin, model_version, account_id, expected_log_engagement) - 1) / 2 as x,
        rank() over (partition by client_id, origin, model_version, account_id order by log_engagement)
            + (count(*) over (partition by client_id, origin, model_version, account_id, log_engagement) - 1) / 2 as y
    from gold.fct_forecast_scores
), accounts as (
    select client_id, origin, model_version, account_id, case when count(*) >= 3 and min(x) < max(x) and min(y) < max(y) then corr(x, y) end as rho
    from ranked group by all
)
select
    s.client_id, s.origin, s.model_version, count(*) as scored_forecasts, any_value(r.rho) as rank_correlation, avg(is_covered::int) as coverage_ratio,
    avg(interval_level) as interval_level, avg(absolute_error) as mean_absolute_error, avg(error) as bias,
    min(mature_at) as first_scored_at, max(mature_at) as last_scored_at
from gold.fct_forecast_scores as s
join (select client_id, origin, model_version, avg(rho) as rho from accounts group by all) as r using (client_id, origin, model_version)
group by s.client_id, s.origin, s.model_version
--------
create table gold.kpi_account_daily as
with p as (select * from gold.fct_posts where not is_reply),
seen as (
    select account_id, day, max(client_id) as client_id, max(network) as network
    from (select account_id, client_id, network, published_day as day from p union all select account_id, client_id, network, day from followers)
    group by account_id, day
), spans as (
    select
        *, least(coalesce(lead(day) over (partition by account_id order by day) - 1, day + 28), day + 28, (select max(day) from seen)) as until
    from seen
), days as (
    select client_id, account_id, network, unnest(generate_series(day, until, interval 1 day))::date as day from spans
), moves as (
    select account_id, day, followers, case when lag(day) over w >= day - 28 then followers - lag(followers) over w end as delta
    from followers window w as (partition by account_id order by day)
), sums as (
    select
        account_id, published_day as day, count(*) as posts_published, sum(engagements)::bigint as engagements, sum(likes)::bigint as likes,
        sum(comments)::bigint as comments, sum(shares)::bigint as shares, sum(saves)::bigint as saves, sum(reach)::bigint as reach, sum(views)::bigint as views,
        sum(engagements) filter (reach > 0) / sum(reach) filter (reach > 0 and engagements is not null) as r1,
        sum(engagements) filter (views > 0) / sum(views) filter (views > 0 and engagements is not null) as r2,
        sum(engagements) filter (impressions > 0) / sum(impressions) filter (impressions > 0 and engagements is not null) as r3,
        sum(engagements) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and engagements is not null) as r4
    from p group by account_id, published_day
)
select
    d.client_id, d.account_id, d.network, d.day, coalesce(s.posts_published, 0) as posts_published, s.engagements, s.likes, s.comments, s.shares, s.saves,
    s.reach, s.views, case when k.day >= d.day - 28 then k.followers end as followers, m.delta as followers_delta,
    s.r1 as engagement_rate_by_reach, s.r2 as engagement_rate_by_views, s.r3 as engagement_rate_by_impressions, s.r4 as engagement_rate_by_followers,
    date_trunc('week', d.day)::date as week
from days as d
left join sums as s on d.account_id = s.account_id and d.day = s.day
left join moves as m on d.account_id = m.account_id and d.day = m.day
asof left join followers as k on d.account_id = k.account_id and d.day >= k.day
--------
create table gold.kpi_account_weekly as
with weeks as (
    select client_id, account_id, network, week, arg_max(followers, day) as followers, sum(followers_delta)::bigint as followers_delta
    from gold.kpi_account_daily group by all
), sums as (
    select
        account_id, week, count(*) as posts_published, avg(likes) as applause_per_post, avg(comments) as conversation_per_post, avg(passed) as amplification_per_post,
        sum(likes) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and likes is not null) as applause_per_follower,
        sum(comments) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and comments is not null) as conversation_per_follower,
        sum(passed) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and passed is not null) as amplification_per_follower,
        sum(passed) filter (views > 0) / sum(views) filter (views > 0 and passed is not null) as virality_by_views,
        sum(passed) filter (impressions > 0) / sum(impressions) filter (impressions > 0 and passed is not null) as virality_by_impressions
    from (
        select *, case when coalesce(shares, quotes) is not null then coalesce(shares, 0) + coalesce(quotes, 0) end as passed
        from gold.fct_posts where not is_reply
    ) group by account_id, week
)
select
    w.*, coalesce(s.posts_published, 0) as posts_published, w.followers_delta / nullif(greatest(w.followers - w.followers_delta, 0), 0) as follower_growth_rate,
    s.* exclude (account_id, week, posts_published)
from weeks as w left join sums as s on w.account_id = s.account_id and w.week = s.week
--------
create table gold.kpi_client_weekly as
with audience as (
    select client_id, week, sum(followers)::bigint as followers, sum(followers_delta)::bigint as followers_delta from gold.kpi_account_weekly group by all
), sums as (
    select
        client_id, week, count(*) as posts_published, sum(engagements)::bigint as engagements, sum(reach)::bigint as reach, sum(views)::bigint as views,
        avg(engagements) as mean_engagements_per_post,
        sum(engagements) filter (reach > 0) / sum(reach) filter (reach > 0 and engagements is not null) as engagement_rate_by_reach,
        sum(engagements) filter (views > 0) / sum(views) filter (views > 0 and engagements is not null) as engagement_rate_by_views,
        sum(engagements) filter (impressions > 0) / sum(impressions) filter (impressions > 0 and engagements is not null) as engagement_rate_by_impressions,
        sum(engagements) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and engagements is not null)
            as engagement_rate_by_followers
    from gold.fct_posts where not is_reply group by all
)
select a.*, coalesce(s.posts_published, 0) as posts_published, s.* exclude (client_id, week, posts_published)
from audience as a left join sums as s on a.client_id = s.client_id and a.week = s.week
--------
create table gold.kpi_competitor_benchmark as
with own as (
    select
        client_id, account_id, network, week,
        sum(i) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and i is not null) as rate
    from (
        select *, case when coalesce(likes, comments) is not null then coalesce(likes, 0) + coalesce(comments, 0) end as i from gold.fct_posts where not is_reply
    ) group by all
), rivals as (
    select
        client_id, competitor_id, network, week,
        sum(engagements) filter (followers > 0) / sum(followers) filter (followers > 0 and engagements is not null) as rate
    from gold.fct_competitor_posts group by all
), beside as (
    select
        o.client_id, o.account_id, o.network, o.week, o.rate, count(r.rate) as rivals, avg(r.rate) as rivals_average,
        sum(case when r.rate < o.rate then 1.0 when r.rate = o.rate then 0.5 when r.rate is not null then 0.0 end) as below
    from own as o left join rivals as r on o.client_id = r.client_id and o.network = r.network and o.week = r.week
    where o.rate is not null group by all
)
select
    client_id, account_id, network, week, rate as interactions_per_follower, rivals, rivals_average,
    (rivals_average * rivals + rate) / (rivals + 1) as average_with_account, rate - rivals_average as gap_to_rivals,
    rate - average_with_account as gap_to_average, below::double / nullif(rivals, 0) as percentile_among_rivals
from beside
--------
create table gold.kpi_content_mix_weekly as
select
    client_id, network, week, content_format, count(*) / sum(count(*)) over (partition by client_id, network, week) as share_of_posts,
    count(*) as posts_published, sum(engagements)::bigint as engagements, avg(engagements) as mean_engagements_per_post,
    median(engagements) as median_engagements_per_post,
    sum(engagements) filter (reach > 0) / sum(reach) filter (reach > 0 and engagements is not null) as engagement_rate_by_reach,
    sum(engagements) filter (views > 0) / sum(views) filter (views > 0 and engagements is not null) as engagement_rate_by_views,
    sum(engagements) filter (impressions > 0) / sum(impressions) filter (impressions > 0 and engagements is not null) as engagement_rate_by_impressions,
    sum(engagements) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and engagements is not null)
        as engagement_rate_by_followers
from gold.fct_posts where not is_reply group by client_id, network, week, content_format
--------
create table gold.kpi_hashtags_weekly as
with used as (
    select
        *, unnest(list_distinct(regexp_extract_all(lower(text), '(?:^|[^\p{L}\p{N}_/&#])#([\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*)', 1))) as hashtag
    from gold.fct_posts where not is_reply
)
select
    client_id, network, week, hashtag, count(*) as posts_published, sum(engagements)::bigint as engagements, avg(engagements) as mean_engagements_per_post,
    median(engagements) as median_engagements_per_post,
    sum(engagements) filter (reach > 0) / sum(reach) filter (reach > 0 and engagements is not null) as engagement_rate_by_reach,
    sum(engagements) filter (views > 0) / sum(views) filter (views > 0 and engagements is not null) as engagement_rate_by_views,
    sum(engagements) filter (impressions > 0) / sum(impressions) filter (impressions > 0 and engagements is not null) as engagement_rate_by_impressions,
    sum(engagements) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and engagements is not null)
        as engagement_rate_by_followers
from used group by all
--------
create table gold.kpi_posting_times as
with p as (select * from gold.fct_posts where not is_reply qualify week > max(week) over (partition by client_id) - 91),
usual as (select account_id, median(mature_engagements) as m from p group by 1)
select
    client_id, account_id, network, local_weekday, local_hour, count(*) as posts_published, count(mature_engagements) as posts_matured,
    median(mature_engagements) as median_mature_engagements,
    median(mature_engagements / case when m > 0 then m end) as median_relative_engagement
from p join usual using (account_id) group by all
--------
create table gold.social_media_reporting__rollup_report as
select
    p.client_id, p.client_id as source_relation, p.published_at as created_timestamp, p.native_id as post_id, p.text as post_message,
    a.native_id as page_id, coalesce(a.display_name, a.handle) as page_name, p.permalink as post_url,
    case p.network when 'x' then 'twitter' else p.network end as platform, p.clicks, coalesce(p.impressions, p.views) as impressions, p.likes, p.shares,
    p.comments, p.week
from gold.fct_posts as p left join gold.dim_accounts as a using (account_id) where not is_reply
--------
create table gold.metric_availability as -- no network of the generated lake stops anything
with wide as (
    select
        client_id, account_id, network, week, published_day, age_hours, c.metric, c.after_days,
        case c.metric when 'likes' then likes when 'comments' then comments when 'shares' then shares when 'saves' then saves when 'quotes' then quotes
            when 'reach' then reach when 'views' then views when 'impressions' then impressions when 'clicks' then clicks
            when 'link_clicks' then link_clicks when 'profile_visits' then profile_visits when 'watch_minutes' then watch_minutes
            when 'average_view_seconds' then average_view_seconds end as value
    from gold.fct_posts join contracts as c using (network) where c.grain = 'post' and not is_reply and metrics_observed_at is not null
), days as (
    select client_id, account_id, network, week, count(distinct day) as expected from gold.fct_account_metrics_daily where kind = 'reported' group by all
), reported as (
    select account_id, week, metric, count(*) as received, max(day) as last_received_day
    from gold.fct_account_metrics_daily where kind = 'reported' group by all
), receipts as (
    select
        client_id, account_id, network, 'post' as grain, metric, count(*) filter (age_hours >= 24 * after_days or value is not null) as expected,
        count(value) as received, max(published_day) filter (value is not null) as last_received_day, week
    from wide group by all
    union all
    select client_id, d.account_id, network, 'account_day', c.metric, expected, coalesce(received, 0), last_received_day, d.week
    from days as d join contracts as c using (network)
    left join reported as r on d.account_id = r.account_id and d.week = r.week and c.metric = r.metric where c.grain = 'account_day'
    union all
    select
        client_id, account_id, network, 'account', 'followers', count(*), count(followers), max(day) filter (followers is not null), week
    from gold.kpi_account_daily group by all
), states as (
    select
        r.*, c.until, c.replaced_by, c.after_days, c.condition,
        max(last_received_day) over (partition by account_id, grain, metric order by week rows between unbounded preceding and 1 preceding) as last_before,
        case when until <= week + 6 and received = 0 then 'retired' when expected = 0 then 'not_yet' when received = expected then 'received'
            when received > 0 or sent_with = 'some' then 'partly' when last_before >= week - 91 then 'stopped' else 'not_connected' end as state
    from receipts as r join contracts as c using (network, grain, metric) where since is null or since <= week + 6
)
select
    client_id, account_id, network, grain, metric, expected, received, last_received_day, state, false as is_network_wide,
    case state when 'retired' then until when 'stopped' then last_before + 1 end as since,
    case state
        when 'retired' then 'The network does not tell it any more' || coalesce('; ' || replaced_by || ' takes its place', '') || '.'
        when 'stopped' then 'It does not come for this account any more; other accounts still have it. Look at what its connection permits.'
        when 'not_yet' then 'It comes up to ' || after_days || ' days after publication.'
        when 'partly' then 'It came with some and lacks with others.'
        when 'not_connected' then 'It has not come for this account in the last quarter, and other metrics have.'
    end || case when state in ('partly', 'stopped', 'not_connected') and condition is not null then ' It takes: ' || condition || '.' else '' end as reason,
    week
from states
union all
select
    client_id, account_id, network, 'post', metric, 0, 0, null, 'not_offered', false, null, 'The network does not tell it.', week
from (select distinct client_id, account_id, network, week from receipts where grain = 'post')
cross join (select distinct metric from contracts where grain = 'post')
where (network, metric) not in (select (network, metric) from contracts where grain = 'post')
