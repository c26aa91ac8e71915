package config

import (
	"encoding/json"
	"fmt"
)

// Schema gives the JSON Schema (draft 2020-12) of halftone.yaml, closed: what
// is not implemented is not in it. kinds are the connectors that there are;
// none: any name. It knows shapes only; Load also checks what goes together.
func Schema(kinds ...string) []byte {
	s := wholeFile(kinds).schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "halftone.yaml"
	s["description"] = "One dataset of Halftone: dimensions, sources, tables, budget, schedule."
	b, err := json.MarshalIndent(s, "", "  ") // keys in order: the same bytes each time
	if err != nil {                           // maps, lists, texts and numbers always marshal
		return []byte("false")
	}
	return append(b, '\n')
}

type jsonObject = map[string]any

// schema translates f. Texts that people may write as numbers (labels, codes,
// periods, decimals) are both.
func (f *form) schema() map[string]any {
	s := jsonObject{}
	switch f.kind {
	case aText:
		s["type"] = "string"
		if len(f.enum) > 0 {
			s["enum"] = f.enum
		}
		if f.pattern != "" {
			s["pattern"] = f.pattern
		}
	case aLabel:
		s["type"] = []string{"string", "number", "boolean"}
	case anInteger:
		f.wholeSchema(s)
	case aBoolean:
		s["type"] = "boolean"
	case aDecimal:
		number := jsonObject{"type": "number"}
		for k, v := range f.limits {
			number[k] = v
		}
		// 1e-6 is a text to some readers of YAML.
		s["anyOf"] = []any{number, jsonObject{"type": "string", "pattern": decimalPattern.String()}}
	case aPercent:
		s["type"], s["pattern"] = "string", `^(100(\.0+)?|[0-9]{1,2}(\.[0-9]{1,9})?)%$`
	case aDuration:
		s["type"], s["pattern"] = "string", durationPattern.String()
	case settings:
		s["type"] = "object"
	case anObject:
		f.objectSchema(s)
	case aMap:
		f.mapSchema(s)
	case aList:
		s["type"], s["items"] = "array", f.each.schema()
		if f.min > 0 {
			s["minItems"] = f.min
		}
	case aUnion:
		var alts []any
		for _, a := range f.alts {
			alts = append(alts, a.schema())
		}
		s["anyOf"] = alts
	}
	return s
}

func (f *form) wholeSchema(s map[string]any) {
	if len(f.enum) > 0 {
		var values []any
		for _, e := range f.enum {
			v, _ := parseWhole(e)
			values = append(values, v)
		}
		s["enum"] = values
		return
	}
	s["type"], s["minimum"] = "integer", f.min
	if f.max > 0 {
		s["maximum"] = f.max
	}
}

func (f *form) objectSchema(s map[string]any) {
	properties, required := jsonObject{}, []string{}
	for _, k := range f.keys {
		if k.later {
			continue
		}
		properties[k.name] = k.schema()
		switch {
		case k.unless[0] != "":
			is := jsonObject{"required": []string{k.unless[0]}, "properties": jsonObject{k.unless[0]: jsonObject{"const": k.unless[1]}}}
			s["if"], s["else"] = is, jsonObject{"required": []string{k.name}}
		case k.must:
			required = append(required, k.name)
		}
	}
	s["type"], s["properties"], s["additionalProperties"] = "object", properties, false
	if len(required) > 0 {
		s["required"] = required
	}
	if f.each != nil {
		s["additionalProperties"] = f.each.schema()
	}
	if f.min > 0 {
		s["minProperties"] = f.min
	}
	if len(f.oneOf) > 0 {
		var one []any
		for _, name := range f.oneOf {
			one = append(one, jsonObject{"required": []string{name}})
		}
		s["oneOf"] = one
	} else if f.eachOf == "connector" {
		s["minProperties"], s["maxProperties"] = 1, 1
	}
}

func (f *form) mapSchema(s map[string]any) {
	s["type"], s["additionalProperties"] = "object", f.each.schema()
	if f.pattern != "" {
		s["propertyNames"] = jsonObject{"pattern": f.pattern}
	}
	if f.min > 0 {
		s["minProperties"] = f.min
	}
}

func (k key) schema() map[string]any {
	s := k.form.schema()
	s["description"] = k.doc
	if k.private {
		s["description"] = fmt.Sprintf("%s Part of the promise: fixed before a pull.", k.doc)
	}
	if k.def != nil {
		s["default"] = k.def
	}
	if k.nullable {
		return jsonObject{"description": s["description"], "anyOf": []any{s, jsonObject{"type": "null"}}}
	}
	return s
}
