# "slim" is the official image without the providers that nothing here uses: so nothing in it can disagree with what
# requirements.txt pins, and what runs is what the tests ran with. requirements-dev.txt stays outside: the embedded
# PostgreSQL, the stand-in city's server and the test tools are for laptops.
FROM apache/airflow:slim-3.3.2-python3.12

# Volumes that are mounted here for the first time take over these owners.
USER root
RUN install --directory --owner=airflow --group=0 --mode=0775 \
    /opt/motcua /opt/motcua/source /opt/motcua/home /opt/motcua/feeds /opt/motcua/reports
USER airflow

COPY --chown=airflow:0 requirements.txt /opt/motcua/source/
RUN pip install --no-cache-dir --require-hashes --requirement /opt/motcua/source/requirements.txt

COPY --chown=airflow:0 pyproject.toml requirements.in /opt/motcua/source/
COPY --chown=airflow:0 include /opt/motcua/source/include
RUN pip install --no-cache-dir --no-deps /opt/motcua/source

COPY --chown=airflow:0 config /opt/airflow/config
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 dags /opt/airflow/dags

# A registry that is wrong, or packages that do not fit together, stop the build and not the night.
RUN airflow version && motcua sources
