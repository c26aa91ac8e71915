package ledger

import (
	"context"
	_ "embed" // pgschema.txt
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// pgVersion is the version of the schema.
const pgVersion = 1

// pgSchema makes the schema halftone: links, sealed files, the lease. As in SQLite,
// what the indexes are over stands in the entry, and triggers refuse all but
// appending. They fire whatever session_replication_role says.
func pgSchema() []string {
	const (
		of        = `(entry::jsonb ->> 'kind'), (entry::jsonb ->> 'dataset'), (entry::jsonb ->> 'series'), (entry::jsonb ->> 'period'), (entry::jsonb ->> 'edition')`
		ofVersion = `(entry::jsonb ->> 'dataset'), (entry::jsonb ->> 'version')`
	)
	function := func(name, declare, body string) string {
		return "CREATE FUNCTION halftone." + name + "() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$" + declare + "BEGIN " + body + " END$$"
	}
	const refuse = `RAISE EXCEPTION 'the ledger is append-only';`
	create := []string{
		`CREATE TABLE halftone.store (one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL)`,
		`INSERT INTO halftone.store (one, version) VALUES (1, 1)`,
		`CREATE TABLE halftone.lease (one integer PRIMARY KEY CHECK (one = 1), epoch bigint NOT NULL, holder text NOT NULL, until timestamptz NOT NULL)`,
		`INSERT INTO halftone.lease (one, epoch, holder, until) VALUES (1, 0, '', 'epoch')`,
		`CREATE TABLE halftone.link (seq bigint PRIMARY KEY, entry text NOT NULL, digest text NOT NULL, hash text NOT NULL UNIQUE)`,
		`CREATE UNIQUE INDEX once ON halftone.link (` + of + `) WHERE (entry::jsonb ->> 'kind') IN ('charge', 'seal')`,
		`CREATE UNIQUE INDEX version ON halftone.link (` + ofVersion + `) WHERE (entry::jsonb ->> 'kind') = 'publish'`,
		`CREATE TABLE halftone.sealed (dataset text NOT NULL, series integer NOT NULL, period text NOT NULL, edition integer NOT NULL, file bytea NOT NULL, PRIMARY KEY (dataset, series, period, edition))`,
		function("refuse", "", refuse),
		// A link continues the chain; the file of a seal is there.
		function("follow", "DECLARE e jsonb := NEW.entry::jsonb; last halftone.link; ", `
SELECT * INTO last FROM halftone.link ORDER BY seq DESC LIMIT 1;
IF NEW.seq IS DISTINCT FROM coalesce(last.seq, 0) + 1
OR NEW.digest IS DISTINCT FROM encode(sha256(convert_to(NEW.entry, 'UTF8')), 'hex')
OR NEW.hash IS DISTINCT FROM encode(sha256(convert_to(coalesce(last.hash, '') || NEW.digest, 'UTF8')), 'hex')
OR e ->> 'kind' = 'seal' AND NOT EXISTS (SELECT 1 FROM halftone.sealed WHERE dataset = e ->> 'dataset' AND series::text = e ->> 'series'
AND period = e ->> 'period' AND edition::text = e ->> 'edition' AND encode(sha256(file), 'hex') = e ->> 'sealed_sha256')
THEN `+refuse+` END IF;
RETURN NEW;`),
		// A sealed file that an entry records never changes; none changes its name.
		function("keep", "", `
IF (NEW.dataset, NEW.series, NEW.period, NEW.edition) IS DISTINCT FROM (OLD.dataset, OLD.series, OLD.period, OLD.edition)
OR EXISTS (SELECT 1 FROM halftone.link WHERE entry::jsonb ->> 'kind' = 'seal' AND entry::jsonb ->> 'dataset' = OLD.dataset
AND entry::jsonb ->> 'series' = OLD.series::text AND entry::jsonb ->> 'period' = OLD.period AND entry::jsonb ->> 'edition' = OLD.edition::text)
THEN `+refuse+` END IF;
RETURN NEW;`),
		// An epoch that came back would let an old holder write.
		function("rise", "", `IF NEW.epoch < OLD.epoch THEN `+refuse+` END IF; RETURN NEW;`),
	}
	for _, t := range []struct{ name, when, table, do string }{
		{"follow", "BEFORE INSERT", "link", "FOR EACH ROW EXECUTE FUNCTION halftone.follow()"},
		{"append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "link", "FOR EACH STATEMENT EXECUTE FUNCTION halftone.refuse()"},
		{"keep", "BEFORE UPDATE", "sealed", "FOR EACH ROW EXECUTE FUNCTION halftone.keep()"},
		{"append_only", "BEFORE DELETE OR TRUNCATE", "sealed", "FOR EACH STATEMENT EXECUTE FUNCTION halftone.refuse()"},
		{"rise", "BEFORE UPDATE", "lease", "FOR EACH ROW EXECUTE FUNCTION halftone.rise()"},
		{"append_only", "BEFORE DELETE OR TRUNCATE", "lease", "FOR EACH STATEMENT EXECUTE FUNCTION halftone.refuse()"},
	} {
		create = append(create, "CREATE TRIGGER "+t.name+" "+t.when+" ON halftone."+t.table+" "+t.do,
			"ALTER TABLE halftone."+t.table+" ENABLE ALWAYS TRIGGER "+t.name)
	}
	return create
}

// describe lists all that is in the schema, an object a row: its kind, its name, what
// it is. The server writes definitions in its own words; the source of a function is
// as it was given.
const describe = `WITH rel AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'halftone')
SELECT 'table', relname, relkind::text || relpersistence::text || CASE WHEN relrowsecurity OR relhassubclass OR relispartition THEN ' odd' ELSE '' END || ' ' || coalesce((
	SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END || CASE WHEN atthasdef THEN ' default' ELSE '' END, ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = rel.oid AND attnum > 0 AND NOT attisdropped), '') FROM rel WHERE relkind NOT IN ('i', 't')
UNION ALL SELECT 'index', i.relname, pg_get_indexdef(i.oid) || CASE WHEN x.indisvalid AND x.indisready THEN '' ELSE ' odd' END FROM rel i JOIN pg_index x ON x.indexrelid = i.oid
UNION ALL SELECT 'constraint', r.relname || '.' || conname, pg_get_constraintdef(k.oid) || CASE WHEN convalidated THEN '' ELSE ' odd' END FROM pg_constraint k JOIN rel r ON r.oid = conrelid WHERE contype <> 'n'
UNION ALL SELECT 'trigger', r.relname || '.' || tgname, tgenabled::text || ' ' || pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN rel r ON r.oid = tgrelid WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, lanname || CASE WHEN prosecdef THEN ' odd ' ELSE ' ' END || coalesce(array_to_string(proconfig, ','), '') || ' ' || prosrc
	FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace JOIN pg_language l ON l.oid = prolang WHERE nspname = 'halftone'
UNION ALL SELECT 'rule', r.relname || '.' || rulename, '' FROM pg_rewrite w JOIN rel r ON r.oid = ev_class
UNION ALL SELECT 'policy', r.relname || '.' || polname, '' FROM pg_policy o JOIN rel r ON r.oid = polrelid
UNION ALL SELECT 'parent', r.relname, '' FROM pg_inherits h JOIN rel r ON r.oid = inhrelid`

// makeSchema makes the schema where there is none, one worker at a time, and
// compares what is there.
func (s *server) makeSchema(ctx context.Context, tx pgx.Tx) (made bool, err error) {
	exists := func() (schema, tables bool, err error) {
		row := tx.QueryRow(ctx, "SELECT to_regnamespace('halftone') IS NOT NULL, EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'halftone')")
		err = row.Scan(&schema, &tables)
		return schema, tables, s.fault(err)
	}
	_, tables, err := exists()
	if err != nil {
		return false, err
	}
	if !tables {
		const lock = 0x68616c66746f6e65 // "halftone"
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lock)); err != nil {
			return false, s.fault(err)
		}
		var schema bool
		if schema, tables, err = exists(); err != nil { // again, with the lock
			return false, err
		}
		create := pgSchema()
		if !schema {
			create = append([]string{"CREATE SCHEMA halftone"}, create...)
		}
		for _, c := range create {
			if tables {
				break
			}
			if _, err := tx.Exec(ctx, c); err != nil {
				return false, s.fault(err)
			}
		}
		made = !tables
	}
	return made, s.compare(ctx, tx)
}

