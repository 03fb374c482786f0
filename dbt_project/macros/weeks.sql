{# Incremental builds: a table that grows is rebuilt by whole weeks or days, those that its parents changed since it was last built.

   Three tables of the schema `state` carry it, and each model moves its own part in its own transaction, so that a build that
   failed half way, or was asked for some models only, leaves nothing to mend: the next one goes on from there.

   versions      relation, version, first_day, last_day     each model counts up the version of a week (or day) that it replaces
   bronze_days   relation, day, fingerprint, first_day, last_day   what the rows of a bronze day speak about, by the day's files
   built_from    model, relation, version, first_day, last_day     what a model's parents were when it was last built

   What differs between what the parents are (`state.current`) and what they were (`built_from`) is what to rebuild: late rows,
   rows that are gone and posts that moved to another week included, because both what is and what was names its days.

   A parent whose rows belong to no day has versions without days: the clients' clocks, the project itself, and a table that says in its
   meta `version` what of its rows matters (`dim_accounts`: names). When one of those that a model was built from is gone, the model is
   built anew. Where such a table names a column in `version_day`, its rows do belong to days (`int_metric_silences`).

   A weekly model has a column `week` (the Monday of the client's week), and says in its meta `weekly_parents` how far, in weeks, a change in
   a parent reaches: {'int_posts': [0, 0]} for the same week, {'accounts': [1, 4]} from one week before to four after it. A daily model has a
   column `day`, and `daily_parents` that reach so many days: for tables that are too large for whole weeks. #}

{# --- what a model's SQL says ------------------------------------------------------------------------------------------ #}

{# What this build has to replace: Mondays of a weekly model, days of a daily one (dates, ascending); none when it builds the whole table. #}
{% macro touched() -%}
    {%- if not execute or model.config.materialized != 'incremental' or should_full_refresh() or load_cached_relation(this) is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set unit, length = _unit(), _unit_days() -%}
    {%- set sql -%}
        with
        reach(relation, behind, ahead) as (values {{ _reaches() }}),
        parents as (select * from state.current where relation in (select relation from reach)),
        remembered as (select * exclude (model) from state.built_from where model = '{{ this.identifier }}'),
        known as (select * from remembered where relation in (select relation from reach)),
        lasting as (
            select count(*) > 0 and bool_and(first_day is not null or (relation, version) in (
                select (relation, version) from state.current where first_day is null
            )) as is_kept
            from remembered
        ),
        changed as (
            (select * from parents except select * from known) union (select * from known except select * from parents)
        ),
        reached as (
            select cast(unnest(generate_series(
                date_trunc('{{ unit }}', changed.first_day) - to_days({{ length }} * reach.behind),
                changed.last_day + to_days({{ length }} * reach.ahead),
                interval {{ length }} days
            )) as date) as touched
            from changed
            inner join reach on changed.relation = reach.relation
            {% if model.config.meta.carries_on %}
            union all
            select cast(unnest(generate_series(
                (select max(first_day) from state.versions where relation = '{{ this.identifier }}'),
                (select max(last_day) from parents),
                interval {{ length }} days
            )) as date)
            where exists (select * from changed)
            {% endif %}
        )
        -- A null stands for all: something without days that the table was built from is gone, or nothing was remembered.
        select null as touched from lasting where not is_kept
        union all
        select distinct touched from reached
        where touched <= (select max(last_day) from (from parents union all from known))
        order by touched
    {%- endset -%}
    {%- set periods = run_query(sql).columns[0].values() | list -%}
    {{ return(none if none in periods else periods) }}
{%- endmacro %}

{# The column lies in one of the weeks (or days); true of every row when the whole table is built. #}
{% macro within(column, weeks) -%}
    {%- if weeks is none -%}true
    {%- elif not weeks -%}false
    {%- else -%}{{ column }} in ({% for week in weeks %}date '{{ week }}'{{ ', ' if not loop.last }}{% endfor %}){%- endif -%}
{%- endmacro %}

{# The day is not before the first of the weeks (or days), less so many days: what a row of these weeks may be made of. #}
{% macro since(column, weeks, days=1) -%}
    {%- if weeks is none -%}true
    {%- elif not weeks -%}false
    {%- else -%}{{ column }} >= date '{{ weeks[0] - modules.datetime.timedelta(days=days) }}'{%- endif -%}
{%- endmacro %}

{# The weeks (or days), and so many before each of them. #}
{% macro with_before(periods, count) -%}
    {%- if not periods -%}{{ return(periods) }}{%- endif -%}
    {%- set all, length = [], _unit_days() -%}
    {%- for period in periods -%}
        {%- for back in range(count + 1) -%}{%- do all.append(period - modules.datetime.timedelta(days=length * back)) -%}{%- endfor -%}
    {%- endfor -%}
    {{ return(all | unique | sort | list) }}
{%- endmacro %}

{# --- what dbt calls ----------------------------------------------------------------------------------------------------- #}

{# dbt's `incremental` for this project: build the whole table, or clear what was touched and fill it again, and remember what it was made
   of, in one transaction. dbt's own goes by keys, which leave what became empty, and through a second copy of the rows. #}
{% materialization incremental, adapter='duckdb' %}
    {% set periods = touched() %}
    {% set existing = load_cached_relation(this) %}
    {% set table = this.incorporate(type='table') %}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') %}
        {% if periods is none %}
            {% if existing is not none %}drop {{ existing.type }} {{ existing }};{% endif %}
            {{ create_table_as(False, table, sql) }}
        {% elif periods %}
            delete from {{ table }} where {{ within(_unit(), periods) }};
            insert into {{ table }} by name ({{ sql }}
            );
        {% endif %}
        {{ _remember(periods) }}
    {% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [table]}) }}
{% endmaterialization %}

{# After a table that is built whole and says what of its rows matters. #}
{% macro remember_version() %}
    {% if execute and model.config.meta.version %}
        delete from state.versions where relation = '{{ this.identifier }}';
        {% set day = model.config.meta.version_day or 'null' %}
        insert into state.versions
        select '{{ this.identifier }}', hash({{ model.config.meta.version }}), {{ day }}, {{ day }} from {{ this }}
    {% endif %}
{% endmacro %}

{# Before a build: the tables of `state`, and which days those bronze days speak about that are new or changed. #}
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
            ('messages', 'messages', '', utc_day('seen.sent_at')),
            ('action_ledger', 'action_ledger', with_posts, utc_day('posts.published_at')),
            ('competitor_posts', 'competitor_posts', '', utc_day('seen.published_at')),
            ('reading_days', 'reading_days', none, none),
        ] %}
            {% set changed %}
                select day from (
                    select day, fingerprint from bronze.partitions where table_name = '{{ table }}'
                    except
                    select day, fingerprint from state.bronze_days where relation = '{{ relation }}'
                ) order by all
            {% endset %}
            {% set days = run_query(changed).columns[0].values() %}
            delete from state.bronze_days
            where relation = '{{ relation }}'
                and (day, fingerprint) not in (select (day, fingerprint) from bronze.partitions where table_name = '{{ table }}');
            {% if days %}
                {% set listed %}{% for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %}{% endset %}
                insert into state.bronze_days
                with spoken as (
                    {% if joined is none %}
                    select day, day as about from bronze.partitions where table_name = '{{ table }}' and day in ({{ listed }})
                    {% else %}
                    select distinct seen.day, {{ about }} as about from bronze.{{ table }} as seen {{ joined }} where seen.day in ({{ listed }})
                    {% endif %}
                )
                -- A client's day is at most one off, and a day that speaks of none is remembered too, or it would be read again each time.
                select '{{ relation }}', partitions.day, partitions.fingerprint, spoken.about - 1, spoken.about + 1
                from bronze.partitions
                left join spoken on partitions.day = spoken.day
                where partitions.table_name = '{{ table }}' and partitions.day in ({{ listed }});
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# --- parts ---------------------------------------------------------------------------------------------------------------- #}

{% macro _state_tables() %}
    {# What another release remembered in another layout: forgotten, and with it the warehouse's id, so all is built and published anew. #}
    {% set known = run_query("select column_name from duckdb_columns() where schema_name = 'state' and table_name = 'versions'") %}
    {% if execute and known.columns[0].values() | list not in [[], ['relation', 'version', 'first_day', 'last_day']] %}
    drop schema state cascade;
    {% endif %}
    create schema if not exists state;
    create table if not exists state.warehouse as select uuid()::varchar as warehouse_id;
    create table if not exists state.versions (relation varchar, version ubigint, first_day date, last_day date);
    create table if not exists state.bronze_days (relation varchar, day date, fingerprint varchar, first_day date, last_day date);
    create table if not exists state.built_from (model varchar, relation varchar, version varchar, first_day date, last_day date);
    create or replace view state.current as
    select relation, cast(version as varchar) as version, first_day, last_day from state.versions
    union all
    select relation, day || ' ' || fingerprint, first_day, last_day from state.bronze_days where first_day is not null
    union all
    select 'project', '{{ var("project_sha256") }}', null, null
    union all
    select 'client', concat_ws(' ', client_id, time_zone, language), null, null from bronze.clients
    union all
    select 'competitors', cast(coalesce(sum(hash(client_id, competitor_id)), 0) as varchar), null, null from bronze.competitors
    union all
    select
        'pillars',
        cast(coalesce(sum(hash(client_id, pillar_id, name, position, keywords, intended_share, is_active)), 0) as varchar),
        null,
        null
    from bronze.pillars
{% endmacro %}

{# The column that a model is rebuilt and stored by. #}
{% macro _unit() -%}
    {{ return('day' if 'daily_parents' in model.config.meta else 'week') }}
{%- endmacro %}

{% macro _unit_days() -%}
    {{ return(7 if _unit() == 'week' else 1) }}
{%- endmacro %}

{% macro _reaches() -%}
    {%- for parent, reach in (model.config.meta.daily_parents or model.config.meta.weekly_parents).items() -%}
        ('{{ parent }}', {{ reach[0] }}, {{ reach[1] }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Count up what a model replaced, and keep what it was made of. #}
{% macro _remember(periods) %}
    {% set model, unit = this.identifier, _unit() %}
    create or replace temp table replaced as
    select
        coalesce((select max(version) from state.versions where relation = '{{ model }}'), 0) + 1 as version,
        first_day
    from (
        {% if periods is none %}select distinct {{ unit }} as first_day from {{ this }}
        {% else %}select unnest([{% for day in periods %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %}]::date[]) as first_day
        {% endif %}
    );
    delete from state.versions
    where relation = '{{ model }}'{% if periods is not none %} and first_day in (select first_day from replaced){% endif %};
    insert into state.versions
    select '{{ model }}', version, first_day, first_day + {{ _unit_days() - 1 }} from replaced;
    drop table replaced;
    delete from state.built_from where model = '{{ model }}';
    insert into state.built_from
    select '{{ model }}', * from state.current
    where relation in ('project', 'client')
        or relation in (select relation from (values {{ _reaches() }}) as reach(relation, behind, ahead))
{% endmacro %}
