package normalize_test

// ctdcQuirks are those of files of one row a person.
func ctdcQuirks() []quirk {
	return []quirk{
		{
			name: "-99 means unknown", data: "year,gender\n2019,Female\n2019,-99\n", dims: "sex", mapping: `period: year, value: 1, sex: {column: gender, codes: {"-99": _U}}`,
			want: "2019 F=1, 2019 _U=1 | counted 2",
		},
		{
			name: "-99 as a count is no count, and only what bounds leave out may be said to be missing", data: "year,n\n2019,4\n2018,-99\n", mapping: `period: year, value: {column: n, status: [{text: "-99", is: missing}]}`,
			want: "2019=4 | counted 1 no_value 1",
		},
		{
			name: "a blank means unknown and also no: both columns decide together", data: "year,isLabour,isSexual\n2019,1,\n2019,,1\n2019,1,1\n2019,,\n", dims: "form",
			mapping: `period: year, value: 1, form: {columns: [isLabour, isSexual], codes: {1|: labour, "|1": sexual, 1|1: both, "|": _U}}`,
			want:    "2019 _U=1, 2019 both=1, 2019 labour=1, 2019 sexual=1 | counted 4",
		},
		{
			name: "age bands with two hyphens in the data and a dash in the codebook", data: "year,age\n2019,0--8\n2019,9--17\n2019,9–17\n", dims: "age",
			mapping: "period: year, value: 1, age: {column: age, codes: {0--8: Y0T17, 9--17: Y0T17}}", want: "2019 Y0T17=2 | counted 2 quarantined 1 | age: unknown label",
		},
		{
			name: "a band that straddles 18 is unknown, never guessed", data: "year,age\n2019,under 18\n2019,15+\n2019,15-19\n", dims: "age",
			mapping: "period: year, value: 1, age: {column: age, codes: {15+: _U}}", want: "2019 Y0T17=1, 2019 _U=1 | counted 2 quarantined 1 | age: unknown label",
		},
		{
			name: "country 00, unknown, became 0 on its way through a spreadsheet", data: "year,country\n2019,00\n2019,0\n2019,BRA\n", dims: "place",
			mapping: `period: year, value: 1, place: {column: country, codes: {"00": _U, "0": _U}}`, want: "2019 BRA=1, 2019 _U=2 | counted 3",
		},
		{
			name: "codes of two letters in one release and of three in the next", data: "year,country\n2019,BR\n2020,BRA\n", dims: "place",
			mapping: "period: year, value: 1, place: country", want: "2019 BRA=1, 2020 BRA=1 | counted 2",
		},
		{
			name: "other words for the sexes in the next release", data: "year,gender\n2019,Female\n2019,Male\n2020,Woman\n2020,Man\n2020,Transgender\n", dims: "sex",
			mapping: "period: year, value: 1, sex: gender", want: "2019 F=1, 2019 M=1, 2020 F=1, 2020 M=1, 2020 O=1 | counted 5",
		},
		{
			name: "several answers in one cell put nobody into two cells", data: "year,who\n2019,Female\n2019,Female;Male\n2019,Male; Female\n2019,Male;Male\n", dims: "sex",
			mapping: `period: year, value: 1, sex: {column: who, split: ";", many: _U}`, want: "2019 F=1, 2019 M=1, 2019 _U=2 | counted 4",
		},
		{
			name: "several answers in one cell as a dimension of yes and no", data: "year,who\n2019,Female\n2019,Female;Male\n2019,\n", dims: "woman", codes: map[string]string{"woman": "yes,,answer,Yes,\nno,,answer,No,\n"},
			mapping: `period: year, value: 1, woman: {column: who, split: ";", has: Female, blank: _U}`, want: "2019 _U=1, 2019 yes=2 | counted 3",
		},
		{
			name: "the year is a band", data: "year\n2014-2018\n2019\n2016\n2013\n", period: `{every: ["2014-2018", "2019"]}`, mapping: "period: year, value: 1",
			want: "2014-2018=2, 2019=1 | counted 3 quarantined 1 | period: undeclared",
		},
		{
			name: "a band of years in a dataset of years is too coarse", data: "year\n2014-2018\n2019\n", mapping: "period: year, value: 1", want: "2019=1 | counted 1 quarantined 1 | period: coarse",
		},
		{
			name: "a row with text in unmapped columns alone is a row, and one without any is none", data: "year,gender,note\n2019,Female,\n,,seen twice\n,,\n", dims: "sex", mapping: "period: year, value: 1, sex: gender",
			want: "2019 F=1 | counted 1 quarantined 1 | period: blank",
		},
	}
}
