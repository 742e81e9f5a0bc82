# Versions of everything here are pinned in go.mod files: the root's for what is
# linked into the server and generates its code, tools/ for what only builds.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BUF := go tool -modfile=tools/go.mod buf
GOLANGCI := go tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint
# Modules of the build's own tools.
TOOL_MODULES := tools tools/protodeps
# The bench compares with what others use, and links it.
MODULES := $(TOOL_MODULES) bench
# What is built but for the race detector is built as it is shipped, so that all
# steps build everything once.
export CGO_ENABLED := 0
# `make lint` has vetted everything.
GOTEST := go test -vet=off
# modernc.org/sqlite is C translated to Go: the race detector sees races of its
# own making there, and costs minutes.
RACE := -race -gcflags='modernc.org/...=-race=false'

# How long `make fuzz` spends on each target.
FUZZTIME ?= 1m

# Tests that compare thousands of calls, or of agreements, and would take minutes
# under the race detector, which has the same handlers before it in every other test.
LONG := RegistersOfTheField|WorldsApart|WhoMaySeeTheDifference|EveryKindOfLeak|CellTurnedAround|EveryDecisionTurnedAround|WhoeverSeesMoreIsNamed|NoCellMayBeMissing

# Tests of jisrd as a process, which is built without the race detector whatever
# they are built with.
PROCESSES := ./services/jisrtest/crash ./services/jisrtest/hostile ./services/jisrtest/nodes

# Plays that are not played a second time, on PostgreSQL: they look at the files of
# a keyring and of a database, at what registers say, or at the comparison itself.
FILES := KeyringThatIsGone|LeftInTheFile|RegistersOfTheField|EveryKindOfLeak

# Plays in which agencies deal with each other, and that are played once more with
# every change drafted: alone, none of theirs would be in a file, nor on a server each.
DEALINGS := attacks_* lifecycles consent_play drafted_play idempotency_play mistaken_play notification_play order_play referral_play share_play steps_play timers_play

heading = @printf '\n== %s\n' $(1)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without grpc's request traces, which nobody can reach here: they bring in
# templates that call methods by name, so that the linker may drop no method of
# anything. The server is 4.8 MB smaller without, and rests in 27 MB instead of
# 32; jisr draws the page of the law by templates and gains nothing.
TAGS := grpcnotrace

.PHONY: build
build: ## Build the server (bin/jisrd) and the command line (bin/jisr)
	CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '-s -w' -o bin/ ./cmd/jisrd ./cmd/jisr

.PHONY: demo
demo: build ## Build, then play a case across agencies
	bin/jisr demo

.PHONY: run
run: build ## Build, then serve the demonstration until interrupted
	bin/jisr demo --serve

.PHONY: contract
contract: ## Write the contract as clients need it, without options (bin/contract)
	@go run -C tools/protodeps . -plain $(CURDIR)/proto -o $(CURDIR)/bin/contract

.PHONY: generate
generate: proto-deps ## Format proto/ and generate gen/ from it
	$(BUF) format --write proto
	$(BUF) generate

.PHONY: generate-check
generate-check: proto-deps ## Check that gen/ is what proto/ generates
	$(call heading,'gen/ is what proto/ generates')
	@tools/generate-check.sh

.PHONY: lint
lint: proto-deps ## Check the schema's rules, formatting, and the Go code
	$(call heading,'schema: rules')
	@$(BUF) lint
	$(call heading,'schema: format')
	@$(BUF) format --diff --exit-code proto
	$(call heading,'Go: errors come from the catalogue')
	@go build -C tools -o $(CURDIR)/.tools/ ./cmd/jisr-errors
	@.tools/jisr-errors ./...
	$(call heading,'Go: golangci-lint with vet and gofmt')
	@$(GOLANGCI) run --allow-parallel-runners ./...
	@for module in $(MODULES); do (cd $$module && $(GOLANGCI) run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...); done

.PHONY: breaking
breaking: proto-deps ## Check that proto/ breaks nobody since JISR_BREAKING_BASE
	$(call heading,'schema: breaking changes')
	@tools/breaking.sh

