package config

// whereForm are predicates. line puts a test of one into an example.
func whereForm(line func(test string) string) *form {
	literals := listOf("a list of texts", label("a text")).some()
	oneOrMore := anyOf("a text or a list of texts", label("a text"), literals)
	predicate := mapOf("a map of columns to tests", "", anyOf("a text, a list of texts, or not, matches, not_matches", label("a text"), literals, object(
		opt("not", "None of these texts.", oneOrMore).like(line(`sex: {not: [Total, ""]}`)),
		opt("matches", "A regular expression that the text holds.", text("a regular expression")).like(line(`region: {matches: '^North'}`)),
		opt("not_matches", "A regular expression that the text does not hold.", text("a regular expression")).like(line(`region: {not_matches: '^\*'}`)),
	).some())).some()
	return anyOf("a map of columns to tests or a list of such maps", predicate, listOf("a list of maps", predicate).some())
}

// Examples of predicates, by where they stand.
func inWhere(test string) string   { return "where: {" + test + "}" }
func inDeleted(test string) string { return "deleted: {" + test + "}" }
func inRule(test string) string {
	return "place: [{when: {" + test + "}, const: _T}, {column: Region}]"
}
func inStatus(test string) string {
	return "value: {column: Cases, status: [{when: {" + test + "}, is: missing}]}"
}

func mappingForm() *form {
	f := object(
		must("unit", "Unit of the value: `count` (rows of another unit are not counted), or a column of units.", anyOf("a unit or {column, codes}", text("a unit"), object(
			must("column", "The column that says it.", text("a column")).like("unit: {column: Units, codes: {Number of cases: count}}"),
			must("codes", "Label → unit.", codesForm("a unit")).like(`unit: {column: Units, codes: {Number of cases: count, "Per 100,000": per_100000, "": none}}`),
		))).like("unit: count"),
		must("period", "The column of the period, or a rule.", anyOf("a column or a rule", text("a column"), periodRuleForm())).like("period: Year"),
		must("value", "The column of the count, a whole number that each row counts, or a rule.", anyOf("a column, a whole number or a rule", whole(1, 1<<40), text("a column"), valueForm())).like("value: 1"),
	)
	f.each, f.eachOf = dimensionRuleForm(), "dimension"
	return f
}

// sourceKeys say where the text of a rule comes from. nomatch is what becomes of a
// text that the regular expression does not match; the others are examples.
func sourceKeys(constant key, nomatch, column, columns, join, regex string) []key {
	return []key{
		opt("column", "The column.", text("a column")).like(column),
		opt("columns", "Several columns, whose texts are joined.", listOf("a list of columns", text("a column")).some()).like(columns),
		opt("join", "What stands between the texts of `columns`.", label("a text")).or("|").like(join),
		constant,
		opt("regex", "A regular expression of which group 1 is the text. No match: "+nomatch+".", text("a regular expression with a group")).none("the whole text").like(regex),
	}
}

func periodRuleForm() *form {
	return object(keys(
		sourceKeys(opt("const", "The period of all rows.", label("a period")).like("period: {const: 2024}"), "a bad period",
			"period: {column: Date, format: dd/MM/yyyy}",
			`period: {columns: [Year, Month], join: "-", format: yyyy-MM}`,
			`period: {columns: [Year, Month], join: "", format: yyyyMM}`,
			`period: {column: "@file", regex: '(\d{4})'}`),
		opt("format", "How it is written, or a list of ways, of the letters `y`, `M`, `d` and `Q`; other letters in single quotes: `yyyy` (2016 or 2016.0), `yyyyMM`, `yyyy-MM`, "+
			"`yyyy-MM-dd` (a time is not looked at), `dd/MM/yyyy`, `yyyy'Q'Q`, `MMM-yyyy` (Jan-2024), `yyyy/yy` (2016/17). Finer than the dataset's period is cut to it; coarser is quarantined.",
			anyOf("a format or a list of formats", text("a format"), listOf("a list of formats", text("a format")).some())).none("SDMX: 2026, 2026-Q3, 2026-11, a day, or a band 2014-2018").
			like("period: {column: Date, format: [dd/MM/yyyy, yyyy]}"),
		opt("codes", "Label → period, or `exclude`.", codesForm("a period")).like(`period: {column: Year, codes: {FY 2023: 2023, All years: exclude}}`),
		opt("blank", "What an empty text means.", oneWord("exclude")).none("the row is quarantined").like("period: {column: Year, blank: exclude}"),
		opt("year_of", "Which of the two years of `yyyy/yy` is meant.", oneWord("start", "end")).none("needed with two years").like("period: {column: Year, format: yyyy/yy, year_of: start}"),
	)...).exactly("column", "columns", "const")
}

