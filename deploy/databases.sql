-- Each of the three keeps its own `alembic_version`, so each has a database of its own.
CREATE DATABASE store;
CREATE DATABASE dagster;
CREATE DATABASE mlflow;
