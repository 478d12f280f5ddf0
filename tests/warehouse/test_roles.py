"""What each role may do: the whole matrix as the server's catalogue has it, tried by log-in and by SET ROLE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.publishing import city_feed
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.city_feed.feed import KEYS
from tests.publishing.city_feed.loading import merge_rows
from tests.warehouse.builders import AS_OF, CODE, row

# Every right of every role on every table and view: r read, a add, w write, d delete, as psql's \dp has them.
# A column list means: these columns only. A new grant must be written here too, with a reason to give it.
RIGHTS = {
    Role.PIPELINE: {
        "core.batch": "arw", "core.cycle": "arw", "core.delivery": "ar w(settled_at,state)", "core.dossier": "arw",
        "core.dossier_version": "ar", "core.claim": "ar", "core.hold": "arw", "core.source_day": "arw",
        "core.issue": "arw", "core.portal_copy": "r", "core.publication": "r",
        "core.quarantine": "arw", "core.sender": "r", "core.source_dossier": "arw", "core.source_state": "arw",
        "core.stage_run": "arw", "core.erasure": "ar w(ended_at)", "core.pruning": "ar",
        "core.delivery_decision": "r", "core.reconciliation": "r",
        "core.feed_key": "r", "core.shown": "r", "core.withheld": "r", "api.feed_key": "r", "api.withheld": "r",
        "private.applicant": "ardw", "private.step": "ardw", "private.supplement": "ardw",
        "api.batch": "r", "api.cycle": "r", "api.delivery": "r", "api.dossier": "r", "api.dossier_version": "r",
        "api.issue": "r", "api.publication": "r", "api.quarantine": "r", "api.source_dossier": "r",
        "api.source_state": "r", "api.stage_run": "r", "api.step": "r", "api.hold": "r",
        "api.batch_pages": "r", "api.report_mail": "r", "api.report_revocation": "r",
        "api.delivery_decision": "r", "api.reconciliation": "r",
        "api.claim": "r", "api.source_day": "r", "api.erasure": "r", "api.pruning": "r",
        "api.notice": "r", "api.sender": "r",
        # what people change of the schedules stays as they said it
        "core.schedule_change": "ar", "api.schedule_change": "r", "api.schedule_in_force": "r",
        # what the night's upkeep did; it is written as the owner
        "api.upkeep": "r",
        # keys that people changed, and the trail of all that they did
        "core.key_change": "ar", "api.audit": "r",
        # what a stage that failed leaves behind; what is wrong, and who was told
        "core.stage_failure": "a", "api.stage_failure": "r", "api.missed_deadline": "r", "api.incident": "r",
        "api.message": "r",
        # the portal's catalogues are read, and pairs of codes decided, with the pipeline's rights; nothing is forgotten
        "core.catalogue_refresh": "ar", "core.catalogue_entry": "ar w(last_seen,valid_to)", "core.crosswalk": "ar",
        "core.crosswalk_proposal": "ar w(last_seen,new_title,old_title,origin,score)",
        "api.catalogue_refresh": "r", "api.catalogue_entry": "r", "api.crosswalk": "r",
    },
    Role.SENDER: {
        "core.cycle": "r", "core.delivery": "rw", "core.dossier": "r", "core.portal_copy": "ardw", "core.sender": "rw",
        "core.source_dossier": "r", "core.stage_run": "a", "core.stage_failure": "a",
        # what the portal would refuse is an issue; what people and reconciliations decide stays
        "core.issue": "ar w(batch_id,last_seen,owner,page_sha256,settled_at,severity)", "core.delivery_decision": "ar",
        "core.reconciliation": "arw",
        "private.applicant": "r", "private.step": "r", "private.supplement": "r",
        "api.cycle": "r", "api.delivery": "r", "api.dossier": "r",
        # by which entry a code is told
        "api.crosswalk": "r",
    },
    Role.PUBLISHER: {
        "core.publication": "ar w(removed_at,removed_because,removed_by)", "core.stage_run": "a",
        "core.stage_failure": "a",
        "core.feed_key": "arw", "core.shown": "arw", "core.withheld": "ar",
        "api.cycle": "r", "api.dossier": "r", "api.quarantine": "r", "api.source_state": "r", "api.step": "r",
        # reports to the offices: what is wrong, where it stands in what was read, what the portal refused
        "api.issue": "r", "api.delivery": "r", "api.batch": "r", "api.batch_pages": "r",
        "core.report_revocation": "ar", "core.report_mail": "arw",
        # by which entry a code is named, and whether it is shown at all
        "api.crosswalk": "r",
    },
    # subscribers of the feed, and the city's own people: what is wrong, and who was told of it
    Role.NOTIFIER: {
        "core.notice": "arw", "core.stage_run": "a", "core.stage_failure": "a", "api.notice": "r",
        "core.incident": "arw", "core.incident_event": "ar", "core.message": "arw",
        "core.missed_deadline": "a r(dag_id,run_key)",
    },
    # every view, and nothing else
    Role.WATCHER: {
        "api.batch": "r", "api.batch_pages": "r", "api.catalogue_entry": "r", "api.catalogue_refresh": "r",
        "api.claim": "r", "api.crosswalk": "r", "api.cycle": "r", "api.delivery": "r",
        "api.delivery_decision": "r", "api.dossier": "r", "api.dossier_version": "r", "api.erasure": "r",
        "api.feed_key": "r", "api.hold": "r", "api.issue": "r", "api.notice": "r", "api.pruning": "r",
        "api.publication": "r", "api.quarantine": "r", "api.reconciliation": "r", "api.report_mail": "r",
        "api.audit": "r", "api.incident": "r", "api.message": "r", "api.missed_deadline": "r",
        "api.report_revocation": "r", "api.schedule_change": "r", "api.schedule_in_force": "r", "api.sender": "r",
        "api.source_day": "r", "api.source_dossier": "r", "api.source_state": "r", "api.stage_failure": "r",
        "api.stage_run": "r", "api.step": "r", "api.upkeep": "r", "api.withheld": "r",
    },
}  # fmt: skip
SCHEMAS = {
    Role.PIPELINE: {"api", "core", "private", "public"},
    Role.SENDER: {"api", "core", "private", "public"},
    Role.PUBLISHER: {"api", "core", "public"},
    Role.NOTIFIER: {"api", "core", "public"},
    Role.WATCHER: {"api", "public"},
}

# What a role holds in fact, by whatever way it got it: PUBLIC and memberships count too.
_TABLE_RIGHTS = sa.text("""
SELECT c.oid::regclass::text AS relation, p.letter, has_table_privilege(CAST(:role AS text), c.oid, p.name) AS whole,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND p.by_column
               AND has_column_privilege(CAST(:role AS text), c.oid, a.attnum, CASE WHEN p.by_column THEN p.name END)
             ORDER BY 1) AS columns
