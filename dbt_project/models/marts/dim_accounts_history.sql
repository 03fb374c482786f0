with

-- What says neither name nor handle says nothing about them.
observations as (

    select * from {{ ref('stg_networks__accounts') }}
    where handle is not null or display_name is not null

),

compared as (

    select
        *,
        lag(observed_at) over one_account as observed_before,
        lag(handle) over one_account as handle_before,
        lag(display_name) over one_account as display_name_before
    from observations
    window one_account as (partition by account_id order by observed_at)

),

changes as (

    select * from compared
    where
        observed_before is null
        or handle is distinct from handle_before
        or display_name is distinct from display_name_before

),

spans as (

    select *, lead(observed_at) over (partition by account_id order by observed_at) as observed_after
    from changes

)

select
    client_id,
    account_id,
    network,
    handle,
    display_name,
    observed_at as dbt_valid_from,
    observed_after as dbt_valid_to,
    observed_after is null as is_current
from spans
