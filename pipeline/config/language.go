package config

// wholeFile is halftone.yaml, every key of it. kinds are the connectors that
// there are; none: any name.
func wholeFile(kinds []string) *form {
	name := matching(namePattern, "a name of a-z 0-9 -, at most 64 long")
	return object(keys(
		must("halftone", "Format of this file.", &form{kind: anInteger, words: "1", enum: []string{"1"}}),
		must("dataset", "Name of the dataset: the account in the ledger. Never changed and never used again.", name).fixed(),
		opt("series", "Raised by one when cells no longer mean the same.", whole(1, 1<<20)).or(1).fixed(),
		must("title", "Title, in one language or as `{en: …, fr: …}`.", texts("a title")),
		opt("summary", "One or two sentences about what is counted, by whom.", texts("a text")).none("none"),
		must("counts", "The word that titles and sentences use for what is counted, in the plural: `offences`. Never \"victims of trafficking\" alone.", texts("a word")),
		must("unit", "What the promise protects.", oneWord("person", "case", "event")).fixed(),
		opt("measure", "`flow`: events of a period, may be summed over time. `stock`: the state at its end, never summed; needs `periods: unlimited`.", oneWord("flow", "stock")).or("flow").fixed(),
		opt("languages", "Languages of report and labels, by BCP 47 tag. The first is the one in the tables.", listOf("a list of languages", matching(languagePattern, "a language tag such as en or pt-BR")).some()).or([]any{"en"}),
		must("licence", "SPDX identifier, or `US-PD`, `OGL-UK-3.0`, `LicenseRef-…`.", matching(`^[A-Za-z0-9][A-Za-z0-9.+-]*$`, "an SPDX identifier, US-PD, OGL-UK-3.0 or LicenseRef-…")),
		must("publisher", "Who answers for the dataset.", object(
			must("name", "Name, as printed.", shown("a name")),
			must("contact", "Where questions go.", text("an address")),
			opt("url", "Web address.", matching(`^https?://\S+$`, "an address that starts with https://")).none("none"),
		)),
		must("period", "Which periods there are and when they are due.", periodForm()),
		must("dimensions", "Classifications by name, in the order of columns: a code list (the name of a shipped one, or the path of a CSV file), or the long form. May be `{}`.", mapOf("a map of dimensions", dimensionPattern, dimensionForm())).fixed(),
		opt("structural_zeros", "Where nobody can be, by definition: `[{sex: M, form: forced_pregnancy}]`, a code or a list of codes of each dimension that it takes. Cells within have the value 0 and say why; a row there is quarantined.",
			listOf("a list of maps", mapOf("a map of dimensions to codes", dimensionPattern, anyOf("a code or a list of codes", label("a code"), listOf("a list of codes", label("a code")).some())).some()).some()).none("none").fixed(),
		must("sources", "Feeds by name, one block each.", mapOf("a map of sources", namePattern, sourceForm(kinds)).some()),
		opt("overlap", "The most sources that one person is in. M and P of the promise are sums over that many of the largest.", whole(1, 1<<20)).none("the number of sources").fixed(),
		must("tables", "Tables to publish by name: `{dimension: level}`. A dimension left out is at its total; where its code list has one level below the total, the dimension's own name will do.", mapOf("a map of tables", tablePattern, mapOf("a map of dimensions to levels", "", text("the name of a level"))).some()).fixed(),
		must("privacy", "The budget and how it is spent.", privacyForm()),
		opt("schedule", "When the line runs by itself.", object(
			must("cron", "Minute, hour, day of month, month, day of week.", text("five fields of cron")),
			opt("timezone", "Zone of the cron fields, by IANA name.", text("a time zone such as Africa/Ndjamena")).or("UTC"),
			opt("missed", "What happens to a time that passed while nothing ran.", oneWord("run", "skip")).or("run"),
		)).none("by hand"),
		opt("publish", "Where versions go.", listOf("a list of places", object(keys(
			opt("folder", "A folder of this machine.", text("a path")), later("ckan", "hdx", "s3", "zenodo"))...).exactly("folder")).some()).or([]any{map[string]any{"folder": "public"}}),
		opt("report", "What the report leads with.", object(
			opt("lead", "The table that it leads with.", text("the name of a table")).none("the first table"),
			opt("material", "The least share of change that is called a change.", percent()).or("5%"),
			opt("contact", "Where help is found, in one language or several.", anyOf("a text or {language: text}", text("a text"), mapOf("a map of languages", languagePattern, text("a text")).some())).none("none"),
		)).none("the defaults of its keys"),
		opt("population", "A name that datasets share which may count the same people: their costs add, in the ledger and on the pages. Its cap is in `instance.yaml`.", name).none("none").fixed(),
		opt("approvals", "How many named people must approve a release before it is charged: `halftone approve`. The author of the last change is not one of them.", whole(0, 9)).or(0),
		later("notify", "crises", "context"),
	)...)
}

