-- Least-privilege roles for the log on Postgres. docs/roles.md tells who needs which.
--
-- Run it as the owner of the tables, after every `timeline migrate up`; it may be run again:
--
--     timeline migrate sql --roles | psql "$OWNER_URL" --set ON_ERROR_STOP=1 --file -
--
-- The owner can drop the guards, so the program never logs in as the owner. Each role is a group
-- without a login. The first stands apart; of the others each holds what the one before it holds:
--
--     timeline_owner       may own the tables: migrates, makes casebooks; nobody works as it daily
--     timeline_reader      reads everything
--     timeline_projector   keeps the projections, and cannot append to the log
--     timeline_writer      appends to the log
--     timeline_withholder  may erase the content of events and documents, and nothing else of them

BEGIN;
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'timeline_owner', 'timeline_reader', 'timeline_projector', 'timeline_writer',
        'timeline_withholder'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END
$$;

GRANT timeline_reader TO timeline_projector;
GRANT timeline_projector TO timeline_writer;
GRANT timeline_writer TO timeline_withholder;

-- Until Postgres 15 anybody could create tables here, and so stand before ours in a search path.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public
    FROM timeline_reader, timeline_projector, timeline_writer, timeline_withholder;
GRANT USAGE ON SCHEMA public TO timeline_reader;
GRANT USAGE, CREATE ON SCHEMA public TO timeline_owner;

-- Begin from nothing, so that a grant that is no longer here is gone.
REVOKE ALL ON ALL TABLES IN SCHEMA public
    FROM PUBLIC, timeline_reader, timeline_projector, timeline_writer, timeline_withholder;

-- The log. No role has DELETE or TRUNCATE. UPDATE on the head's columns is what lets a writer lock
-- the head row (SELECT ... FOR UPDATE) and move it; the guards let it move forward only.
GRANT SELECT ON casebooks, events, documents TO timeline_reader;
GRANT INSERT ON events, documents TO timeline_writer;
GRANT UPDATE (position, hash, recorded_at) ON casebooks TO timeline_writer;

-- Withholding, which the guards let through for these columns to NULL alone.
GRANT UPDATE (data, salt) ON events TO timeline_withholder;
GRANT UPDATE (content) ON documents TO timeline_withholder;

-- The projections: derived, so a projector may do anything to their rows. Each table is named, and
-- a test holds this list to the schema, so that nothing new is granted by accident.
GRANT SELECT ON
    actor_identities, actors, checkpoints, control_claims, control_links, control_places,
    control_rectangles, entries, entry_actors, event_types, incident_claims, incident_words,
    incidents, place_identities, places, report_versions, search_texts, sources, waiting_amendments
    TO timeline_reader;
GRANT INSERT, UPDATE, DELETE ON
    actor_identities, actors, checkpoints, control_claims, control_links, control_places,
    control_rectangles, entries, entry_actors, event_types, incident_claims, incident_words,
    incidents, place_identities, places, report_versions, search_texts, sources, waiting_amendments
    TO timeline_projector;

-- Tokens are made and revoked by the owner; the server recognises them by a hash. A writer keeps what
-- it answered, for requests that come again.
GRANT SELECT ON tokens TO timeline_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotent_requests TO timeline_writer;

-- Which revision the schema has; every command asks.
GRANT SELECT ON alembic_version TO timeline_reader;

COMMIT;
