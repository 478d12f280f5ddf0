#!/usr/bin/env bash
# Runs once, when PostgreSQL's volume is new: two databases, each with its owner, and the warehouse's roles.
# Passwords come from the environment and appear in no command line.
set -euo pipefail

psql --no-psqlrc --quiet --username="${POSTGRES_USER:-postgres}" --dbname=postgres --set=ON_ERROR_STOP=1 <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv motcua_password MOTCUA_DB_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE motcua LOGIN PASSWORD :'motcua_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE motcua OWNER motcua;
REVOKE ALL ON DATABASE airflow, motcua FROM PUBLIC;
-- A scheduler that was killed can leave workers behind that hold its session open, and with it its locks on runs: the
-- next scheduler passes these runs by for ever.
ALTER DATABASE airflow SET idle_in_transaction_session_timeout = '2min';
-- Made here and not by the pipeline, so that its log-in may make no roles. What each may do, the migrations say.
CREATE ROLE motcua_pipeline;
CREATE ROLE motcua_sender;
CREATE ROLE motcua_publisher;
CREATE ROLE motcua_notifier;
CREATE ROLE motcua_watcher;
GRANT motcua_pipeline, motcua_sender, motcua_publisher, motcua_notifier, motcua_watcher TO motcua;
SQL
