# The whole ritual is `go test ./...`; these are the longer and rarer runs.
GO ?= go
FUZZTIME ?= 60s
BENCH ?= .
BENCHSKIP ?= IngestMillion
N ?= 200000
BENCHFLAGS ?=

.PHONY: build test race fuzz bench bench-peers lint live soak mutate detect
build:
	$(GO) build -trimpath -o bin/recourse ./cmd/recourse

test:
	$(GO) test ./...

race:
	$(GO) test -race ./...

# Every fuzz target, one after the other.
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

# What each stage costs. IngestMillion takes minutes: make bench BENCH=IngestMillion BENCHSKIP=.
bench:
	@out=$$(mktemp); trap 'rm -f $$out' EXIT; \
	  $(GO) test -run '^$$' -bench '$(BENCH)' -skip '$(BENCHSKIP)' -benchmem ./... > $$out || { cat $$out; exit 1; }; \
	  awk '/^(goos|goarch|cpu):/ && !seen[$$0]++; /^pkg:/ { printf "\n%s\n", $$2 } /^Benchmark/' $$out

# The whole program against SQLite, PostgreSQL and ripgrep: see bench/peers.sh
# for what must be installed. For the figures of docs/performance.md:
# make bench-peers N=1000000 BENCHFLAGS='-growth 5000000 -o report.md'
bench-peers:
	$(GO) run ./bench -n $(N) $(BENCHFLAGS)

lint:
	$(GO) vet ./...
	golangci-lint run

# The contract suite against a live Harper that holds nothing of worth, one package
# at a time, as each purges and drops what another may be looking at:
# set HARPER_TEST_URL, HARPER_TEST_USERNAME, HARPER_TEST_PASSWORD.
live:
	@test -n "$$HARPER_TEST_URL" || { echo "set HARPER_TEST_URL, HARPER_TEST_USERNAME, HARPER_TEST_PASSWORD"; exit 64; }
	$(GO) test -p 1 -count=1 -v -run 'Live|Contract' ./internal/harpertest/ ./internal/harper/
	$(GO) test -count=1 -v -timeout 60m -run '^(TestWatchWhileWriting|TestTorture|TestRevert)$$/live' ./cmd/recourse/

# The seeded simulations with more seeds than a test run has time for; RECOURSE_SEED=N
# has the histories of the reverter begin at another seed.
soak:
	RECOURSE_SOAK=1 $(GO) test -count=1 -timeout 180m ./ingest/ ./store/ ./revert/ ./rules/ ./cmd/recourse/

# Every mistake that can be put into the built-in rules, and whether their tests
# find it. Takes minutes; a run of the tests takes a sample.
mutate:
	RECOURSE_SOAK=1 $(GO) test -count=1 -v -timeout 60m -run '^TestMutants' ./rules/

# How well the built-in rules find attacks, on streams that they were not made with:
# the figures of docs/detection.md. Takes a quarter of an hour.
DETECTFLAGS ?= -seeds held-out -users 150 -o md
detect:
	$(GO) run ./bench/detect $(DETECTFLAGS)
