{# Incremental builds: a weekly table is rebuilt by whole weeks, those that its parents changed since it was last built.

   Three tables of the schema `state` carry it, and each model moves its own part in its own transaction, so that a build that
   failed half way, or was asked for some models only, leaves nothing to mend: the next one goes on from there.

   versions      relation, week, version     each weekly model counts up the version of a week that it replaces
   bronze_weeks  relation, day, fingerprint, week   which weeks the rows of a bronze day speak about, by the day's files
   built_from    model, relation, version, week     what a model's parents were when it was last built

   What differs between what the parents are (`state.current`) and what they were (`built_from`) is what to rebuild: late rows,
   rows that are gone and posts that moved to another week included, because both what is and what was names its weeks.

   A parent whose rows belong to no week has versions without one: the clients' clocks, the project itself, and a table that says in its
   meta `version` what of its rows matters (`dim_accounts`: names). When one of those that a model was built from is gone, the model is
   built anew. Where such a table names a column in `version_week`, its rows do belong to weeks (`int_metric_silences`).

   A weekly model has a column `week` (the Monday of the client's week), and says in its meta `weekly_parents` how far, in weeks, a change in
   a parent reaches: {'int_posts': [0, 0]} for the same week, {'accounts': [1, 4]} from one week before to four after it. #}

{# --- what a model's SQL says ------------------------------------------------------------------------------------------ #}

{# Mondays (dates, ascending) that this build has to replace; none when it builds the whole table. #}
{% macro touched_weeks() -%}
    {%- if not (_is_weekly() and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {%- set sql -%}
        with
        reach(relation, behind, ahead) as (values {{ _reaches() }}),
        parents as (select * from state.current where relation in (select relation from reach)),
        known as (
            select relation, version, week from state.built_from
            where model = '{{ this.identifier }}' and relation in (select relation from reach)
        ),
        changed as (
            (select * from parents except select * from known) union (select * from known except select * from parents)
        ),
        reached as (
            select cast(unnest(generate_series(
                changed.week - to_weeks(reach.behind), changed.week + to_weeks(reach.ahead), interval 7 days
            )) as date) as week
            from changed
            inner join reach on changed.relation = reach.relation
            {% if model.config.meta.carries_on %}
            union all
            select cast(unnest(generate_series(
                (select max(week) from state.versions where relation = '{{ this.identifier }}'),
                (select max(week) from parents),
                interval 7 days
            )) as date)
            where exists (select * from changed)
            {% endif %}
        )
        select distinct week from reached
        where week <= (select max(week) from (select week from parents union all select week from known))
        order by week
    {%- endset -%}
    {{ return(run_query(sql).columns[0].values() | list) }}
{%- endmacro %}

{# The column lies in one of the weeks; true of every row when the whole table is built. #}
{% macro within(column, weeks) -%}
    {%- if weeks is none -%}true
    {%- elif not weeks -%}false
    {%- else -%}{{ column }} in ({% for week in weeks %}date '{{ week }}'{{ ', ' if not loop.last }}{% endfor %}){%- endif -%}
{%- endmacro %}

{# The day is not before the first of the weeks, less so many days: what a row of these weeks may be made of. #}
{% macro since(column, weeks, days=1) -%}
    {%- if weeks is none -%}true
    {%- elif not weeks -%}false
    {%- else -%}{{ column }} >= date '{{ weeks[0] - modules.datetime.timedelta(days=days) }}'{%- endif -%}
{%- endmacro %}

{# The weeks, and so many before each of them. #}
{% macro with_weeks_before(weeks, count) -%}
    {%- if not weeks -%}{{ return(weeks) }}{%- endif -%}
    {%- set all = [] -%}
    {%- for week in weeks -%}
        {%- for back in range(count + 1) -%}{%- do all.append(week - modules.datetime.timedelta(days=7 * back)) -%}{%- endfor -%}
    {%- endfor -%}
    {{ return(all | unique | sort | list) }}
{%- endmacro %}

{# --- what dbt calls ----------------------------------------------------------------------------------------------------- #}

{# The incremental strategy. It clears weeks that became empty, too, which `delete+insert` by key can't. #}
{% macro get_incremental_replace_weeks_sql(args) %}
    {% set columns = get_quoted_csv(args.dest_columns | map(attribute='name')) %}
    delete from {{ args.target_relation }} where {{ within('week', touched_weeks()) }};
    insert into {{ args.target_relation }} ({{ columns }}) select {{ columns }} from {{ args.temp_relation }}
{% endmacro %}

{# dbt's own rule, and: a weekly table is built anew when a version without a week is gone, or it was never remembered. #}
{% macro should_full_refresh() %}
    {% set wanted = config.get('full_refresh') %}
    {% if wanted is none %}{% set wanted = flags.FULL_REFRESH %}{% endif %}
    {% if not wanted and execute and _is_weekly() %}
        {% set lasting %}
            select
                count(*) > 0
                and count(*) filter (
                    where known.week is null and not exists (
                        select 1 from state.current as parent
                        where parent.relation = known.relation and parent.version = known.version and parent.week is null
                    )
                ) = 0
            from state.built_from as known where known.model = '{{ this.identifier }}'
        {% endset %}
        {% set wanted = not run_query(lasting).columns[0].values()[0] %}
    {% endif %}
    {{ return(wanted) }}
{% endmacro %}

{# After a model, in its transaction: count up what it replaced, remember what it was made of. #}
{% macro remember_weeks() %}
    {% if execute and model.config.meta.version %}
        delete from state.versions where relation = '{{ this.identifier }}';
        insert into state.versions
        select '{{ this.identifier }}', hash({{ model.config.meta.version }}), {{ model.config.meta.version_week or 'null' }} from {{ this }}
    {% elif execute and _is_weekly() %}
        {% set weeks = touched_weeks() %}
        {% set model = this.identifier %}
        create or replace temp table replaced as
        select
            coalesce((select max(version) from state.versions where relation = '{{ model }}'), 0) + 1 as version,
            week
        from (
            {% if weeks is none %}select distinct week from {{ this }}
            {% else %}select unnest([{% for week in weeks %}date '{{ week }}'{{ ', ' if not loop.last }}{% endfor %}]::date[]) as week
            {% endif %}
        );
        delete from state.versions
        where relation = '{{ model }}'{% if weeks is not none %} and week in (select week from replaced){% endif %};
        insert into state.versions select '{{ model }}', version, week from replaced;
        drop table replaced;
        delete from state.built_from where model = '{{ model }}';
        insert into state.built_from
        select '{{ model }}', relation, version, week from state.current
        where relation in ('project', 'client')
            or relation in (select relation from (values {{ _reaches() }}) as reach(relation, behind, ahead))
    {% endif %}
{% endmacro %}

{# Before a build: the tables of `state`, and which weeks the bronze days speak about that are new or changed. #}
{% macro look_at_bronze() %}
    {% if execute %}
        {% do run_query(_state_tables()) %}
        {% set with_posts = "inner join bronze.posts on seen.post_id = posts.post_id" %}
        {% for relation, table, joined, about in [
            ('posts', 'posts', '', utc_day('seen.published_at')),
            ('post_metrics', 'post_metrics', with_posts, utc_day('posts.published_at')),
            ('post_metrics_by_observation', 'post_metrics', none, none),
            ('accounts', 'accounts', none, none),
            ('account_metrics', 'account_metrics', none, none),
            ('comments', 'comments', '', utc_day('seen.commented_at')),
            ('action_ledger', 'action_ledger', with_posts, utc_day('posts.published_at')),
            ('competitor_posts', 'competitor_posts', '', utc_day('seen.published_at')),
        ] %}
            {% set changed %}
                select day from (
                    select day, fingerprint from bronze.partitions where table_name = '{{ table }}'
                    except
                    select day, fingerprint from state.bronze_weeks where relation = '{{ relation }}'
                ) order by all
            {% endset %}
            {% set days = run_query(changed).columns[0].values() %}
            delete from state.bronze_weeks
            where relation = '{{ relation }}'
                and (day, fingerprint) not in (select (day, fingerprint) from bronze.partitions where table_name = '{{ table }}');
            {% if days %}
                {% set listed %}{% for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %}{% endset %}
                insert into state.bronze_weeks
                with spoken as (
                    {% if joined is none %}
                    select day, day as about from bronze.partitions where table_name = '{{ table }}' and day in ({{ listed }})
                    {% else %}
                    select distinct seen.day, {{ about }} as about from bronze.{{ table }} as seen {{ joined }} where seen.day in ({{ listed }})
                    {% endif %}
                )
                -- A client's day is at most one off, and a day that speaks of none is remembered too, or it would be read again each time.
                select distinct '{{ relation }}', partitions.day, partitions.fingerprint, {{ week_of('spoken.about + shift') }}
                from bronze.partitions
                left join spoken on partitions.day = spoken.day
                cross join (values (-1), (1)) as shifts(shift)
                where partitions.table_name = '{{ table }}' and partitions.day in ({{ listed }});
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# --- parts ---------------------------------------------------------------------------------------------------------------- #}

{% macro _state_tables() %}
    create schema if not exists state;
    create table if not exists state.warehouse as select uuid()::varchar as warehouse_id;
    create table if not exists state.versions (relation varchar, version ubigint, week date);
    create table if not exists state.bronze_weeks (relation varchar, day date, fingerprint varchar, week date);
    create table if not exists state.built_from (model varchar, relation varchar, version varchar, week date);
    create or replace view state.current as
    select relation, cast(version as varchar) as version, week from state.versions
    union all
    select relation, day || ' ' || fingerprint, week from state.bronze_weeks where week is not null
    union all
    select 'project', '{{ var("project_sha256") }}', null
    union all
    select 'client', concat_ws(' ', client_id, time_zone, language), null from bronze.clients
    union all
    select 'competitors', cast(coalesce(sum(hash(client_id, competitor_id)), 0) as varchar), null from bronze.competitors
{% endmacro %}

{% macro _is_weekly() -%}
    {{ return(model.config.materialized == 'incremental' and 'weekly_parents' in model.config.meta) }}
{%- endmacro %}

{% macro _reaches() -%}
    {%- for parent, reach in model.config.meta.weekly_parents.items() -%}
        ('{{ parent }}', {{ reach[0] }}, {{ reach[1] }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
