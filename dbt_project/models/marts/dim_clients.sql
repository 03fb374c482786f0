select
    client_id,
    client_name,
    time_zone,
    language,
    autonomy,
    is_active
from {{ ref('stg_pulso__clients') }}