func valueForm() *form {
	character := func(words string) *form { return matching(`^[^0-9+\-eE]$`, words) }
	return object(
		must("column", "The column. No other rule may look at it.", text("a column")).like("value: {column: Cases}"),
		opt("regex", "A regular expression of which group 1 is the number. Of a text without a match only a status is known.", text("a regular expression with a group")).none("the whole text").
			like(`value: {column: Cases, regex: '^(\d+)\*?$'}`),
		opt("group_char", "Character between groups of digits, as `,` in 1,282.", character("one character that is no digit, sign or e")).none("none").like(`value: {column: Cases, group_char: ","}`),
		opt("decimal_char", "Character before a fraction, as `,` in 303,0. A fraction that is not 0 stops the source.", character("one character that is no digit, sign or e")).none("a point; with `group_char: \".\"` none").
			like(`value: {column: Cases, group_char: ".", decimal_char: ","}`),
		opt("scale", "What each unit of the figures stands for: 1000 where they are in thousands. L is so many times larger.", whole(1, 1_000_000)).or(1).like("value: {column: Thousands, scale: 1000}"),
		opt("status", "Texts that are no number, and figures that were changed before they came: the first that holds. They decide L, whether or not a pull has them.", listOf("a list of statuses", statusForm()).some()).none("the source stops at such a text").
			like(`value: {column: Cases, status: [{text: "<5", is: suppressed, below: 5, as: 2}, {text: "-", is: zero}]}`),
		opt("blank", "What an empty text means.", anyOf("exclude, missing, not_collected, zero or {is: suppressed, below, as}", oneWord("exclude", "missing", "not_collected", "zero"), object(
			must("is", "Suppressed for a small count.", oneWord("suppressed")).like("value: {column: Cases, blank: {is: suppressed, below: 5}}"),
			must("below", "Suppressed counts are less than this.", whole(2, 10_000)).like("value: {column: Cases, blank: {is: suppressed, below: 10}}"),
			opt("as", "The value used.", whole(0, 9_999)).none("half of `below`, rounded down").like("value: {column: Cases, blank: {is: suppressed, below: 10, as: 3}}"),
		))).none("the source stops").like("value: {column: Cases, blank: missing}"),
	)
}

func statusForm() *form {
	line := func(rule string) string { return "value: {column: Cases, status: [{" + rule + "}]}" }
	return object(
		opt("text", "The text of the value. Case and extra white space do not count.", label("a text")).like(line(`text: "<5", is: suppressed, below: 5`)),
		opt("matches", "A regular expression that the text holds.", text("a regular expression")).like(line(`matches: '^<\d+$', is: suppressed, below: 10`)),
		opt("when", "Other columns of the row, as in `where`.", whereForm(inStatus)).like(line("when: {Flag: [s, c]}, is: suppressed, below: 5")),
		must("is", "`suppressed`: less than `below`, read as `as`. `rounded`: to multiples of `base`. `noised`: with noise that is independent from figure to figure. `zero`. `missing`, `not_collected`: no value. "+
			"A number may be suppressed only below its limit, zero only if it is 0, and missing for its text only if `bounds` leave it out.",
			oneWord("suppressed", "rounded", "noised", "zero", "missing", "not_collected")).like(line("text: n/a, is: missing")),
		opt("below", "Of suppressed: counts are less than this.", whole(2, 10_000)).like(line(`text: "<10", is: suppressed, below: 10`)),
		opt("as", "Of suppressed: the value used.", whole(0, 9_999)).none("half of `below`, rounded down").like(line(`text: "<5", is: suppressed, below: 5, as: 2`)),
		opt("base", "Of rounded: figures are multiples of this.", whole(2, 1_000_000)).like(line("when: {Flag: r}, is: rounded, base: 5")),
	).exactly("text", "matches", "when")
}

func dimensionRuleForm() *form {
	rule := ruleForm()
	return anyOf("a column, a rule or a list of rules", text("a column"), listOf("a list of rules", anyOf("a column or a rule", text("a column"), rule)).some(), rule)
}

func ruleForm() *form {
	return object(keys(
		opt("when", "The rule is for rows of which this holds, as in `where`. Of a list of rules the first that applies decides; a row to which none applies is quarantined.", whereForm(inRule)).none("all rows").
			like("place: [{when: {Breakdown: Total}, const: _T}, {column: Region}]"),
		sourceKeys(opt("const", "The code of all rows.", label("a code")).like("sex: {const: F}"), "an unknown label",
			"place: {column: Region, blank: _U}",
			"form: {columns: [isLabour, isSexual], codes: {1|: labour, \"|1\": sexual, \"|\": _U}}",
			`form: {columns: [isLabour, isSexual], join: "+", codes: {1+0: labour, 0+1: sexual}}`,
			`place: {column: Region, regex: '^(.*?)\s*\*?$'}`),
		opt("codes", "Label → code: a map, the path of a reviewed CSV (`label,code,decided_by,decided_on,note`), or a list of these, first hit. Then the code list's own codes, labels and synonyms.", codesForm("a code")).
			like("form: {column: Form, codes: [{Bonded labour: labour, Test rows: exclude}, maps/forms.csv]}"),
		opt("list", "`false`: the code list's own codes, labels and synonyms do not count.", truth()).or(true).like("sex: {column: Sex, list: false, codes: {1: F, 2: M}}"),
		opt("blank", "Code of an empty text, or `exclude`.", label("a code")).none("the row is quarantined").like("sex: {column: Sex, blank: _U}"),
		opt("else", "Code of a label that a rule of another target knows, where one column holds the labels of several dimensions.", label("a code")).none("the label is unknown").
			like("sex: {column: Group, codes: {Girls and women: F}, else: _T}"),
		opt("unknown", "Code of a label that nothing claims, or `exclude`. Such rows are counted in the report.", label("a code")).none("the row is quarantined").like("form: {column: Form, unknown: _U}"),
		opt("split", "What stands between several answers in one text.", matching(`^(?s:.)+$`, "a text")).none("one answer a text").like(`sex: {column: Sex, split: ";"}`),
		opt("many", "With `split`: code of all mixtures of answers. One person is never put into several cells.", label("a code")).none("the row is quarantined").like(`form: {column: Forms, split: " ", many: _U}`),
		opt("has", "With `split`: `yes` where this is one of the answers, else `no`, in a code list of yes and no.", label("an answer")).none("none").like(`armed: {column: Means, split: ";", has: Weapon, blank: _U}`),
	)...).exactly("column", "columns", "const")
}

func codesForm(words string) *form {
	table := mapOf("a map of labels", "", label(words)).some()
	path := text("the path of a code table")
	return anyOf("a map, the path of a code table, or a list of these", table, path, listOf("a list of maps and paths", anyOf("a map or the path of a code table", table, path)).some())
}
