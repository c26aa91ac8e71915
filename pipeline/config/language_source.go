package config

// DefaultKeep is `keep_rows` where a source does not say it.
const DefaultKeep = "30 days"

// kindsOfDesign are the connectors that the design knows.
var kindsOfDesign = [...]string{"file", "http", "dhis2", "kobo", "primero", "activityinfo", "ckan", "sdmx", "sql", "s3", "sftp", "mailbox", "exec"}

// keepExample keeps the newest round of each camp.
const keepExample = "keep: [{partition_by: [Camp], order_by: Round, order: desc}]"

func sourceForm(kinds []string) *form {
	return object(keys(
		must("agency", "Who reports, as printed.", shown("a name")),
		opt("reporter", "A group of sources, for panels of coverage.", shown("a name")).none("none"),
		must("from", "Exactly one connector and its settings. Secrets are given as `env:NAME`, `file:PATH` or `credential:NAME` only.", fromForm(kinds)),
		opt("hosts", "The only names that it may dial.", listOf("a list of hosts", matching(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.:-]+)$`, "a host, host:port or address")).some()).none("the host of the URL"),
		opt("use", "`check`: the source is pulled, mapped, staged and reported like any other, and counts nothing: `pull` compares its cells with what the others give for them.", oneWord("count", "check")).or("count").fixed().like("use: check"),
		opt("delivers", "What a pull means. `whole`: it replaces the periods that it holds. `append`: pulls add up. `upsert`: the last row of a `key` counts, over all pulls.", oneWord("whole", "append", "upsert")).or("whole").fixed().like("delivers: upsert"),
		opt("deleted", "With `delivers: upsert`: the rows that say that their key is no more, as `where` says which rows count. It is looked at before `where`.", whereForm(inDeleted)).none("none").fixed().like("deleted: {Status: [deleted, withdrawn]}"),
		opt("required", "`false`: a due period is released without this source, marked `partial`.", truth()).or(true),
		opt("read", "How the table stands in the file or reply.", readForm()).none("by its content").fixed(),
		opt("where", "Which rows count: all tests of a map must hold; of a list of maps, any.", whereForm(inWhere)).none("all rows").fixed().like("where: {outcome: [identified, assisted], region: {not: \"\"}}"),
		must("map", "What each column means. Columns that are not named are never read.", mappingForm()).fixed(),
		opt("key", "Columns that identify a row; `row`: every row is its own.", anyOf("row, a column or a list of columns", text("row or a column"), listOf("a list of columns", text("a column")).some())).none("the period and the mapped codes; required for `delivers: upsert`").fixed(),
		opt("duplicates", "What to do with rows of the same key.", oneWord("error", "sum", "max", "same")).none("error; with a constant value and no key, every row is its own").fixed(),
		opt("bounds", "Values outside stop the source.", object(keys(
			opt("min", "Least value.", whole(-1<<40, 1<<40)).or(0),
			opt("max", "Greatest value.", whole(-1<<40, 1<<40)).none("none"),
			opt("ratio", "The most that a cell may be of what it was the period before (of 1, where that was 0). A cell that was not there then says nothing.", decimal("a number above 1", map[string]any{"exclusiveMinimum": 1})).none("no limit").like(`bounds: {ratio: 20}`),
			opt("over", "`clip`: a value above `max` is read as `max` instead.", oneWord("clip")).none("the source stops").like(`bounds: {max: 5000, over: clip}`),
		)...)).none("min: 0").fixed(),
		opt("corrections", "Path of a reviewed CSV by which a person gives rows another value or leaves them out: the columns of `key` (without one: `period` and the mapped dimensions, as codes), then `value` (a whole number or `exclude`), `reason`, `by`, `on`. "+
			"Corrected values need not keep `bounds`. What is published says that corrections were made by hand.", text("the path of a corrections file")).none("none").fixed().like(`corrections: corrections.csv`),
		opt("keep", "Steps, one after the other, each of which leaves of the rows of a period only those that come first; rows that tie all stay. For stocks that are reported many times a period.", listOf("a list of steps", object(
			must("partition_by", "Of the rows that have the same texts in these columns the first stay.", listOf("a list of columns", text("a column")).some()).like(keepExample),
			must("order_by", "The column that orders them: numbers, or dates such as 2026-11-23; never the value. A blank comes last.", text("a column")).like(keepExample),
			must("order", "`desc`: the greatest or newest first. `asc`: the least or oldest. Or the labels, the first first; others come behind them.", anyOf("asc, desc or a list of labels", oneWord("asc", "desc"), listOf("a list of labels", label("a label")).some())).like("keep: [{partition_by: [Camp], order_by: Method, order: [census, estimate]}]"),
		)).some()).none("all rows stay").fixed().like(keepExample),
		opt("grain", "What the rows that are counted break down: dimensions at their finest level (`place.region` names another), all others at their total. Other rows are reported and not used. "+
			"A list of such lists is a chain, finest first: rows of the later ones are totals of the earlier.", listOf("a list of dimensions, or a list of such lists", anyOf("a dimension or a list of dimensions",
			text("a dimension, or dimension.level"), listOf("a list of dimensions", text("a dimension, or dimension.level"))))).none("every row; a total beside its parts is an error").fixed().like("grain: [place, sex, form, armed]"),
		opt("totals", "What becomes of the totals of a chain; required with one. `drop`: nothing. `check`: they are compared with their parts, and the report says how many differ. "+
			"`rest`: what a total has more than its parts goes to the unknown code, so that every total is kept.", anyOf("drop, check, rest or {use: rest, max_below: 1%}", oneWord("drop", "check", "rest"), object(
			must("use", "Only `rest` has more to say.", oneWord("rest")),
			opt("max_below", "The most, as a share of all unsuppressed totals of a grain, by which parts may exceed them. Above it parts overlap, and the source stops.", share()).or("1%"),
		))).none("no chain, no totals").fixed(),
		must("contribution", "What the agency says about one person in its counts; never read from data.", object(
			must("per_period", "The most that one person adds to the counts of one period.", whole(1, 1<<20)),
			must("periods", "The most periods that one person is counted in, over all pulls ever made.", anyOf("a whole number or unlimited", whole(1, 1<<20), oneWord("unlimited"))),
			must("stated_by", "Who says so, in which document, when.", shown("a text")),
		)).but("use", "check").fixed(),
		opt("guarantee", "`none`: rows of the source depend on each other (synthetic or already noised figures, complementary suppression, swapping), so that nothing bounds what one person changes. "+
			"No promise is then made for the people behind its file, and every page and the label say so. Noise is added and charged as always, and `contribution` is still stated: for its rows. "+
			"Of a source that was ever released it stays as it is.", oneWord("none")).none("the promise is made").fixed().like("guarantee: none"),
		opt("person", "The column of a person's key (a case number, say), or a rule: of one person's rows of a period at most `contribution.per_period` are counted. "+
			"Each row is then one record (`value: 1`), and one without a key is quarantined. Keys are compared as labels are, and never kept: rows hold a keyed hash.",
			anyOf("a column or a rule", text("a column"), personForm())).none("`per_period` is the agency's word").fixed().like(personExample),
		opt("quarantine", "The most rows, of those that pass `where`, that may fail to map. Above it the run stops and nothing is charged.", percent()).or("1%"),
		opt("keep_rows", "Rows are destroyed this long after the last planned edition of their period, and after the day of its last release: never before, and by the first `run` or `retention` then.", duration()).or(DefaultKeep),
		later("confidential", "calendar"),
	)...)
}

// personExample is of a source whose rows are records.
const personExample = "person: {column: case_id, namespace: iom}"

func personForm() *form {
	return object(
		opt("column", "The column.", text("a column")).like("person: {column: case_id}"),
		opt("columns", "Several columns, whose texts are joined. Without one of them a row has no key.", listOf("a list of columns", text("a column")).some()).like("person: {columns: [mission, case_id]}"),
		opt("join", "What stands between the texts of `columns`.", label("a text")).or("|").like(`person: {columns: [mission, case_id], join: "/"}`),
		opt("regex", "A regular expression of which group 1 is the key. No match: no key, as for `N/A`.", text("a regular expression with a group")).none("the whole text").like(`person: {column: case_id, regex: '^(\d+)$'}`),
		opt("namespace", "A name that sources share in which the same key means the same person: their rows are bounded together, by the same `per_period`.", matching(namePattern, "a name of a-z 0-9 -, at most 64 long")).
			none("keys are of this source alone").like(personExample),
	).exactly("column", "columns")
}

func fromForm(kinds []string) *form {
	f := &form{kind: anObject, words: "a map of one connector and its settings", eachOf: "connector"}
	for _, k := range kinds {
		f.keys = append(f.keys, key{name: k, doc: "Settings of the connector `" + k + "`.", form: &form{kind: settings, words: "a map of settings"}})
	}
	f.oneOf = f.names()
	if len(kinds) == 0 {
		f.each = &form{kind: settings, words: "a map of settings"}
	}
	for _, k := range kindsOfDesign {
		if _, ok := f.find(k); !ok {
			f.keys = append(f.keys, key{name: k, later: true})
		}
	}
	return f
}

func readForm() *form {
	header := object(
		opt("find", "Labels that the header has: it starts on the first of 50 rows with all of them. Rows of a single field above or below are then notes.", listOf("a list of labels", label("a label")).some()).none("the first row that is not blank"),
		opt("rows", "Rows that are stacked, as under merged cells: their labels are joined.", whole(1, 50)).or(1),
		opt("join", "What stands between joined labels.", label("a text")).or(" / "),
		opt("fill", "A blank cell takes the label to its left, in all stacked rows but the last: for exports that lost merged cells.", truth()).or(false),
		opt("blank", "Labels that mean a blank cell.", listOf("a list of labels", label("a label")).some()).none("none"),
		opt("label", "A regular expression whose first group is the name of the column, for a header like `ID: label`.", text("a regular expression")).none("the whole label"),
	).some()
	return object(keys(
		opt("format", "Format of the bytes.", oneWord("csv", "tsv", "xlsx", "xls", "json", "jsonl", "parquet", "sdmx-csv")).none("by name and content"),
		opt("encoding", "Encoding of text.", oneWord("utf-8", "utf-16", "windows-1252")).none("byte-order mark, else UTF-8; a bad byte stops the source"),
		opt("delimiter", "Character between fields.", matching(`^[^"\r\n]$`, "one character")).none("that of the format"),
		opt("skip_initial_space", "White space after a delimiter is not part of a field.", truth()).or(false),
		opt("sheet", "Sheet of a workbook: its name, or its number among the sheets that can be seen.", anyOf("a name or a number", whole(1, 1000), text("a name"))).none("the only sheet that can be seen"),
		opt("header", "Row of the header, or how it is found and read.", anyOf("a row number or a map", whole(1, 1000), header)).or(1),
		opt("cells", "Cells above the rows that become columns, by name: `{title: A3}`.", mapOf("a map of columns to cells", "", matching(`^[A-Za-z]{1,3}[1-9][0-9]{0,6}$`, "a cell such as A3")).some()).none("none"),
		opt("hxl", "The row of HXL tags below the header: `drop` leaves it out, `names` names the columns by it.", oneWord("drop", "names")).none("there is none"),
		opt("rows", "Path of the records in JSON. `result[]` walks an array; `data.{month}` walks an object and makes its keys the column `month`.", text("a path")).none("the top-level array; in `jsonl` each line"),
		opt("outer", "JSON: plain values of the objects around a record that are columns, too.", listOf("a list of keys", text("a key")).some()).none("none"),
		opt("columns", "JSON whose records are arrays: path of the names of their elements, as `headers[].name`.", text("a path")).none("records are objects"),
		opt("fill_down", "Columns in which a blank repeats the cell above it.", listOf("a list of columns", text("a column")).some()).none("none"),
		opt("unpivot", "Makes one row of each matching column; the row's other cells stay readable, and `@column` is the name of the column.", object(
			must("columns", "Names of the columns, or a regular expression of whole names; its named groups, as `(?P<sex>F|M)_.+`, become columns.",
				anyOf("a regular expression or a list of columns", text("a regular expression"), listOf("a list of columns", text("a column")).some())),
			opt("into", "Column that gets the name of the column. Required without named groups.", text("a name")).none("none"),
			must("value", "Column that gets the cell.", text("a name")),
		)).none("none"),
	)...)
}
