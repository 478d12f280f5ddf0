-- Who looks and touches nothing: Airflow's page "Nguồn dữ liệu", messages, metrics. The stable views, nothing personal.
GRANT USAGE ON SCHEMA api TO motcua_watcher;
GRANT SELECT ON ALL TABLES IN SCHEMA api TO motcua_watcher;
