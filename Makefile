# The whole ritual is `go test ./...`; these are the longer and rarer runs.
GO ?= go
FUZZTIME ?= 60s

.PHONY: build test race fuzz bench lint live soak
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

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

lint:
	$(GO) vet ./...
	golangci-lint run

# The contract suite against a live Harper that holds nothing of worth:
# set HARPER_TEST_URL, HARPER_TEST_USERNAME, HARPER_TEST_PASSWORD.
live:
	@test -n "$$HARPER_TEST_URL" || { echo "set HARPER_TEST_URL, HARPER_TEST_USERNAME, HARPER_TEST_PASSWORD"; exit 64; }
	$(GO) test -count=1 -v -run 'Live|Contract' ./internal/harpertest/ ./internal/harper/
	$(GO) test -count=1 -v -timeout 60m -run '^(TestWatchWhileWriting|TestTorture|TestRevert)$$/live' ./cmd/recourse/

# The seeded simulations with more seeds than a test run has time for.
soak:
	RECOURSE_SOAK=1 $(GO) test -count=1 -timeout 60m ./ingest/ ./store/ ./revert/
