#!/usr/bin/env bash
# What Airflow remembers of runs that are long over: its tables, XComs, logs. Tasks cannot reach Airflow's database,
# so this is no DAG: a service of compose, or cron, runs it where Airflow's components run. Safe to repeat.
set -euo pipefail

days="${AIRFLOW_KEEP_DAYS:-90}"
[[ "$days" =~ ^[1-9][0-9]*$ ]] || { echo "AIRFLOW_KEEP_DAYS: expected whole days from 1, got '$days'" >&2; exit 2; }
before="$(date --utc --date "$days days ago" +%Y-%m-%dT%H:%M:%S+00:00)"

# not `connection` and the like: what people entered stays. Without an archive: nothing of it is asked for any more.
airflow db clean --clean-before-timestamp "$before" --skip-archive --yes

logs="${AIRFLOW__LOGGING__BASE_LOG_FOLDER:-${AIRFLOW_HOME:-$HOME/airflow}/logs}"
if [[ -d "$logs" ]]; then
  find "$logs" -type f -name '*.log' -mtime "+$days" -delete
  find "$logs" -mindepth 1 -type d -empty -delete
fi