FROM pg_class c
CROSS JOIN (VALUES ('a', 'INSERT', true), ('r', 'SELECT', true), ('w', 'UPDATE', true), ('x', 'REFERENCES', true),
                   ('d', 'DELETE', false), ('D', 'TRUNCATE', false), ('t', 'TRIGGER', false), ('m', 'MAINTAIN', false)
           ) AS p(letter, name, by_column)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
ORDER BY 1, 2
""")
_SCHEMA_RIGHTS = sa.text("""
SELECT nspname, has_schema_privilege(CAST(:role AS text), oid, 'CREATE') AS may_create FROM pg_namespace
WHERE nspname !~ '^(pg_|information_schema)' AND has_schema_privilege(CAST(:role AS text), oid, 'USAGE')
""")
_ATTRIBUTES = sa.text("""
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS has_power, rolcanlogin,
       ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid) AS member_of,
       has_database_privilege(rolname, current_database(), 'CREATE') AS makes_schemas,
       (SELECT count(*) FROM pg_class WHERE relowner = r.oid) + (SELECT count(*) FROM pg_proc WHERE proowner = r.oid)
           AS owns
FROM pg_roles r WHERE rolname = :role
""")


@pytest.fixture
def owner(settings: Settings) -> Iterator[sa.Connection]:
    """A connection of the warehouse's owner, who may look into the catalogue."""
    engine = warehouse.engine(settings, None)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(params=["by SET ROLE", "by log-in"])
