package format

// A leaf is a column of a Parquet schema, named by its path.
type leaf struct {
	name     string
	physical int64
	length   int64 // of fixed-length bytes
	levels   int   // of definition: how many of the groups and the leaf are optional
	repeated bool
	logical  logical
}

// Physical types.
const (
	pqBoolean = iota
	pqInt32
	pqInt64
	pqInt96
	pqFloat
	pqDouble
	pqBytes
	pqFixed
)

// A logical type says what the physical one means.
type logical struct {
	kind  logicalKind
	scale int64 // of a decimal
	unit  int64 // of a time: how many of it a second has
	utc   bool
}

type logicalKind uint8

const (
	asItIs logicalKind = iota
	unsigned
	aDecimal
	aDate
	aTime
	aTimestamp
	aUUID
	aHalf
	aNumberless // an interval
)

// unreadable says why a leaf has no text, or nothing.
func (l leaf) unreadable() string {
	switch {
	case l.repeated:
		return "the column holds lists"
	case l.physical < pqBoolean || l.physical > pqFixed || l.logical.kind == aNumberless:
		return "the column is of a type that cannot be read"
	case l.physical == pqFixed && (l.length < 1 || l.length > 1<<16):
		return "the column is of a type that cannot be read"
	case l.logical.kind == aUUID && (l.physical != pqFixed || l.length != 16), l.logical.kind == aHalf && (l.physical != pqFixed || l.length != 2):
		return "the column is of a type that cannot be read"
	case l.logical.kind == aDecimal && (l.logical.scale < 0 || l.logical.scale > 1<<8):
		return "the column is of a type that cannot be read"
	}
	return ""
}

// schemaReader makes leaves of the schema, which stands depth first.
type schemaReader struct {
	leaves []leaf
	open   []group // that have children to come
	begun  bool
	wide   bool
}

type group struct {
	left     int64
	path     string
	levels   int
	repeated bool
}

// element reads one element of the schema.
func (s *schemaReader) element(t *thrift, most int) {
	var l leaf
	var name string
	children, repetition, converted, scale := int64(0), int64(0), int64(-1), int64(0)
	l.physical = -1
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 1:
			l.physical = t.int()
		case id == 2:
			l.length = t.int()
		case id == 3:
			repetition = t.int()
		case id == 4:
			name = string(t.binary())
		case id == 5:
			children = t.int()
		case id == 6:
			converted = t.int()
		case id == 7:
			scale = t.int()
		case id == 10 && kind == thriftStruct:
			l.logical = readLogical(t)
		default:
			return false
		}
		return true
	})
	if l.logical.kind == asItIs && converted >= 0 {
		l.logical = convertedType(converted, scale)
	}
	if !s.begun { // the root
		s.begun = true
		s.open = append(s.open, group{left: children})
		s.close()
		return
	}
	if len(s.open) == 0 || children < 0 || t.bad {
		t.bad = true
		return
	}
	parent := &s.open[len(s.open)-1]
	parent.left--
	g := group{left: children, path: parent.path + name + ".", levels: parent.levels, repeated: parent.repeated || repetition == 2}
	if repetition != 0 {
		g.levels++
	}
	switch l.name, l.levels, l.repeated = parent.path+name, g.levels, g.repeated; {
	case len(s.leaves) >= most || len(s.open) > thriftDepth || len(g.path) > 1<<12:
		s.wide, t.bad = true, true
	case children == 0 && l.physical >= 0:
		s.leaves = append(s.leaves, l)
	case children > 0:
		s.open = append(s.open, g)
	}
	s.close()
}

// close ends the groups that are complete.
func (s *schemaReader) close() {
	for len(s.open) > 0 && s.open[len(s.open)-1].left <= 0 {
		s.open = s.open[:len(s.open)-1]
	}
}

// readLogical reads the union of logical types.
func readLogical(t *thrift) logical {
	var l logical
	t.fields(func(id int64, kind byte) bool {
		if kind != thriftStruct {
			return false
		}
		switch id {
		case 5:
			l.kind = aDecimal
		case 6:
			l.kind = aDate
		case 7:
			l.kind = aTime
		case 8:
			l.kind = aTimestamp
		case 14:
			l.kind = aUUID
		case 15:
			l.kind = aHalf
		}
		t.fields(func(field int64, kind byte) bool {
			switch {
			case id == 5 && field == 1:
				l.scale = t.int()
			case (id == 7 || id == 8) && field == 1:
				l.utc = kind == thriftTrue
				return false
			case (id == 7 || id == 8) && field == 2 && kind == thriftStruct:
				t.fields(func(u int64, _ byte) bool {
					l.unit = map[int64]int64{1: 1e3, 2: 1e6, 3: 1e9}[u]
					return false
				})
			case id == 10 && field == 2:
				if kind == thriftFalse {
					l.kind = unsigned
				}
				return false
			default:
				return false
			}
			return true
		})
		return true
	})
	if (l.kind == aTime || l.kind == aTimestamp) && l.unit == 0 {
		l.kind = aNumberless
	}
	return l
}

// convertedType reads what older files have in place of a logical type.
func convertedType(c, scale int64) logical {
	switch c {
	case 5:
		return logical{kind: aDecimal, scale: scale}
	case 6:
		return logical{kind: aDate}
	case 7:
		return logical{kind: aTime, unit: 1e3}
	case 8:
		return logical{kind: aTime, unit: 1e6}
	case 9:
		return logical{kind: aTimestamp, unit: 1e3, utc: true}
	case 10:
		return logical{kind: aTimestamp, unit: 1e6, utc: true}
	case 11, 12, 13, 14:
		return logical{kind: unsigned}
	case 21:
		return logical{kind: aNumberless}
	}
	return logical{}
}
