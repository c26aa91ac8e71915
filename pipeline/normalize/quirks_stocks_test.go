package normalize_test

// stockQuirks are those of displacement and population figures.
func stockQuirks() []quirk {
	const rounds = "operation,place,date,method,cause,n\nDrought,BRA,2019-03-31,BA,Conflict,100\nDrought,BRA,2019-09-30,BA,conflict,150\nDrought,BRA,2019-09-30,SA,Conflict,145\nDrought,PER,2019-09-30,SA,Not available,30\n"
	const rule = "period: {column: date, format: yyyy-MM-dd}, value: n, place: place, cause: {column: cause, codes: {Not available: _U}}"
	cause := map[string]string{"cause": "conflict,,cause,Conflict,\ndisaster,,cause,Disaster,\n"}
	const keep = "keep: [{partition_by: [operation, place], order_by: date, order: desc}, {partition_by: [operation, place], order_by: method, order: [BA, SA]}]"
	const breakdown = `period: Year, value: {column: v, status: [{when: {Female: 0, Male: 0, Total: {not: 0}, "@column": {not: Total}}, is: not_collected}, {text: "5", is: rounded, base: 5}]}, sex: {column: c, codes: {Total: _T}}`
	return []quirk{
		{
			name: "a stock is reported in rounds and by two methods, and some reasons are Not available: the last round, the better method", data: rounds, codes: cause, dims: "place cause", mapping: rule, rest: keep,
			want: "2019 BRA conflict=150, 2019 PER _U=30 | counted 2 not_kept 2",
		},
		{
			name: "rounds of a stock are never added up by accident", data: rounds, codes: cause, dims: "place cause", mapping: rule, want: "stops: 2 rows have the key of another row, first at in.csv row 2 and in.csv row 3",
		},
		{
			name: "Conflict and conflict are one", data: "Year,cause,n\n2018,Conflict,1\n2019,conflict,2\n", codes: cause, dims: "cause", mapping: "period: Year, value: n, cause: cause", want: "2018 conflict=1, 2019 conflict=2 | counted 2",
		},
		{
			name: "two P-codes for one place: TD07 of one publisher is TCD07 of another", data: "Year,pcode,n\n2018,TD07,1\n2019,TCD07,2\n2019,TD99,3\n", dims: "place", codes: map[string]string{"place": "TCD,,country,Chad,\nTCD07,TCD,adm1,Lac,TD07\n"},
			mapping: "period: Year, value: n, place: pcode", want: "2018 TCD07=1, 2019 TCD07=2 | counted 2 quarantined 1 | place: unknown label",
		},
		{
			name: "names occur twice inside one country: a label may not point to two codes", data: "Year,name,n\n2018,San Pedro,1\n", dims: "place", codes: map[string]string{"place": "A1,,adm2,San Pedro,\nB1,,adm2,San Pedro,\n"},
			mapping: "period: Year, value: n, place: name", want: `refused: "San Pedro" stands for code B1 and for code A1 (line 2); one text may mean one code only`,
		},
		{
			name: "zero in every part beside a total means that there is no breakdown", data: "Year,Female,Male,Total\n2018,0,0,40\n2019,25,15,40\n", dims: "sex", read: "unpivot: {columns: [Female, Male, Total], into: c, value: v}",
			mapping: breakdown, rest: "grain: [[sex], []]\ntotals: rest", want: "2018 _U=40, 2019 F=25, 2019 M=15 | counted 2 no_value 2 total 2 | L 10",
		},
		{
			name: "1 to 4 never occur and 5 often: 5 is a rounded figure, which the noise has to cover", data: "Year,n\n2018,5\n2019,12\n", mapping: `period: Year, value: {column: n, status: [{text: "5", is: rounded, base: 5}]}`,
			want: "2018=5, 2019=12 | counted 2 | L 5",
		},
	}
}

// replyQuirks are those of programs' replies.
func replyQuirks() []quirk {
	elements := map[string]string{"element": "a,,element,A,\nb,,element,B,\n"}
	return []quirk{
		{
			name: "every number is a text, and blank is unknown", file: "in.json", data: `[{"date":"2019-05-02","women":"2","men":"","dead":"7"},{"date":"2019-06-01","women":"","men":null,"dead":"3"}]`, dims: "sex",
			read:    "unpivot: {columns: [women, men, dead], into: who, value: v}",
			mapping: "period: date, value: {column: v, blank: missing}, sex: {column: who, codes: {women: F, men: M, dead: _T}}", rest: "key: row\ngrain: [[sex], []]\ntotals: rest",
			want: "2019 F=2, 2019 _U=8 | counted 1 no_value 3 total 2",
		},
		{
			name: "counts are nested under the months", file: "in.json", period: "{every: month, from: 2019-01}", data: `{"data":{"report":{"Sep-2019":{"_total":1},"Oct-2019":{"_total":2}}}}`, read: "rows: 'data.report.{month}'",
			mapping: "period: {column: month, format: MMM-yyyy}, value: _total", want: "2019-09=1, 2019-10=2 | counted 2",
		},
		{
			name: "names of columns stand beside rows that are arrays", file: "in.json", period: "{every: quarter, from: 2019-Q1}", data: `{"headers":[{"name":"dx"},{"name":"pe"},{"name":"value"}],"rows":[["a","2019Q1","84.0"]]}`,
			read: "rows: 'rows[]', columns: 'headers[].name'", dims: "element", codes: elements, mapping: "period: {column: pe, format: \"yyyy'Q'Q\"}, value: value, element: dx", want: "2019-Q1 a=84 | counted 1",
		},
		{
			name: "averages come where counts were asked for", file: "in.json", period: "{every: quarter, from: 2019-Q1}", data: `{"headers":[{"name":"pe"},{"name":"value"}],"rows":[["2019Q1","84.5"]]}`,
			read: "rows: 'rows[]', columns: 'headers[].name'", mapping: "period: {column: pe, format: \"yyyy'Q'Q\"}, value: value", want: "stops: 1 value has a fraction: this is no count, column value, first at in.json row 1",
		},
		{
			name: "space after each comma, and records that were deleted", period: "{every: month, from: 2019-01}", data: "\"element\", \"period\", \"value\", \"deleted\"\n\"a\", \"2019-01\", \"4\", \"false\"\n\"b\", \"2019-01\", \"6\", \"true\"\n",
			read: "skip_initial_space: true", where: `deleted: "false"`, dims: "element", codes: elements, mapping: "period: period, value: value, element: element", want: "2019-01 a=4 | counted 1 filtered 1",
		},
		{
			name: "SDMX-CSV: labels beside ids, a semicolon, several languages", data: "STRUCTURE[|];SEX: Sex;TIME_PERIOD: Time;OBS_VALUE;\"NOTE[en;fr]\"\ndataflow;F;2019;12;\"en:x;fr:y\"\n", dims: "sex", read: "format: sdmx-csv",
			mapping: "period: TIME_PERIOD, value: OBS_VALUE, sex: SEX", want: "2019 F=12 | counted 1",
		},
		{
			name: "SDMX-CSV: a row that deletes is not counted as one that informs", data: "STRUCTURE,ACTION,TIME_PERIOD,OBS_VALUE\ndataflow,I,2019,12\ndataflow,D,2018,5\n", read: "format: sdmx-csv", mapping: "period: TIME_PERIOD, value: OBS_VALUE",
			want: "stops: in.csv, row 3: the row deletes what was sent before",
		},
	}
}