def acting(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Callable[[Role], sa.Engine]]:
    """Engines of roles: by SET ROLE as the steps have them, and by a log-in of each role's own."""
    engines = []

    def act(role: Role) -> sa.Engine:
        own = as_log_in(settings, role) if request.param == "by log-in" else settings
        engines.append(warehouse.engine(own, role))
        return engines[-1]

    yield act
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize("role", Role)
def test_rights_on_tables_and_views_are_these_and_no_other(owner: sa.Connection, role: Role) -> None:
    held: dict[str, list[str]] = {}
    for found in owner.execute(_TABLE_RIGHTS, {"role": role.value}):
        if found.whole:
            held.setdefault(found.relation, [""])[0] += found.letter
        elif found.columns:
            held.setdefault(found.relation, [""]).append(f"{found.letter}({','.join(found.columns)})")
    expected = {
        name: ["".join(sorted(rights.split()[0])), *rights.split()[1:]] for name, rights in RIGHTS[role].items()
    }
    assert {name: ["".join(sorted(rights[0])), *rights[1:]] for name, rights in held.items()} == expected


@pytest.mark.parametrize("role", Role)
def test_role_uses_its_schemas_and_makes_nothing_in_them(owner: sa.Connection, role: Role) -> None:
    schemas = {(found.nspname, found.may_create) for found in owner.execute(_SCHEMA_RIGHTS, {"role": role.value})}
    assert schemas == {(name, False) for name in SCHEMAS[role]}


@pytest.mark.parametrize("role", Role)
def test_role_has_no_power_of_its_own(owner: sa.Connection, role: Role) -> None:
    found = owner.execute(_ATTRIBUTES, {"role": role.value}).one()
    assert found._asdict() == {
        "has_power": False, "rolcanlogin": True, "member_of": [], "makes_schemas": False, "owns": 0,
    }  # fmt: skip


def test_sequences_and_functions_are_nobodys_but_the_owners(owner: sa.Connection) -> None:
    functions = sa.text(
        "SELECT count(*) FROM pg_proc WHERE pronamespace::regnamespace::text IN ('core','private','api')"
    )
    assert owner.execute(functions).scalar_one() == 0
    sequences = sa.text("""
        SELECT c.relname, r.rolname FROM pg_class c, pg_roles r
        WHERE c.relkind = 'S' AND r.rolname LIKE 'motcua%'
          AND has_sequence_privilege(r.rolname, c.oid, 'USAGE, SELECT, UPDATE')
    """)
    assert owner.execute(sequences).all() == []


FORBIDDEN = {
    Role.PIPELINE: [
        "INSERT INTO core.publication VALUES (1, now(), now(), 0, 0, '')",
        "INSERT INTO core.portal_copy VALUES ('x', 1)",
        "UPDATE core.portal_copy SET version = 9",
        "UPDATE core.sender SET fence = fence + 1",
        "UPDATE core.delivery SET attempts = 0",
        "UPDATE core.dossier_version SET status = 9",
        "UPDATE core.schedule_change SET reason = ''",
        "DELETE FROM core.schedule_change",
        "UPDATE core.crosswalk SET decision = 'confirmed'",
        "DELETE FROM core.catalogue_entry",
        "DELETE FROM core.dossier",
        "DELETE FROM core.source_dossier",
        "DELETE FROM core.delivery",
        "TRUNCATE private.applicant",
        "ALTER TABLE core.dossier ADD COLUMN name text",
        "DROP TABLE core.issue",
        "CREATE TABLE core.more (code text)",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "ALTER ROLE motcua_publisher SUPERUSER",
        "GRANT motcua_pipeline TO motcua_publisher",
    ],
    Role.SENDER: [
        "UPDATE core.dossier SET status = 9",
        "INSERT INTO core.dossier SELECT * FROM core.dossier",
        "UPDATE core.source_dossier SET status = 9",
        "SELECT 1 FROM core.quarantine",
        "UPDATE core.quarantine SET settled_at = now()",
        "INSERT INTO core.delivery SELECT * FROM core.delivery",
        "DELETE FROM core.delivery",
        "DELETE FROM core.delivery_decision",
        "UPDATE core.issue SET rule = ''",
        "DELETE FROM private.applicant",
        "UPDATE private.applicant SET name = ''",
        "INSERT INTO core.publication VALUES (1, now(), now(), 0, 0, '')",
        "UPDATE core.source_state SET state = 'ok'",
        "ALTER TABLE core.delivery DROP COLUMN attempts",
    ],
    Role.PUBLISHER: [
        "SELECT 1 FROM private.applicant",
        "SELECT 1 FROM private.step",
        "SELECT 1 FROM private.supplement",
        "SELECT 1 FROM core.dossier",
        "SELECT 1 FROM core.source_dossier",
        "SELECT 1 FROM core.dossier_version",
        "SELECT 1 FROM core.quarantine",
        "SELECT 1 FROM core.delivery",
        "UPDATE core.dossier SET status = 9",
        "UPDATE api.dossier SET status = 9",
        "DELETE FROM api.source_dossier",
        "UPDATE core.delivery SET state = 'accepted'",
        "UPDATE core.publication SET seq = 9",
        "DELETE FROM core.publication",
        "UPDATE core.report_revocation SET generation = 9",
        "DELETE FROM core.report_mail",
        "CREATE VIEW api.more AS SELECT 1",
    ],
    Role.WATCHER: [
        "SELECT 1 FROM private.applicant",
        "SELECT 1 FROM core.dossier",
        "UPDATE core.source_state SET state = 'ok'",
        "DELETE FROM core.delivery",
    ],
    Role.NOTIFIER: [
        "SELECT 1 FROM private.applicant",
        "SELECT 1 FROM core.dossier",
        "SELECT 1 FROM api.dossier",
        "SELECT 1 FROM core.delivery",
        "SELECT 1 FROM core.publication",
        "SELECT 1 FROM core.stage_run",
        "DELETE FROM core.notice",
        "ALTER TABLE core.notice DROP COLUMN attempts",
    ],
}


