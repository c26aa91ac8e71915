package all_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/connectors/all"
)

func TestKindsAreSortedAndDescribed(t *testing.T) {
	kinds := all.Kinds()
	if !slices.IsSortedFunc(kinds, func(a, b connectors.Kind) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not in order of name")
	}
	for _, k := range kinds {
		settings := reflect.TypeOf(k.Settings).Elem()
		for i := range settings.NumField() {
			if f := settings.Field(i); f.Tag.Get("yaml") == "" || f.Tag.Get("yaml") != f.Tag.Get("json") {
				t.Errorf("%s: field %s has no name in the configuration", k.Name, f.Name)
			}
		}
	}
}
