package normalize_test

import "strings"

// glotipQuirks are those of UNODC's table of detected victims: one long table of
// texts in which totals, parts and hidden figures stand together.
func glotipQuirks() []quirk {
	const value = `value: {column: txtVALUE, group_char: ",", status: [{text: "<5", is: suppressed, below: 5, as: 2}]}, period: Year, place: {column: Iso3, codes: {SAM: AME/_U}, blank: _U}, `
	const grain = "grain: [[place, sex], [place]]\ntotals: rest"
	const bySex = value + "sex: {column: Sex, codes: {Total: _T}}"
	head := "Iso3|Year|Sex|txtVALUE"
	csv := func(rows ...string) string {
		return strings.ReplaceAll(head, "|", ",") + "\n" + strings.Join(rows, "\n") + "\n"
	}
	edition := func(name string, above ...string) quirk {
		return quirk{
			name: name, file: "in.xlsx", data: workbook(nil, append(above, head, "BRA|2019|Female|1,282", "BRA|2019|Male|<5")...), read: "header: {find: [Iso3, Sex, txtVALUE]}",
			dims: "place sex", mapping: bySex, want: "2019 BRA F=1282, 2019 BRA M=2 | counted 2 | L 3",
		}
	}
	return []quirk{
		edition("the header stands in row 1 of one edition, and the dimension of the sheet says one cell"),
		edition("the header stands in row 3 of another edition", "Table of detected victims", "as of May"),
		{
			name: "thousands have a comma, and every figure is a text", data: csv(`BRA,2019,Female,"1,282"`, `PER,2019,Female,"1,050,007"`, `PER,2019,Male,312`),
			dims: "place sex", mapping: bySex, want: "2019 BRA F=1282, 2019 PER F=1050007, 2019 PER M=312 | counted 3 | L 3",
		},
		{
			name: "a thousands comma that nobody declared stops the source", data: csv(`BRA,2019,Female,"1,282"`), dims: "place sex",
			mapping: "value: txtVALUE, period: Year, place: Iso3, sex: Sex", want: "stops: 1 value is neither a number nor declared, column txtVALUE, first at in.csv row 2",
		},
		{
			name: "small figures are hidden as <5 and zero is never written: the rest of the total goes to unknown, not to a guess", data: csv("BRA,2019,Total,40", "BRA,2019,Female,28", "BRA,2019,Male,<5", "PER,2019,Total,12"),
			dims: "place sex", mapping: bySex, rest: grain, want: "2019 BRA F=28, 2019 BRA M=2, 2019 BRA _U=10, 2019 PER _U=12 | counted 2 total 2 | L 6",
		},
		{
			name: "totals stand among their parts and would count twice", data: csv("BRA,2019,Total,5", "BRA,2019,Female,5"), dims: "place sex", mapping: bySex,
			want: "stops: sex: 1 total stands beside its parts, which would count people twice, column Sex, first at in.csv row 2 and in.csv row 3",
		},
		{
			name: "several of the publisher's categories became one: the same key twice", data: csv("BRA,2019,Female,7", "BRA,2019,Female,5"), dims: "place sex", mapping: bySex,
			want: "stops: 1 row has the key of another row, first at in.csv row 2 and in.csv row 3",
		},
		{
			name: "the same key twice, and the mapping says that the rows are parts of one", data: csv("BRA,2019,Female,7", "BRA,2019,Female,5"), dims: "place sex", mapping: bySex, rest: "duplicates: sum",
			want: "2019 BRA F=12 | counted 1 merged_duplicate 1 | L 3",
		},
		{
			name: "the name of a variable came in as a category, its digits as a count: an unknown label", data: "Iso3,Year,Form,txtVALUE\nBRA,2019,Forced labour,8\nBRA,2019,Q7.2_10s_2019,\"72,102,019\"\n",
			dims: "place form", mapping: value + "form: Form", rest: "bounds: {max: 200000}", want: "2019 BRA labour=8 | counted 1 quarantined 1 | form: unknown label | L 3",
		},
		{
			name: "a count that is the digits of a variable's name, under a label that is known, is out of bounds", data: csv(`BRA,2019,Female,"72,102,019"`), dims: "place sex", mapping: bySex,
			rest: "bounds: {max: 200000}", want: "stops: 1 value lies outside `bounds`, column txtVALUE, first at in.csv row 2",
		},
		{
			name: "labels with U+FFFD, whose letters are lost, match nothing", data: "Iso3,Year,Form,txtVALUE\nBRA,2019,Forced labour,8\nBRA,2019,Forced labo\uFFFDr,3\n",
			dims: "place form", mapping: value + "form: Form", want: "2019 BRA labour=8 | counted 1 quarantined 1 | form: unknown label | L 3",
		},
		{
			name: "one country under five names: what differs by case is one, the rest is decided by a person", data: "Citizenship,Year,Value\nViet Nam,2019,1\nVietnam,2019,20\nVIETNAM,2019,300\nVietnamita,2019,4000\nvietnamese,2019,50000\n",
			dims: "place", mapping: "value: Value, period: Year, place: {column: Citizenship, codes: {Vietnamita: VNM}}", rest: "duplicates: sum",
			want: "2019 VNM=4321 | counted 1 merged_duplicate 3 quarantined 1 | place: unknown label",
		},
		{
			name: "aggregates of a region have no region and a bare code as their country", data: "Region,Iso3,Year,Sex,txtVALUE\nAmericas,BRA,2019,Female,8\n,SAM,2019,Female,3\n,,2019,Female,1\n",
			dims: "place sex", mapping: bySex, want: "2019 AME/_U F=3, 2019 BRA F=8, 2019 _U F=1 | counted 3 | L 3",
		},
	}
}
