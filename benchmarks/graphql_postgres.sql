-- What PostGraphile needs to be asked the same: relations without foreign keys, and two functions.
COMMENT ON TABLE entries IS E'@foreignKey (casebook, place_id) references places (casebook, place_id)|@fieldName place|@foreignFieldName timeline\n@foreignKey (casebook, report_id, report_version) references report_versions (casebook, report_id, report_version)|@fieldName report';

CREATE OR REPLACE FUNCTION entries_occurred_edtf(e entries) RETURNS text
  LANGUAGE sql STABLE AS $$ SELECT e.data::jsonb -> 'occurred' ->> 'edtf' $$;

CREATE TYPE held AS (place_id text, name text, state text, holders jsonb, since_earliest text, since_latest text);

CREATE OR REPLACE FUNCTION held_map(at text, known text) RETURNS SETOF held
  LANGUAGE sql STABLE AS $$
    SELECT q.place_id, q.name, d ->> 'state', d -> 'holders', d ->> 'since_earliest', d ->> 'since_latest'
      FROM (SELECT p.place_id, l.name,
                   (SELECT r.data::jsonb FROM control_rectangles r
                     WHERE r.casebook = 'main' AND r.place_id = p.place_id AND r.valid_from <= at
                       AND r.known_from <= known AND r.known_to > known
                     ORDER BY r.valid_from DESC LIMIT 1) AS d
              FROM control_places p
              JOIN places l ON l.casebook = p.casebook AND l.place_id = p.place_id
             WHERE p.casebook = 'main') q
     WHERE d IS NOT NULL
     ORDER BY q.name, q.place_id $$;