const (
	namePattern      = `^[a-z0-9][a-z0-9-]{0,63}$`
	tablePattern     = `^[a-z0-9][a-z0-9_-]{0,63}$`
	dimensionPattern = `^[a-z][a-z0-9_]{0,63}$`
	languagePattern  = `^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
)

// texts is a text in one language or several.
func texts(words string) *form {
	return anyOf(words+" or {language: text}", shown(words), mapOf("a map of languages", languagePattern, shown("a text")).some())
}

func periodForm() *form {
	period := label("a period such as 2026, 2026-Q3 or 2026-11")
	return object(keys(
		must("every", "Length of a period, or the list of all periods, where they are bands of years: `[\"2005-2013\", \"2014-2018\", \"2019\"]`.", anyOf("month, quarter, year or a list of bands",
			oneWord("month", "quarter", "year"), listOf("a list of bands", label("a band of years such as 2014-2018")).some())).fixed(),
		opt("from", "First period. Required, but not with bands.", period).none("with bands: the first band"),
		opt("to", "Last period: no later one is ever due. May be moved on later.", period).none("none").orNull(),
		opt("wait", "A period is due this long after its end. Rows later than that change nothing that is released.", duration()).or("1 month"),
		later("year_starts"),
	)...)
}

func dimensionForm() *form {
	path := text("a shipped code list or the path of one")
	return anyOf("a shipped code list, the path of one, or {codes: …}", path, object(
		must("codes", "The name of a code list that comes with Halftone, such as `iso/countries` (`halftone codes` lists them), or the path of a CSV file. "+
			"A file of such a name is meant only by a path that is none: `./iso/countries`.", path),
		opt("unknown", "A child `_U` below every code that has children.", truth()).or(false),
	))
}

func privacyForm() *form {
	positive := decimal("a number above 0, at most 1000", map[string]any{"exclusiveMinimum": 0, "maximum": 1000})
	budget := object(keys(
		opt("epsilon", "With a `delta` spent as zCDP by the planner, as pure epsilon by the Laplace mechanism; alone it leaves only the latter.", positive),
		opt("delta", "Goes with `epsilon`. The planner needs one; the Laplace mechanism spends none of it.", decimal("a number from 0 to below 1, such as 1e-6", map[string]any{"minimum": 0, "exclusiveMaximum": 1})).or(0),
		opt("rho", "Of zero-concentrated differential privacy, for the planner only. Pages show its epsilon at delta 1e-6.", positive),
	)...).exactly("epsilon", "rho")
	return object(
		must("budget", "What everything that the dataset ever releases may tell about one person, as declared by `unit`.", object(
			opt("person", "Of one person, over all periods.", budget),
			opt("person_period", "Of one person and period, where a source says `periods: unlimited`.", budget),
		).exactly("person", "person_period")).fixed(),
		opt("mechanism", "How noise is made: `planner`, discrete Gaussian noise in what tables add to each other, so that estimates add up; `laplace`, "+
			"a draw a cell, better for few tables. `auto` takes the one with the least mean variance over tables; fixed at the first charge.",
			oneWord("auto", "planner", "laplace")).or("auto").fixed(),
		opt("revisions", "Planned later editions of every period, this long after its end; each counts the rows that there are then. Budget is kept for them from the start.",
			listOf("a list of durations", duration())).none("none").fixed(),
		opt("first_share", "Part of a period's budget that the first edition takes; the others share the rest.", percent()).none("all editions take the same").fixed(),
		opt("targets", "± at 95 % that the worst cell of a table must be known to: `{by-region: \"±20\"}`. The planner then spends the least budget that does, instead of all. "+
			"What only tables without a target need gets a hundredth of it, so they are published with much noise: give each table that matters a target.", mapOf("a map of tables", tablePattern, matching(`^(±|\+-|\+/-)? ?[0-9]{1,9}(\.[0-9]{1,3})?$`, "a half width such as \"±20\"")).some()).none("all of the budget, equal weights").fixed(),
	)
}
