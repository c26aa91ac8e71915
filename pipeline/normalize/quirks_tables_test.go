package normalize_test

import "halftone/connectors/connectortest"

// tableQuirks are those of tables that were laid out for people.
func tableQuirks() []quirk {
	const unpivot = "cells: {title: A2}, header: {find: [State, Sex acts], rows: 2}, unpivot: {columns: '(?P<form>.+) / (?P<measure>.+)', value: v}"
	const mapping = `period: {column: title, regex: '(\d{4})$'}, value: v, place: {column: State, regex: '^(.*?)\s*\*?$'}, form: {column: form, codes: {Sex acts: sexual, Servitude: labour, Total: _T}}`
	states := map[string]string{"place": "AL,,state,Alabama,\nAK,,state,Alaska,\n"}
	xls := connectortest.CompoundFile("Workbook", connectortest.Sheets(nil, connectortest.Sheet{Name: "16tbl02", Fill: func(b *connectortest.BIFF) {
		b.Label(0, 0, "by State, 2016")
		b.Label(1, 0, "State")
		b.Label(1, 1, "Cases")
		b.Label(2, 0, "Alabama*")
		b.Number(2, 1, 0, 5)
	}}))
	const fromTitle = `period: {column: title, regex: '(\d{4})$'}, value: Cases, place: {column: State, regex: '^(.*?)\s*\*?$'}`
	return []quirk{
		{
			name: "titles above, two rows of merged headers, footnote marks, footnotes below, and a total that is none", file: "in.xlsx", codes: states,
			data: workbook([]string{"A3:A4", "B3:C3", "D3:E3", "F3:G3"}, "Table 2", "by State, 2014", "State|Sex acts||Servitude||Total|", "|Offenses|Cleared|Offenses|Cleared|Offenses|Cleared",
				"Alabama|5|1|2|0|7|1", "Alaska*|3|0|0|0|4|0", "* Of some agencies only."),
			read: unpivot, where: `measure: Offenses, State: {not_matches: '^\*'}`, dims: "place form", mapping: mapping, rest: "grain: [[place, form], [place]]\ntotals: check",
			want: "2014 AK labour=0, 2014 AK sexual=3, 2014 AL labour=2, 2014 AL sexual=5 | counted 4 filtered 12 total 2",
		},
		{
			name: "the same table as CSV has lost its merged cells", data: ",\"by State, 2014\",,\nState,Sex acts,NA,Servitude\nNA,Offenses,Cleared,Offenses\nAlabama,5,1,2\n", codes: states, dims: "place form",
			read: "cells: {title: B1}, header: {find: [State, Sex acts], rows: 2, fill: true, blank: [NA]}, unpivot: {columns: '(?P<form>Sex acts|Servitude) / (?P<measure>.+)', value: v}", where: "measure: Offenses", mapping: mapping,
			want: "2014 AL labour=2, 2014 AL sexual=5 | counted 2 filtered 1",
		},
		{
			name: "the file of 2015 holds the table of 2016: its title says so", file: "table_2015.xls", data: string(xls), codes: states, dims: "place", read: "cells: {title: A1}, header: 2", mapping: fromTitle,
			want: "2016 AL=5 | counted 1",
		},
		{
			name: "and there is a second file with the same bytes: the same rows twice stop the source", file: "table_2015.xls", data: string(xls), files: map[string]string{"table_2016.xls": string(xls)}, codes: states, dims: "place",
			path: "table_*.xls", read: "cells: {title: A1}, header: 2", mapping: fromTitle, want: "stops: 1 row has the key of another row, first at table_2015.xls row 3 and table_2016.xls row 3",
		},
		{
			name: "a blank continues the cell above it", data: "State,Offense,Cases\nAlabama,Sexual exploitation,5\n,Forced labour,2\nAlaska,Sexual exploitation,3\n", codes: states, dims: "place form", read: "fill_down: [State]",
			mapping: "period: {const: 2014}, value: Cases, place: State, form: Offense", want: "2014 AK sexual=3, 2014 AL labour=2, 2014 AL sexual=5 | counted 3",
		},
		{
			name: "one count is negative: out of bounds", data: "Year,Cases\n2014,5\n2015,-1\n", mapping: "period: Year, value: Cases", want: "stops: 1 value lies outside `bounds`, column Cases, first at in.csv row 3",
		},
		{
			name: "one count is negative, and the mapping allows corrections of earlier ones", data: "Year,Cases\n2014,5\n2015,-1\n", mapping: "period: Year, value: Cases", rest: "bounds: {min: -20}", want: "2014=5, 2015=-1 | counted 2",
		},
		{
			name: "a cell names several counties: nobody is put into two of them", data: "Year,County,Cases\n2014,Alabama,5\n2014,Alabama; Alaska,2\n", codes: states, dims: "place",
			mapping: `period: Year, value: Cases, place: {column: County, split: ";", many: _U}`, want: "2014 AL=5, 2014 _U=2 | counted 2",
		},
		{
			name: "a figure has a footnote mark", data: "Year,Cases\n2014,5*\n2015,7\n", mapping: `period: Year, value: {column: Cases, regex: '^(\d+)\*?$'}`, want: "2014=5, 2015=7 | counted 2",
		},
		{
			name: "figures without a fraction are written 303.0 and 1e+05", data: "Year,Cases\n2014,303.0\n2015,1e+05\n", mapping: "period: Year, value: Cases", want: "2014=303, 2015=100000 | counted 2",
		},
		{
			name: "a row of HXL tags below the header gives the names", data: "Pays,Personnes\n#country,#inneed\nPeru,12\n", dims: "place", read: "hxl: names", mapping: `period: {const: 2017}, value: "#inneed", place: "#country"`, want: "2017 PER=12 | counted 1",
		},
		{
			name: "a row of HXL tags below the header is passed over", data: "Pays,Personnes\n#country,#inneed\nPeru,12\n", dims: "place", read: "hxl: drop", mapping: "period: {const: 2017}, value: Personnes, place: Pays", want: "2017 PER=12 | counted 1",
		},
	}
}