// compare fails when a table, index, trigger or function is missing, changed or
// added, or the format is another one.
func (s *server) compare(ctx context.Context, tx pgx.Tx) error {
	var known bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('halftone.store') IS NOT NULL").Scan(&known); err != nil {
		return s.fault(err)
	}
	version := 0
	if known {
		if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM halftone.store").Scan(&version); err != nil {
			return s.fault(err)
		}
	}
	if version != pgVersion {
		return s.failed("has format %d, this halftone knows %d only: use the halftone that wrote it", version, pgVersion)
	}
	rows, err := tx.Query(ctx, describe)
	if err != nil {
		return s.fault(err)
	}
	defer rows.Close()
	want := pgObjects()
	for rows.Next() {
		var kind, name, is string
		if err := rows.Scan(&kind, &name, &is); err != nil {
			return s.fault(err)
		}
		line := kind + " " + name + ": " + is
		i := slices.Index(want, line)
		if i < 0 {
			return s.failed("has a schema that something else has changed: %s %s", kind, name)
		}
		want = slices.Delete(want, i, i+1)
	}
	if err := rows.Err(); err != nil {
		return s.fault(err)
	}
	if len(want) > 0 {
		of, _, _ := strings.Cut(want[0], ":")
		return s.failed("has a schema that something else has changed: %s is gone", of)
	}
	return nil
}

//go:embed pgschema.txt
var pgObjectList string

// pgObjects are what describe gives of pgSchema, an object a paragraph.
func pgObjects() []string { return strings.Split(strings.TrimSpace(pgObjectList), "\n\n") }
