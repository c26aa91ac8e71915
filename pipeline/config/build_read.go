package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"halftone/connectors"
)

// layout reads `read`.
func layout(v cursor) connectors.Layout {
	l := connectors.Layout{
		Format: v.get("format").text(), Encoding: v.get("encoding").text(), Delimiter: v.get("delimiter").text(),
		SkipInitialSpace: v.get("skip_initial_space").truth(), HXL: v.get("hxl").text(),
		Rows: v.get("rows").text(), Outer: v.get("outer").texts(), Names: v.get("columns").text(),
	}
	if s := v.get("sheet"); s.given() && s.n.kind == numberNode {
		l.SheetNumber = int(s.whole())
	} else {
		l.Sheet = s.text()
	}
	for p, at := range v.get("cells").each() {
		if l.Cells == nil {
			l.Cells = map[string]string{}
		}
		l.Cells[p.key] = at.text()
	}
	switch h := v.get("header"); {
	case h.isMap():
		l.Header = connectors.Header{
			Find: h.get("find").texts(), Rows: int(h.get("rows").whole()), Join: h.get("join").text(),
			Fill: h.get("fill").truth(), Blank: h.get("blank").texts(), Label: h.get("label").text(),
		}
	case h.given():
		l.Header.Row = int(h.whole())
	}
	return l
}

// readSettings are keys by which a connector may be told how to read, in place
// of `read`. They decide what a row is; where the bytes come from does not.
var readSettings = [...]string{"format", "rows"}

// digest identifies how a source's rows become counts: its reading, its
// delivery, its rules and its code tables; not where it is pulled from.
func digest(src Source, from cursor) string {
	l := src.Layout
	if l.Header.Row == 1 { // saying the default changes nothing
		l.Header.Row = 0
	}
	settings := map[string]string{}
	if p := from.settings(src.Kind); p != nil && p.kind == mapNode {
		for _, k := range readSettings {
			if v := p.pair(k); v != nil && v.value.isScalar() {
				settings[k] = v.value.text
			}
		}
	}
	for k, into := range map[string]*string{"format": &l.Format, "rows": &l.Rows} {
		if *into == "" {
			*into = settings[k]
		}
	}
	parts := []any{l.Format, l.Encoding, l.Delimiter, l.SkipInitialSpace, l.Header.Row, l.Rows, src.Delivers, src.Mapping.Digest()}
	if more := rarer(l); len(more) > 0 {
		parts = append(parts, more)
	}
	b, err := json.Marshal(parts)
	if err != nil { // texts, truth values and numbers
		return "invalid"
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// rarer gives the keys of `read` that stand in a digest only where they say
// something: a key that is new to the language changes no digest by being new.
func rarer(l connectors.Layout) map[string]any {
	more := map[string]any{}
	add := func(key string, value any, said bool) {
		if said {
			more[key] = value
		}
	}
	h := l.Header
	add("sheet", l.Sheet, l.Sheet != "")
	add("sheet_number", l.SheetNumber, l.SheetNumber > 0)
	add("cells", l.Cells, len(l.Cells) > 0)
	add("hxl", l.HXL, l.HXL != "")
	add("outer", l.Outer, len(l.Outer) > 0)
	add("columns", l.Names, l.Names != "")
	add("header.find", h.Find, len(h.Find) > 0)
	add("header.rows", h.Rows, h.Rows > 1)
	add("header.join", h.Join, h.Join != "" && h.Join != " / ")
	add("header.fill", h.Fill, h.Fill)
	add("header.blank", h.Blank, len(h.Blank) > 0)
	add("header.label", h.Label, h.Label != "")
	return more
}
