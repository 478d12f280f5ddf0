"""Messages about incidents: what stands in one, as mail, for Slack, as JSON. Airflow's notifiers send it."""