# The steps after the checks build on nothing of each other. Most of them leave a
# core idle at times, waiting for what they kill or for a term: two run at once, the
# longest first, and each says what it has to say when it has ended.
.PHONY: test
test: tools lint generate-check breaking ## Run every check and test; what CI runs
	@tools/need-cc.sh
	@tools/need-postgres.sh
	@tools/need-clients.sh
	@JISR_REQUIRE_POSTGRES=1 $(MAKE) --jobs=2 --output-sync=target test-race test-served test-processes test-long test-drafted test-bench pages clients test-fuzz test-tools
	$(call heading,'all is well')

.PHONY: test-race
test-race:
	$(call heading,'tests')
	@CGO_ENABLED=1 tools/in-memory.sh $(GOTEST) $(RACE) -skip '$(LONG)' $$(go list ./... | grep -vFx "$$(go list $(PROCESSES))")

.PHONY: test-processes
test-processes:
	$(call heading,'processes that are killed and attacked')
	@$(GOTEST) -p 3 $(PROCESSES)

.PHONY: test-long
test-long:
	$(call heading,'long comparisons')
	@tools/in-memory.sh $(GOTEST) -run '$(LONG)' ./services/jisrtest ./services/matrix ./services/agreement

.PHONY: test-served
test-served:
	$(call heading,'plays on PostgreSQL')
	@JISR_PLAYS_ON_POSTGRES=1 tools/in-memory.sh $(GOTEST) -skip '$(FILES)' ./services/jisrtest

.PHONY: test-drafted
test-drafted:
	$(call heading,'plays whose every change is drafted in a file')
	@plays=$$(cd services/jisrtest && grep -hoE '^func Test[A-Za-z0-9_]+' $(DEALINGS:%=%_test.go) | sed 's/^func //' | paste -sd'|'); \
	JISR_PLAYS_DRAFTED=1 tools/in-memory.sh $(GOTEST) -run "^($$plays)$$" ./services/jisrtest

.PHONY: test-bench
test-bench:
	$(call heading,'tests of the measures')
	@tools/in-memory.sh go -C bench test -vet=off ./...

.PHONY: test-fuzz
test-fuzz:
	$(call heading,'fuzzing')
	@tools/fuzz.sh 150x

.PHONY: test-tools
test-tools:
	$(call heading,'tests of the build tools')
	@for module in $(TOOL_MODULES); do go -C $$module test -vet=off ./...; done

# Ratios, not rates; docs/benchmarks.md says what they mean. No test asks for a time.
.PHONY: bench
bench: ## Measure against the physical limit and against peers (BENCH=long: up to a million cases)
	@go -C bench run . $(if $(filter long,$(BENCH)),-long)

.PHONY: chaos
chaos: ## Break servers, lines and databases at hundreds of points, draw more worlds; three quarters of an hour
	JISR_CRASH_POINTS=$${JISR_CRASH_POINTS:-100} go test -count=1 -timeout 3h ./services/jisrtest/crash
	JISR_NODES_ROUNDS=$${JISR_NODES_ROUNDS:-60} go test -count=1 -timeout 3h ./services/jisrtest/nodes
	JISR_WORLD_SCRIPTS=$${JISR_WORLD_SCRIPTS:-10} go test -count=1 -timeout 3h -run RandomWorlds ./services/jisrtest

.PHONY: clients
clients: ## Run the example clients in other languages against a demonstration exchange
	$(call heading,'example clients')
	@tools/clients/run.sh

.PHONY: pages
pages: ## Look at the pages of jisr in a real browser
	$(call heading,'pages in Chromium')
	@tools/pages/run.sh

.PHONY: fuzz
fuzz: ## Fuzz every decoder of outside bytes, FUZZTIME each (1m)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: hostile
hostile: ## Measure an agency beside others' attacks, some minutes
	@go test ./services/jisrtest/hostile -run '^$$' -bench . -benchtime 1x -timeout 30m

# Builds what the other targets run, so that the minutes this takes on a new
# machine are not taken for a hang.
.PHONY: tools
tools:
	$(call heading,'build tools (some minutes the first time)')
	@$(BUF) --version
	@go build -C tools -o /dev/null ./...
	@go build -o /dev/null tool
	@$(GOLANGCI) version --short

# Other people's .proto files, printed from the Go packages in go.mod; buf reads
# them beside proto/.
.PHONY: proto-deps
proto-deps:
	@go run -C tools/protodeps . -o $(CURDIR)/.proto-deps
