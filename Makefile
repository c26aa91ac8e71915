# Halftone. `make` alone prints what there is.
GO      ?= go
# The race detector needs a C compiler; without one the tests run all the same.
RACE    := $(if $(shell command -v gcc 2>/dev/null),-race)
TOOLS   := $(CURDIR)/bin/tools
LINTER  := $(TOOLS)/golangci-lint-v2.15.0
DEMO    ?= demo
# A version is a commit; with changes on top it is marked, and vouches for no bytes.
VERSION := $(shell git describe --always --dirty 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help build demo test check format vet lint samples fuzz faults audit compare bench model clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## make bin/halftone
	$(GO) build -ldflags "-X main.built=$(VERSION)" -o bin/halftone ./cmd/halftone

demo: build ## run the whole pipeline on real public data, into demo/
	@test -e $(DEMO)/halftone.yaml || bin/halftone init $(DEMO) --example us-offences > /dev/null
	@bin/halftone -C $(DEMO) run
	@echo
	@echo "version   $(DEMO)/public/datasets/us-offences/latest/"
	@echo "report    $(DEMO)/public/datasets/us-offences/latest/report/index.html"
	@echo "ledger    $(DEMO)/.halftone/ledger.db   (see it: bin/halftone -C $(DEMO) budget)"
	@echo "To open the report: $(if $(filter Darwin,$(shell uname -s)),open,xdg-open) $(DEMO)/public/datasets/us-offences/latest/report/index.html"

test: ## run all tests
	$(GO) test $(RACE) -shuffle=on ./...

check: format vet lint samples test ## format, vet, lint, sample configurations, test

format: ## fail if a file is not formatted
	@out=$$(gofmt -l .); test -z "$$out" || { echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; }

vet: ## go vet
	$(GO) vet ./...

lint: $(LINTER) ## golangci-lint
	$(LINTER) run

$(LINTER):
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(TOOLS)/golangci-lint $@

samples: build ## validate the sample configurations
	@for dir in examples/*/ docs/examples/*/; do echo "validate $$dir"; bin/halftone -C $$dir validate > /dev/null || exit 1; done

fuzz: ## run every fuzz test for a minute
	@$(GO) list ./... | while read -r pkg; do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s -fuzzminimizetime 1x $$pkg || exit 1; \
	  done; done

KILLS   ?= 10000
faults: ## kill the program 10,000 times and fail its disk at every step (about an hour; KILLS=N)
	$(GO) test ./cmd/halftone/faults -v -faults.kills $(KILLS) -faults.long -timeout 12h

audit: ## attack our own releases at length (about ten minutes); the report goes to bin/audit.md
	@mkdir -p bin
	$(GO) test ./privacy/audit -run TestAudit -audit.long -audit.report $(CURDIR)/bin/audit.md -timeout 60m
	@echo "report: bin/audit.md"

model: ## search the release protocol for broken promises, with Spin
	sh privacy/ledger/model/run.sh

compare: ## errors of the planner, Laplace, Gaussian and least squares at equal (epsilon, delta); also bin/compare.csv
	@mkdir -p bin
	$(GO) run ./cmd/halftone-compare -csv bin/compare.csv

bench: ## sampler, planner and reconstruction beside Google's library
	$(GO) test -run '^$$' -bench . -benchtime 2s ./privacy/noise ./privacy/plan

clean: ## remove bin/ and the demo, its ledger too
	rm -rf bin $(DEMO)
