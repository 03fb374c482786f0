{{ config(meta={'dagster': {'ref': {'name': 'fct_posts'}}}) }}

-- Nothing is lost between bronze and gold, and nothing appears from nowhere: a post of a network without staging models, say.
select coalesce(observed.post_id, modelled.post_id) as post_id
from (select distinct post_id from {{ source('bronze', 'posts') }}) as observed
full join {{ ref('fct_posts') }} as modelled on observed.post_id = modelled.post_id
where observed.post_id is null or modelled.post_id is null
