package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/file"
)

// A realFile is a file as an agency published it. Rows were counted, and the
// last value read, by other programs: Python's csv and json, openpyxl, xlrd.
type realFile struct {
	path    string
	layout  connectors.Layout
	columns string // separated by |
	rows    int
	last    string // values of the last row, separated by |
}

func realFiles() []realFile {
	head := func(h connectors.Header) connectors.Layout { return connectors.Layout{Header: h} }
	glotip := head(connectors.Header{Find: []string{"Indicator", "Dimension", "Category", "txtVALUE"}})
	offences := connectors.Layout{Cells: map[string]string{"title": "A3"}, Header: connectors.Header{Find: []string{"State", "Commercial sex acts"}, Rows: 2}}
	csvOffences := connectors.Layout{Cells: map[string]string{"title": "B3"}, Header: connectors.Header{Find: []string{"State", "Commercial sex acts"}, Rows: 2, Fill: true, Blank: []string{"NA"}}}
	const offence = "title|State|Commercial sex acts / Offenses|Total / Clearances under 18"
	results, sheets := connectors.Layout{Rows: "result[]"}, func(name string) connectors.Layout { return connectors.Layout{Sheet: name} }
	sdmx := connectors.Layout{Format: "sdmx-csv"}
	return []realFile{
		{"glotip/data_glotip_2023-05-30.xlsx", glotip, "Iso3_code|Year|Unit of measurement|txtVALUE", 46556, "ZWE|2020|Counts|<5"},
		{"ctdc/CTDC_VPsynthetic_condensed.csv", connectors.Layout{}, "yearRegister", 21195, ""},
		{"ctdc/CTDC_VPsynthetic_dict_20221201.xlsx", sheets("Region"), "ISO2", 252, ""},
		{"ctdc/CTDC_DATA_DICTIONARY_2017-11-28.xlsx", connectors.Layout{SheetNumber: 1}, "Variable name|Data type", 62, ""},
		{"fbi_ucr/HT_2013-2020.csv", connectors.Layout{}, "DATA_YEAR|ACTUAL_COUNT", 4417, ""},
		{"fbi_ucr/Table_1_Human_Trafficking_Participation_by_State_2014.xlsx", head(connectors.Header{Find: []string{"State"}}), "State|Number of participating agencies", 30, "* Data submitted through the Bureau of Indian Affairs.|"},
		{"fbi_ucr/Table_2_Human_Trafficking_Offenses_and_Clearances_by_State_2014.xlsx", offences, offence, 29, "Offenses and Clearances by State, 2014|Wyoming|0|0"},
		{"fbi_ucr/Table_3_Human_Trafficking_Arrests_by_Age_by_State_2014.xlsx", connectors.Layout{Header: connectors.Header{Find: []string{"State", "Offense"}, Rows: 2}}, "State|Offense|Adult / Adult female", 23, "||"},
		{"fbi_ucr/offenses_2014.csv", csvOffences, offence, 29, "Offenses and Clearances by State, 2014|Wyoming|0|0"},
		{"fbi_ucr/offenses_2016.csv", csvOffences, offence, 36, "Offenses and Clearances by State, 2016|Wyoming|3|0"},
		{"fbi_ucr/table-1_Human_Trafficking_Offenses_and_Clearances_by_State_2015.xls", offences, offence, 40, "Offenses and Clearances by State, 2015|Wyoming|0|0"},
		{"hapi/global-pcodes-adm-1-2.csv", connectors.Layout{HXL: "names"}, "#country+code|#adm+code", 33363, ""},
		{"hapi/global-pcode-lengths.csv", connectors.Layout{HXL: "drop"}, "Location|Admin 5 Length", 156, ""},
		{"hapi/hno_2017_sahel_people_in_need.xlsx", connectors.Layout{HXL: "names"}, "#country|#sector|#inneed", 45, "Mauritania|MS|46000"},
		{"htcds/HTCDS_single_select_v2.0.xlsx", sheets("Case Sheet"), "cas_CaseOwner", 1001, ""},
		{"htcds/htcds_xlsform.xlsx", sheets("choices"), "name", 331, ""},
		{"unsd_sdg/Data_16.2.2_VC_VAW_DIST.xlsx", connectors.Layout{}, "type|timePeriod|value", 3720, ""},
		{"unsd_sdg/16.2.2-VC_VAW_DIST_long.csv", connectors.Layout{Encoding: "windows-1252"}, "Year|Value", 316, ""},
		{"sdg1622/armenia.csv", connectors.Layout{}, "Year|Value", 42, ""},
		{"sdg1622/cantabria.csv", connectors.Layout{}, "Year|Value", 90, ""},
		{"sdg1622/croatia_wide.csv", connectors.Layout{}, "Godina|Žrtve THB-a na 100 000 osoba", 8, ""},
		{"sdg1622/kazakhstan.csv", connectors.Layout{}, "Year|Value", 14, ""},
		{"sdg1622/malta.csv", connectors.Layout{}, "Year|Value", 84, ""},
		{"sdg1622/moldova.csv", connectors.Layout{}, "Year|Value", 325, ""},
		{"sdg1622/montenegro.csv", connectors.Layout{}, "Year|Value", 14, ""},
		{"sdg1622/republika_srpska.csv", connectors.Layout{}, "Year|Value", 157, "|"},
		{"sdg1622/rwanda_fiscal.csv", connectors.Layout{}, "Year|Value", 1, "2016/17|42"},
		{"sdg1622/uk_ons.csv", connectors.Layout{}, "Year|Value", 429, ""},
		{"dhis2/dataValueSetB.csv", connectors.Layout{}, "period|value", 12, "201202|10012"},
		{"dhis2/dataValues.csv", connectors.Layout{SkipInitialSpace: true}, "period|value", 32, ""},
		{"dtm/displacement-admin0-admin0pcode-*.json", results, "admin0Pcode|numPresentIdpInd", 133 + 114 + 56, ""},
		{"dtm/displacement-admin1-*.json", results, "admin1Pcode", 56, ""},
		{"dtm/displacement-admin2-*.json", results, "admin2Pcode", 1384 + 145, ""},
		{"dtm/displacement-country-list.json", results, "admin0Pcode", 53, ""},
		{"dtm/displacement-operation-list.json", results, "operation", 106, ""},
		{"missing_migrants/2024-json.json", connectors.Layout{}, "reported_date|country_of_incident", 1034, ""},
		{"api_samples/dhis2_analytics_response.json", connectors.Layout{Rows: "rows[]", Names: "headers[].name"}, "dx|pe|value", 4, "FbKK4ofIv5R|2016Q1|84.0"},
		{"api_samples/kobo_v2_assets_data.json", connectors.Layout{Rows: "results[]", Total: "count"}, "today", 5, ""},
		{"api_samples/primero_v2_report_get.json", connectors.Layout{Rows: "data.report_data.{month}", Outer: []string{"record_type"}}, "month|_total|record_type", 5, "Sep-2019|1|case"},
		{"sdmx/sdmx-csv-v2-example-01.csv", sdmx, "DIM_3|OBS_VALUE", 2, "2014-02|10.8"},
		{"sdmx/sdmx-csv-v2-example-04.csv", sdmx, "DIM_3|OBS_VALUE", 2, "2014-02: 2014-02|10,8"},
		{"sdmx/sdmx-csv-v2-example-04.csv", connectors.Layout{Delimiter: ";", Header: connectors.Header{Label: `^([^:\[]+)`}}, "DIM_3|STRUCTURE", 2, "2014-02: 2014-02|dataflow"},
		{"sdmx/sdmx-csv-v2-example-09A.csv", sdmx, "ATTR_1|OBS_VALUE", 3, ""},
		{"sdmx/sdmx-csv-v2-example-14.csv", sdmx, "COLLECTION.METHOD", 2, "en:CCC;fr:DDD"},
		{"sdmx/unicef_*.csv", sdmx, "REF_AREA|OBS_VALUE", 8 + 90 + 18 + 6, ""},
		{"unhcr/HDX_AsylumApplications.csv", connectors.Layout{}, "Year|Applications", 300, ""},
		{"unhcr/HDX_AsylumDecisions.csv", connectors.Layout{}, "Year|TotalDecided", 334, ""},
		{"unhcr/HDX_Demographics.csv", connectors.Layout{}, "Year|Total", 1139, ""},
		{"unhcr/HDX_EndYearPopulationTotals.csv", connectors.Layout{}, "Year|REF", 745, ""},
		{"unhcr/HDX_Solutions.csv", connectors.Layout{}, "Year|RST", 151, ""},
		{"crises/hno/hpc_hno_2024_AFG_SDN.csv", connectors.Layout{}, "Country ISO3", 1058, ""},
		{"crises/idmc/gidd_conflict_2009-2024.csv", connectors.Layout{}, "iso3", 961, ""},
		{"crises/idmc/gidd_disasters_2010-2023_ge5000.csv", connectors.Layout{}, "iso3", 2382, ""},
		{"crises/idmc/gidd_conflicts_api_page0.json", connectors.Layout{Rows: "results[]"}, "iso3", 100, ""},
		{"crises/inform/inform_risk_index_trends_2015-2024.csv", connectors.Layout{}, "Iso3", 7640, ""},
		{"crises/ipc/ipc_*_national_long.csv", connectors.Layout{}, "Country", 147 + 28 + 133 + 91, ""},
		{"crises/ucdp/ucdp_ged191_BGD_no_source_text.csv", connectors.Layout{}, "year", 602, ""},
		{"crises/unhcr/unhcr_stock_by_origin_2005-2025.csv", connectors.Layout{}, "year", 4123, ""},
	}
}

// TestRealFiles reads the files that lie beside the checkout.
func TestRealFiles(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the real inputs are not beside the checkout (../shared/data)")
	}
	for _, c := range realFiles() {
		t.Run(c.path, func(t *testing.T) {
			env := connectors.Env{Dir: dir, Columns: strings.Split(c.columns, "|"), Layout: c.layout}
			src, err := file.Kind().Open(t.Context(), env, connectortest.Settings(file.Settings{Path: c.path}))
			if err != nil {
				t.Fatal(err)
			}
			rows, last := 0, ""
			for p, err := range src.Read(t.Context(), "") {
				if err != nil {
					t.Fatal(err)
				}
				if n := int(p.Records.NumRows()); n > 0 {
					var cells []string
					for i := range int(p.Records.NumCols()) {
						cells = append(cells, p.Records.Column(i).(*array.String).Value(n-1))
					}
					rows, last = rows+n, strings.Join(cells, "|")
				}
				p.Records.Release()
			}
			if rows != c.rows || c.last != "" && last != c.last {
				t.Errorf("%d rows, want %d; the last is as it should be: %v", rows, c.rows, last == c.last)
			}
		})
	}
}
