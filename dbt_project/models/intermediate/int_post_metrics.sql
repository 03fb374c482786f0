-- Every count of every post as it was observed, all networks in one shape.

select * from {{ ref('stg_bluesky__post_metrics') }}
union all
select * from {{ ref('stg_instagram__post_metrics') }}
