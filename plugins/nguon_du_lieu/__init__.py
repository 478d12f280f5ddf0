"""Airflow's page "Nguồn dữ liệu": what stands how, and why. Rows come from `motcua.steps.views`; here they are shown.

`site` makes the application and knows nothing of Airflow; `app` joins it to Airflow's log-in (`rights`), to the
clock and to the warehouse.
"""
