-- Every profile observation of every account, all networks in one shape.

select * from {{ ref('stg_bluesky__accounts') }}
union all
select * from {{ ref('stg_instagram__accounts') }}
