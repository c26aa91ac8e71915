"""Reads t.csv and t.parquet with other tools, checks that they agree, and says what Parquet holds."""
import json
import sys

try:
    import duckdb
    import pandas as pd
    import pyarrow.parquet as pq
except ImportError as e:
    print("not installed:", e.name)
    sys.exit(77)

d = sys.argv[1]
table = pq.read_table(f"{d}/t.parquet")
f = pq.ParquetFile(f"{d}/t.parquet")
meta = f.metadata
frame = pd.read_csv(f"{d}/t.csv", keep_default_na=False, na_values=[""], dtype={"value": "Int64", "ci_low": "Int64", "ci_high": "Int64"})
rows = table.to_pylist()
duck = duckdb.sql(f"SELECT * FROM '{d}/t.parquet'").fetchall()
for name in table.column_names:
    a = [None if pd.isna(x) else x for x in frame[name]]
    b = [r[name] for r in rows]
    if a != b:
        sys.exit(f"{name}: pandas reads {a} from CSV, pyarrow {b} from Parquet")
if duck != [tuple(r.values()) for r in rows]:
    sys.exit(f"duckdb reads {duck}, pyarrow {rows}")
group = meta.row_group(0)
print(json.dumps({
    "columns": table.column_names,
    "types": [str(t) for t in table.schema.types],
    "meta": {k.decode(): v.decode() for k, v in (meta.metadata or {}).items() if k != b"ARROW:schema"},
    "created_by": meta.created_by,
    "codecs": sorted({group.column(i).compression for i in range(group.num_columns)}),
    "values": [r["value"] for r in rows], "estimates": [r["estimate"] for r in rows], "codes": [r["place"] for r in rows],
}))
