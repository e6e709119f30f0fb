-- Four roles and a database for each service, on a new PostgreSQL server.
--
-- The official image runs every file of its init folder once, on an empty data folder; elsewhere it is
-- `psql --file init.sql` as a superuser. The roles' passwords come from TALLYSTICK_MIGRATE_PASSWORD,
-- TALLYSTICK_APP_PASSWORD and TALLYSTICK_READONLY_PASSWORD, or from the files that the same names with _FILE give.
--
--   tallystick_migrate    owns every table; only `python -m <service> migrate` logs in as it
--   tallystick_app        what the services log in as, and what answers requests: reads, and of each table only rows
--                         of the councils that the transaction names
--   tallystick_worker     nobody logs in as it: what a service becomes to consume, record and measure. Sees every row,
--                         adds rows, and changes only what a migration says may change
--   tallystick_readonly   for people and reports: reads every row
--
-- What the last three may do in a table is granted by the migration that makes it, and so are its row-level policies.

\set ON_ERROR_STOP on
\set migrate_password `printf %s "${TALLYSTICK_MIGRATE_PASSWORD:-$(cat "$TALLYSTICK_MIGRATE_PASSWORD_FILE")}"`
\set app_password `printf %s "${TALLYSTICK_APP_PASSWORD:-$(cat "$TALLYSTICK_APP_PASSWORD_FILE")}"`
\set readonly_password `printf %s "${TALLYSTICK_READONLY_PASSWORD:-$(cat "$TALLYSTICK_READONLY_PASSWORD_FILE")}"`

SELECT '' IN (:'migrate_password', :'app_password', :'readonly_password') AS password_missing \gset
\if :password_missing
DO $$ BEGIN RAISE EXCEPTION 'a password is missing: set TALLYSTICK_{MIGRATE,APP,READONLY}_PASSWORD or …_PASSWORD_FILE'; END $$;
\endif

CREATE ROLE tallystick_migrate LOGIN PASSWORD :'migrate_password';
CREATE ROLE tallystick_app LOGIN PASSWORD :'app_password';
CREATE ROLE tallystick_worker NOLOGIN;
-- Only by SET ROLE: what a request does has none of the worker's rights.
GRANT tallystick_worker TO tallystick_app WITH INHERIT FALSE, SET TRUE;
CREATE ROLE tallystick_readonly LOGIN PASSWORD :'readonly_password';

-- Whatever program logs in: nobody keeps others waiting for ever. A migration may take its time, but not for a lock.
ALTER ROLE tallystick_migrate SET lock_timeout = '5s';
ALTER ROLE tallystick_app SET lock_timeout = '5s';
ALTER ROLE tallystick_app SET statement_timeout = '15s';
ALTER ROLE tallystick_app SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE tallystick_readonly SET lock_timeout = '5s';
ALTER ROLE tallystick_readonly SET statement_timeout = '15s';
ALTER ROLE tallystick_readonly SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE tallystick_readonly SET default_transaction_read_only = on;

-- Text sorts by code point, as in SQLite and Python: pages and statements come in one order everywhere.
CREATE DATABASE catalogue OWNER tallystick_migrate TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
CREATE DATABASE sla_monitor OWNER tallystick_migrate TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
CREATE DATABASE billing OWNER tallystick_migrate TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';

REVOKE ALL ON DATABASE catalogue, sla_monitor, billing FROM PUBLIC;
GRANT CONNECT ON DATABASE catalogue, sla_monitor, billing TO tallystick_app, tallystick_readonly;

\connect catalogue
ALTER SCHEMA public OWNER TO tallystick_migrate;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO tallystick_app, tallystick_worker, tallystick_readonly;

\connect sla_monitor
ALTER SCHEMA public OWNER TO tallystick_migrate;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO tallystick_app, tallystick_worker, tallystick_readonly;

\connect billing
ALTER SCHEMA public OWNER TO tallystick_migrate;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO tallystick_app, tallystick_worker, tallystick_readonly;
