package connectortest_test

import (
	"testing"

	"halftone/connectors"
	"halftone/connectors/connectortest"
)

func TestMemory(t *testing.T) {
	serve := func(name string, body []byte) connectortest.Setup {
		return connectortest.Setup{
			Env:    connectors.Env{Layout: connectors.Layout{Format: "csv"}},
			Decode: connectortest.Settings(connectortest.MemorySettings{Items: map[string][]byte{name: body}}),
		}
	}
	connectortest.Run(t, connectortest.Harness{
		Kind: connectortest.MemoryKind(), FirstRow: 2,
		Serve: func(_ *testing.T, table connectortest.Table) connectortest.Setup { return serve("in", table.CSV()) },
		Broken: func(_ *testing.T, table connectortest.Table) connectortest.Setup {
			return serve("in", append(table.CSV(), '"'))
		},
	})
}
