"""The pipeline: pages in, dossiers kept, progress out. Knows nothing of Airflow."""
