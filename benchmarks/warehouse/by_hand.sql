-- The marts of dbt_project/models/marts once more, as one would write them in one sitting for one full build: no tests, no contracts, no
-- increments, nothing shared but the bronze views and the table `contracts`. Statements are separated by a line of dashes; those of schema `gold` are published.

create schema gold
--------
create table gold.dim_clients as
select client_id, name as client_name, time_zone, language, autonomy, coalesce(is_active, true) as is_active from bronze.clients
--------
create table posts as
select
    p.client_id, p.account_id, p.network, p.post_id, p.native_id, p.permalink, coalesce(p.text, '') as text, p.link_url, p.link_title, p.content_format, p.media_count,
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
--------
create table gold.dim_accounts_history as
with changes as (
    select
        *,
        lag(observed_at) over w is null or handle is distinct from lag(handle) over w or display_name is distinct from lag(display_name) over w as is_new
    from bronze.accounts where handle is not null or display_name is not null window w as (partition by account_id order by observed_at)
)
select
    client_id, account_id, network, handle, display_name, observed_at as dbt_valid_from,
    lead(observed_at) over (partition by account_id order by observed_at) as dbt_valid_to, dbt_valid_to is null as is_current
from changes where is_new
--------
create table gold.fct_post_counts_at_age as
with looks as (
    select
        p.client_id, p.account_id, p.network, p.post_id, p.content_format, p.is_reply, p.published_at, p.week, m.metric, m.value, m.observed_at,
        (epoch_us(m.observed_at) - epoch_us(p.published_at)) / 1e6 as age,
        case when age between 2700 and 3600 then 1 when age between 64800 and 86400 then 24 when age between 129600 and 172800 then 48
            when age between 453600 and 604800 then 168 when age between 1814400 and 2419200 then 672 end as age_hours
    from bronze.post_metrics as m join posts as p using (post_id)
), wide as (
    select
        client_id, account_id, network, post_id, content_format, is_reply, published_at, age_hours, week,
        arg_max(value, observed_at) filter (metric = 'likes') as likes,
        arg_max(value, observed_at) filter (metric = 'comments') as comments,
        arg_max(value, observed_at) filter (metric = 'shares') as shares,
        arg_max(value, observed_at) filter (metric = 'saves') as saves,
        arg_max(value, observed_at) filter (metric = 'quotes') as quotes,
        arg_max(value, observed_at) filter (metric = 'reach') as reach,
        arg_max(value, observed_at) filter (metric = 'views') as views,
        arg_max(value, observed_at) filter (metric = 'impressions') as impressions,
        max(observed_at) as observed_at
    from looks where age_hours is not null group by all
)
select
    *, null::varchar[] as missing_counts,
    case when coalesce(likes, comments, shares, saves, quotes) is not null
        then coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0) + coalesce(saves, 0) + coalesce(quotes, 0) end as engagements
from wide
--------
create table gold.kpi_post_cohorts as
with p as (select client_id, network, week, content_format, post_id, case when mature_at is not null then engagements end as final_engagements, case when mature_at is not null then reach end as final_reach, case when mature_at is not null then views end as final_views, case when mature_at is not null then impressions end as final_impressions from gold.fct_posts where not is_reply),
counted as (
    select
        p.client_id, p.network, p.week, p.content_format, a.age_hours, count(*) as posts_counted,
        sum(a.engagements)::bigint as engagements, avg(a.engagements) as mean_engagements_per_post,
        sum(a.engagements) filter (final_engagements > 0) / sum(final_engagements) filter (final_engagements > 0 and a.engagements is not null) as share_of_final_engagements,
        sum(a.reach)::bigint as reach, avg(a.reach) as mean_reach_per_post,
        sum(a.reach) filter (final_reach > 0) / sum(final_reach) filter (final_reach > 0 and a.reach is not null) as share_of_final_reach,
        sum(a.views)::bigint as views, avg(a.views) as mean_views_per_post,
        sum(a.views) filter (final_views > 0) / sum(final_views) filter (final_views > 0 and a.views is not null) as share_of_final_views,
        sum(a.impressions)::bigint as impressions, avg(a.impressions) as mean_impressions_per_post,
        sum(a.impressions) filter (final_impressions > 0) / sum(final_impressions) filter (final_impressions > 0 and a.impressions is not null) as share_of_final_impressions
    from gold.fct_post_counts_at_age as a join p using (post_id) group by all
)
select client_id, network, week, content_format, age_hours, posts_published, coalesce(posts_counted, 0) as posts_counted,
    k.* exclude (client_id, network, week, content_format, age_hours, posts_counted)
from (select client_id, network, week, content_format, count(*) as posts_published from p group by all)
cross join (values (1), (24), (48), (168), (672)) as ages(age_hours)
left join counted as k using (client_id, network, week, content_format, age_hours)
--------
create table gold.fct_post_pillars as
with p as (select *, lower(text) as words from gold.fct_posts where not is_reply),
keywords as (select client_id, pillar_id, position, lower(unnest(keywords)) as keyword from bronze.pillars where coalesce(is_active, true)),
hits as (
    select post_id, pillar_id, count(*) as found, min(position) as position from p join keywords using (client_id)
    where contains(words, keyword)
        and regexp_matches(replace(words, keyword, chr(1)), '(^|[^\p{L}\p{N}_\x01])\x01[\p{L}\p{N}_]{0,2}([^\p{L}\p{N}_\x01]|$)')
    group by all
), named as (select post_id, first(pillar_id order by found desc, position) as pillar_id from hits group by post_id),
drafted as (
    select post_id, arg_max(pillar_id, recorded_at) as pillar_id from gold.fct_publications where post_id is not null and pillar_id is not null group by 1
)
select
    p.client_id, p.account_id, p.network, p.post_id, coalesce(d.pillar_id, n.pillar_id) as pillar_id,
    case when d.pillar_id is not null then 'draft' when n.pillar_id is not null then 'words' end as known_by, p.week
from p left join named as n using (post_id) left join drafted as d using (post_id)
--------
create table gold.kpi_pillars_weekly as
with pillars as (select client_id, pillar_id, name as pillar_name, intended_share from bronze.pillars where coalesce(is_active, true)),
sums as (
    select
        p.client_id, p.week, t.pillar_id, count(*) as posts_published, sum(engagements)::bigint as engagements,
        avg(engagements) as mean_engagements_per_post, median(engagements) as median_engagements_per_post,
        sum(engagements) filter (reach > 0) / sum(reach) filter (reach > 0 and engagements is not null) as engagement_rate_by_reach,
        sum(engagements) filter (views > 0) / sum(views) filter (views > 0 and engagements is not null) as engagement_rate_by_views,
        sum(engagements) filter (impressions > 0) / sum(impressions) filter (impressions > 0 and engagements is not null) as engagement_rate_by_impressions,
        sum(engagements) filter (followers_at_post > 0) / sum(followers_at_post) filter (followers_at_post > 0 and engagements is not null)
            as engagement_rate_by_followers
    from gold.fct_posts as p join gold.fct_post_pillars as t using (post_id) group by all
), weeks as (select client_id, week, sum(posts_published) as total from sums group by all),
listed as (
    select client_id, week, pillar_id from weeks join pillars using (client_id) union select client_id, week, pillar_id from sums
)
select
    l.client_id, l.week, l.pillar_id, pillar_name, coalesce(s.posts_published, 0) as posts_published,
    coalesce(s.posts_published, 0) / total as share_of_posts, intended_share, coalesce(s.posts_published, 0) / total - intended_share as share_gap,
    s.* exclude (client_id, week, pillar_id, posts_published)
from listed as l join weeks using (client_id, week) left join pillars using (client_id, pillar_id)
left join sums as s on l.client_id = s.client_id and l.week = s.week and l.pillar_id is not distinct from s.pillar_id
--------
create table gold.kpi_audience_activity as
with active as (
    select client_id, account_id, network, 'comments' as source, commented_at as active_at, week from gold.fct_comments where not is_own
    union all
    select m.client_id, account_id, network, 'messages', sent_at, date_trunc('week', sent_at at time zone time_zone)::date
    from bronze.messages as m join gold.dim_clients using (client_id) where not coalesce(is_own, false)
), counted as (
    select
        a.client_id, account_id, network, source, (isodow(active_at at time zone time_zone) - 1)::integer as local_weekday,
        hour(active_at at time zone time_zone)::integer as local_hour, count(*) as activities
    from active as a join gold.dim_clients using (client_id)
    join (select client_id, max(week) as newest from gold.fct_posts group by 1) using (client_id)
    where week > newest - 91 group by all
)
select *, activities / sum(activities) over (partition by account_id, source) as share_of_activities from counted
--------
create table gold.kpi_source_uptime_daily as
select
    client_id, network, source as source_table, day, count(distinct account_id) as accounts_asked, sum(readings)::bigint as readings,
    coalesce(sum(readings) filter (outcome = 'answered'), 0)::bigint as readings_answered, readings_answered / nullif(sum(readings), 0) as uptime_ratio,
    coalesce(sum(readings) filter (outcome = 'auth'), 0)::bigint as errors_auth,
    coalesce(sum(readings) filter (outcome = 'scope'), 0)::bigint as errors_scope,
    coalesce(sum(readings) filter (outcome = 'rate'), 0)::bigint as errors_rate,
    coalesce(sum(readings) filter (outcome = 'invalid'), 0)::bigint as errors_invalid,
    coalesce(sum(readings) filter (outcome = 'transient'), 0)::bigint as errors_transient,
    coalesce(sum(readings) filter (outcome not in ('answered', 'auth', 'scope', 'rate', 'invalid', 'transient')), 0)::bigint as errors_other,
    date_trunc('week', day)::date as week
from bronze.reading_days group by all
--------
create table gold.kpi_operations_daily as
with due as (
    select
        client_id, network, cast(scheduled_at as date) as day, count(*) as publications_due, count(*) filter (state = 'published') as publications_published,
        count(*) filter (state = 'failed') as publications_failed, count(*) filter (state = 'missed') as publications_missed,
        count(*) filter (state = 'cancelled') as publications_cancelled, count(*) filter (state = 'parked') as publications_parked,
        quantile_cont(lateness_seconds, 0.5) as median_lateness_seconds, quantile_cont(lateness_seconds, 0.95) as p95_lateness_seconds
    from gold.fct_publications where action = 'publish' and scheduled_at is not null group by all
), queues as (
    select client_id, network, day, waiting as queue_waiting, overdue as queue_overdue, parked as queue_parked from bronze.queue_depths
), readings as (
    select
        client_id, network, day, sum(readings)::bigint as readings, sum(readings_answered)::bigint as readings_answered,
        sum(readings_answered) / nullif(sum(readings), 0) as uptime_ratio, sum(errors_auth)::bigint as errors_auth,
        sum(errors_scope)::bigint as errors_scope, sum(errors_rate)::bigint as errors_rate, sum(errors_invalid)::bigint as errors_invalid,
        sum(errors_transient)::bigint as errors_transient, sum(errors_other)::bigint as errors_other
    from gold.kpi_source_uptime_daily group by client_id, network, day
)
select
    * replace (
        coalesce(publications_due, 0) as publications_due, coalesce(publications_published, 0) as publications_published,
        coalesce(publications_failed, 0) as publications_failed, coalesce(publications_missed, 0) as publications_missed,
        coalesce(publications_cancelled, 0) as publications_cancelled, coalesce(publications_parked, 0) as publications_parked
    )
