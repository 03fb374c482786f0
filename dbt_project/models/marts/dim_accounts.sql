{{ config(meta={'version': 'native_id, display_name, handle'}) }}

with

observations as (

    select * from {{ ref('stg_networks__accounts') }}

),

profiles as (

    select
        account_id,
        max_by(client_id, observed_at) filter (where client_id is not null) as client_id,
        max_by(network, observed_at) filter (where network is not null) as network,
        max_by(native_id, observed_at) filter (where native_id is not null) as native_id,
        max_by(handle, observed_at) filter (where handle is not null) as handle,
        max_by(display_name, observed_at) filter (where display_name is not null) as display_name,
        max_by(followers, observed_at) filter (where followers is not null) as followers,
        max_by(posts_count, observed_at) filter (where posts_count is not null) as posts_count,
        max(observed_at) filter (where followers is not null) as followers_observed_at,
        min(observed_at) as first_observed_at
    from observations
    group by account_id

),

-- Accounts whose profile was never read but whose posts were: an import, or a profile call that failed.
known_by_posts as (

    select
        account_id,
        max_by(client_id, published_at) as client_id,
        max_by(network, published_at) as network,
        substr(account_id, instr(account_id, ':') + 1) as native_id,
        {{ dbt.cast('null', 'varchar') }} as handle,
        {{ dbt.cast('null', 'varchar') }} as display_name,
        {{ dbt.cast('null', 'bigint') }} as followers,
        {{ dbt.cast('null', 'bigint') }} as posts_count,
        {{ dbt.cast('null', 'timestamptz') }} as followers_observed_at,
        {{ dbt.cast('null', 'timestamptz') }} as first_observed_at
    from {{ ref('int_posts') }}
    where account_id not in (select account_id from profiles)
    group by account_id

),

accounts as (

    select * from profiles
    union all
    select * from known_by_posts

)

select
    accounts.client_id,
    accounts.account_id,
    accounts.network,
    accounts.native_id,
    accounts.handle,
    accounts.display_name,
    accounts.followers,
    accounts.posts_count,
    accounts.followers_observed_at,
    accounts.first_observed_at,
    clients.time_zone
from accounts
left join {{ ref('dim_clients') }} as clients on accounts.client_id = clients.client_id