@pytest.mark.parametrize("role", Role)
def test_role_is_denied_what_is_not_its_stage(acting: Callable[[Role], sa.Engine], role: Role) -> None:
    engine = acting(role)
    assert [statement for statement in FORBIDDEN[role] if not is_denied(engine, statement)] == []


@pytest.mark.parametrize("role", Role)
def test_role_that_logged_in_cannot_become_another(settings: Settings, role: Role) -> None:
    engine = warehouse.engine(as_log_in(settings, role), role)
    others = [other for other in Role if other is not role]
    assert [other for other in others if not is_denied(engine, f"SET ROLE {other.value}")] == []
    with engine.connect() as connection:
        connection.execute(sa.text("RESET ROLE"))
        assert connection.execute(sa.text("SELECT current_user")).scalar_one() == role.value
    engine.dispose()


def is_denied(engine: sa.Engine, statement: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.execute(sa.text(statement))
        except sa.exc.ProgrammingError as error:
            return isinstance(error.orig, psycopg.errors.InsufficientPrivilege)
    return False


def as_log_in(settings: Settings, role: Role) -> Settings:
    """The same warehouse by the log-in of a role, as an installation with three secrets would have it."""
    assert settings.database_url is not None
    url = sa.make_url(settings.database_url).set(username=role.value, password=None)
    return replace(settings, database_url=url.render_as_string(hide_password=False))


def test_roles_do_their_own_stages(acting: Callable[[Role], sa.Engine], settings: Settings) -> None:
    pipeline, sender, publisher = map(acting, (Role.PIPELINE, Role.SENDER, Role.PUBLISHER))
    merged = merge_rows(pipeline, [row()])
    assert merged is not None
    assert merged.changed == 1
    with sender.begin() as connection:
        assert send_one(connection) == "Người nộp"
    outcome = city_feed.publish(
        publisher, settings.feed_url, load_registry(), keys=KEYS, as_of=AS_OF, published_at=AS_OF
    )
    assert (outcome.seq, outcome.rows) == (1, 1)
    merged = merge_rows(pipeline, [row(status=9, source_changed_at=AS_OF)])
    assert merged is not None
    assert merged.changed == 1
    with closing(publisher.connect()) as connection:
        assert connection.execute(sa.text("SELECT code, status FROM api.dossier")).all() == [(CODE, 9)]


def send_one(connection: sa.Connection) -> str:
    """What the sender does to the ledger for one dossier; returns the name that it would tell the portal."""
    connection.execute(sa.text("UPDATE core.sender SET fence = fence + 1"))
    connection.execute(sa.text("SELECT fence FROM core.sender FOR SHARE"))
    connection.execute(sa.text("UPDATE core.delivery SET state = 'sent', attempts = attempts + 1, sent_at = now()"))
    connection.execute(sa.text("INSERT INTO core.portal_copy AS p VALUES (:code, 1, '{a}')"), {"code": CODE})
    connection.execute(sa.text("UPDATE core.portal_copy SET steps = '{b}' WHERE code = :code"), {"code": CODE})
    connection.execute(sa.text("UPDATE core.delivery SET state = 'accepted', settled_at = now()"))
    return str(
        connection.execute(
            sa.text("SELECT a.name FROM core.dossier d JOIN private.applicant a ON a.source_id = d.lead_source_id")
        ).scalar_one()
    )