from due full join queues using (client_id, network, day) full join readings using (client_id, network, day)
--------
create table gold.kpi_model_quality_weekly as
with forecasts as (
    select f.*, date_trunc('week', forecast_at at time zone time_zone)::date as week
    from (select *, row_number() over (partition by forecast_id order by forecast_at, day) as nth from bronze.forecasts) as f
    join gold.dim_clients using (client_id) where nth = 1
), usual as (
    select account_id, mature_at, median(ln(1 + mature_engagements)) over last_30 as account_median
    from gold.fct_posts where mature_engagements is not null
    window last_30 as (partition by account_id order by mature_at, post_id rows between 29 preceding and current row)
    qualify row_number() over (partition by account_id, mature_at order by post_id desc) = 1
), scored as (
    select
        s.*, f.week, abs(u.account_median - s.log_engagement) as baseline_error, s.log_engagement - s.expected_log_engagement as above,
        (1 - s.interval_level) / 2 as low, (1 + s.interval_level) / 2 as high,
        s.lower_log_engagement as lower_log, s.upper_log_engagement as upper_log,
        (abs(above) / 2 + greatest(low * (s.log_engagement - lower_log), high * (lower_log - s.log_engagement))
            + greatest(high * (s.log_engagement - upper_log), low * (upper_log - s.log_engagement))) / 3 as pinball
    from gold.fct_forecast_scores as s join forecasts as f using (forecast_id)
    asof left join usual as u on s.account_id = u.account_id and s.forecast_at >= u.mature_at
), ranked as (
    select
        client_id, origin, model_name, model_version, week, account_id,
        rank() over (partition by client_id, origin, model_name, model_version, week, account_id order by expected_log_engagement)
            + (count(*) over (partition by client_id, origin, model_name, model_version, week, account_id, expected_log_engagement) - 1) / 2 as x,
        rank() over (partition by client_id, origin, model_name, model_version, week, account_id order by log_engagement)
            + (count(*) over (partition by client_id, origin, model_name, model_version, week, account_id, log_engagement) - 1) / 2 as y
    from scored
), correlations as (
    select client_id, origin, model_name, model_version, week, round(avg(rho), 12) as rank_correlation from (
        select
            client_id, origin, model_name, model_version, week, account_id,
            case when count(*) >= 3 and min(x) < max(x) and min(y) < max(y) then corr(x, y) end as rho
        from ranked group by all
    ) group by all
), quality as (
    select
        client_id, origin, model_name, model_version, week, count(*) as scored_forecasts, avg(absolute_error) as mean_absolute_error, avg(error) as bias,
        avg(pinball) as mean_pinball_loss, avg(is_covered::int) as coverage_ratio, avg(interval_level) as interval_level,
        avg(baseline_error) as baseline_mean_absolute_error,
        1 - sum(absolute_error) filter (baseline_error is not null) / nullif(sum(baseline_error), 0) as skill_over_baseline
    from scored group by all
)
select made.*, coalesce(scored_forecasts, 0) as scored_forecasts, q.* exclude (client_id, origin, model_name, model_version, week, scored_forecasts), rank_correlation
from (select client_id, origin, model_name, model_version, week, count(*) as forecasts from forecasts group by all) as made
left join quality as q using (client_id, origin, model_name, model_version, week)
left join correlations using (client_id, origin, model_name, model_version, week)
--------
create table gold.kpi_goals as -- of the three metrics that goals of the generated lake are about
with goals as (
    select g.*, least(newest, last_day) as as_of_day, last_day - first_day + 1 as days
    from bronze.goals as g left join (select client_id, max(day) as newest from gold.kpi_account_daily group by 1) using (client_id)
), moves as (
    select
        goal_id, d.account_id, metric, sum(case when day >= first_day then engagements end) as engagements,
        arg_min(followers, day) as first_followers, arg_max(followers, day) as last_followers
    from goals join gold.kpi_account_daily as d using (client_id) where day between first_day - 1 and last_day group by goal_id, d.account_id, metric
), sums as (
    select
        goal_id, case metric when 'engagements' then sum(engagements) when 'followers' then sum(last_followers) end::double as actual,
        case metric when 'followers' then sum(first_followers) end::double as baseline
    from moves group by goal_id, metric
), rates as (
    select goal_id, sum(engagements) filter (views > 0) / sum(views) filter (views > 0 and engagements is not null) as rate
    from goals join gold.fct_posts using (client_id)
    where metric = 'engagement_rate_by_views' and published_day between first_day and last_day and not is_reply group by goal_id
), measured as (
    select
        g.* exclude (actual, baseline), coalesce(s.actual, rate) as actual, s.baseline, greatest(as_of_day - first_day + 1, 0) / days as elapsed_ratio,
        metric = 'followers' as is_level, metric like 'engagement_rate%' as is_rate
    from (select *, null as actual, null as baseline from goals) as g left join sums as s using (goal_id) left join rates using (goal_id)
)
select
    client_id, goal_id, metric, network, account_id, first_day, last_day, as_of_day, target, baseline, actual, elapsed_ratio,
    case when is_level and target > baseline then (actual - baseline) / (target - baseline) when not is_level or baseline is not null then actual / target end
        as progress_ratio,
    case when is_rate then progress_ratio else progress_ratio / nullif(elapsed_ratio, 0) end as pace_ratio,
    case when is_rate then actual else coalesce(baseline, 0) + (actual - coalesce(baseline, 0)) / nullif(elapsed_ratio, 0) end as projection,
    case when as_of_day is null then 'no_data' when elapsed_ratio = 0 then 'not_started' when actual is null then 'no_data'
        when actual >= target and (elapsed_ratio = 1 or not (is_rate or is_level)) then 'reached' when elapsed_ratio = 1 then 'missed'
        when projection >= target then 'on_track' else 'behind' end as status
from measured
