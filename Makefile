# otavet. `make help` lists the targets.
FUZZTIME ?= 30s
BENCHTIME ?= 1s

.PHONY: build test race fuzz golden docs bench fixtures lint help

build: ## build the command into ./otavet: static, without cgo
	CGO_ENABLED=0 go build -trimpath -o otavet ./cmd/otavet

test: ## all tests; needs Go alone
	go test ./...

race: ## tests of what runs in parallel, under the race detector; needs gcc
	@# The families below ota/signature start no goroutines and share nothing; inspect and cmd, which run them side by side, are here.
	CGO_ENABLED=1 go test -race -short -count=1 $$(go list ./ota/... ./inspect/... ./cmd/... | grep -v /ota/signature/)

fuzz: ## every fuzz target for FUZZTIME each
	@grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r f; do \
		for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$f"); do \
			echo "== $$(dirname "$$f") $$t"; \
			out=$$(go test -run='^$$' -fuzz="^$$t\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=2s -parallel=2 "./$$(dirname "$$f")" 2>&1) && { echo "$$out" | tail -1; continue; }; \
			echo "$$out"; \
			[ "$$(echo "$$out" | grep -c -e '--- FAIL')" = 1 ] && echo "$$out" | grep -A1 -e '^--- FAIL' | tail -1 | grep -qx ' *context deadline exceeded' || exit 1; \
			echo "which is the end of its time, met by Go between two inputs"; \
		done; \
	done

golden: ## write golden files, schemas and the README's transcript anew, then show what changed
	go test ./inspect/fact ./ota/archive ./ota/edify ./policies/report ./cmd/... -update
	git --no-pager diff --stat

docs: ## fail when the README's transcript or a schema is out of date
	go test -run 'README|Schema' ./cmd/... ./inspect/fact ./policies/...

bench: ## benchmarks, each beside its peer or limit
	go test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) ./...

fixtures: ## make testdata again; needs what each make.sh names
	testdata/updates/make.sh
	testdata/apps/make.sh
	go test ./ota -run TestExampleAB -update
	for m in testdata/images/*/make.sh ota/codec/testdata/make.sh; do $$m || exit 1; done

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile
