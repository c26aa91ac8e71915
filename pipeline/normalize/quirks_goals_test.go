package normalize_test

// goalQuirks are those of an indicator as ten statistical offices publish it.
func goalQuirks() []quirk {
	const units = `unit: {column: Units, codes: {Number: count, "Per 100,000": rate, Percent: percent}}, period: Year, `
	return []quirk{
		{
			name: "counts, rates and percentages stand under one indicator", data: "Year,Units,Value\n2019,Number,8\n2019,\"Per 100,000\",1.6\n2019,Percent,12.5\n2019,Persons,3\n",
			mapping: units + "value: Value", want: "2019=8 | counted 1 not_a_count 2 quarantined 1 | unit: unknown label",
		},
		{
			name: "a rate is labelled as persons: a fraction in any row stops the source", data: "Year,Units,Value\n2018,PERSONS,3\n2019,PERSONS,0.4\n", mapping: "unit: {column: Units, codes: {PERSONS: count}}, period: Year, value: Value",
			want: "stops: 1 value has a fraction: this is no count, column Value, first at in.csv row 3",
		},
		{
			name: "a blank means the total", data: "Year,Sex,Value\n2019,,12\n2019,Female,8\n2019,Male,4\n", dims: "sex", mapping: "period: Year, value: Value, sex: {column: Sex, blank: _T}", rest: "grain: [[sex], []]\ntotals: rest",
			want: "2019 F=8, 2019 M=4 | counted 2 total 1",
		},
		{
			name: "a blank means no data", data: "Year,Value\n2018,\n2019,12\n", mapping: "period: Year, value: {column: Value, blank: missing}", want: "2019=12 | counted 1 no_value 1",
		},
		{
			name: "a blank means unknown", data: "Year,Sex,Value\n2019,,12\n2019,Female,8\n", dims: "sex", mapping: "period: Year, value: Value, sex: {column: Sex, blank: _U}", want: "2019 F=8, 2019 _U=12 | counted 2",
		},
		{
			name: "a blank that the mapping says nothing of is not guessed: a row's code", data: "Year,Sex,Value\n2019,,12\n2019,Female,8\n", dims: "sex", mapping: "period: Year, value: Value, sex: Sex",
			want: "2019 F=8 | counted 1 quarantined 1 | sex: blank",
		},
		{
			name: "a blank that the mapping says nothing of is not guessed: a value", data: "Year,Value\n2018,\n2019,12\n", mapping: "period: Year, value: Value", want: "stops: 1 value is blank, and the mapping does not say what that means, column Value, first at in.csv row 2",
		},
		{
			name: "all is written _T, as a blank, Both Sexes and All Ages", data: "Year,Sex,Age,Value\n2016,_T,_T,1\n2017,,,2\n2018,Both Sexes,All Ages,3\n2019,both sexes,,4\n", dims: "sex age",
			mapping: "period: Year, value: Value, sex: {column: Sex, blank: _T, codes: {Both Sexes: _T}}, age: {column: Age, blank: _T, codes: {All Ages: _T}}", rest: "grain: []",
			want: "2016 _U _U=1, 2017 _U _U=2, 2018 _U _U=3, 2019 _U _U=4 | counted 4",
		},
		{
			name: "one column a group, in Croatian, with NA and - for two different things", data: "Godina,Ukupno,Žene,Muškarci,Ostalo\n2018,12,8,4,NA\n2019,-,-,-,-\n", dims: "sex",
			read:    "unpivot: {columns: [Ukupno, Žene, Muškarci], into: label, value: v}",
			mapping: `period: Godina, value: {column: v, status: [{text: NA, is: not_collected}, {text: "-", is: zero}]}, sex: {column: label, codes: {Žene: F, Muškarci: M, Ukupno: _T}}`,
			rest:    "grain: [[sex], []]\ntotals: check", want: "2018 F=8, 2018 M=4, 2019 F=0, 2019 M=0 | counted 4 total 2",
		},
		{
			name: "a fiscal year 2016/17 is one of its two years, by declaration", data: "Year,Value\n2016/17,42\n", mapping: "period: {column: Year, format: yyyy/yy, year_of: start}, value: Value", want: "2016=42 | counted 1",
		},
		{
			name: "a fiscal year of which nobody said which year is meant", data: "Year,Value\n2016/17,42\n", mapping: "period: {column: Year, format: yyyy/yy}, value: Value", want: "refused: \"map.period.format\": yyyy/yy: has two years: say by `year_of` which is meant, start or end",
		},
		{
			name: "a month ends on a day of it: dd/mm/yyyy", period: "{every: month, from: 2019-01}", data: "Date,Value\n31/01/2019,4\n28/02/2019,5\n02/28/2019,6\n",
			mapping: "period: {column: Date, format: dd/MM/yyyy}, value: Value", want: "2019-01=4, 2019-02=5 | counted 2 quarantined 1 | period: bad",
		},
		{
			name: "four trailing columns without a name, and blank rows", data: "Year,SEX,Value,,,,\n2019,F,8,,,,\n,,,,,,\n2019,M,4,,,,\n", dims: "sex", mapping: "period: Year, value: Value, sex: SEX",
			want: "2019 F=8, 2019 M=4 | counted 2",
		},
		{
			name: "a byte-order mark, everything in quotes, and a percentage of a thousandth", data: "\ufeff\"Year\",\"Units\",\"Value\"\n\"2019\",\"Percent\",\"0.001\"\n\"2019\",\"Number\",\"8\"\n", mapping: units + "value: Value",
			want: "2019=8 | counted 1 not_a_count 1",
		},
		{
			name: "three publishers of regions make up one series", data: "Year,Value\n2019,1\n", files: map[string]string{"in2.csv": "Year,Value\n2019,20\n", "in3.csv": "Year,Value\n2019,300\n"}, dims: "place",
			mapping: "period: Year, value: Value, place: {const: BRA}", others: []string{"period: Year, value: Value, place: {const: PER}", "period: Year, value: Value, place: {const: LAO}"},
			want: "2019 BRA=1, 2019 LAO=300, 2019 PER=20 | counted 3",
		},
		{
			name: "one folder, two encodings: Windows-1252 is declared, never guessed", data: "Ann\xe9e,Value\n2019,8\n", mapping: "period: Année, value: Value", read: "encoding: windows-1252", want: "2019=8 | counted 1",
		},
		{
			name: "one folder, two encodings: a byte that is no UTF-8 stops the source", data: "Year,Place,Value\n2019,Per\xfa,8\n", dims: "place", mapping: "period: Year, value: Value, place: Place", want: "stops: in.csv, row 2: a byte is not UTF-8",
		},
		{
			name: "percentages without a denominator are no counts", data: "Year,Value\n2019,12.5\n2020,40\n", mapping: "unit: percent, period: Year, value: Value", want: " | not_a_count 2",
		},
		{
			name: "the code of a series was retired for others: a text that no row has is reported", data: "SeriesCode,Year,Value\nVC_HTF_DETV,2019,8\n", where: "SeriesCode: [VC_VAW_DIST, VC_HTF_DETV]", mapping: "period: Year, value: Value",
			want: `2019=8 | counted 1 | no row has where SeriesCode: "VC_VAW_DIST"`,
		},
	}
}
