SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build test acceptance load test-vulkan parity bench format lint format-check docs check clean

# One script knows where the libraries are; the recipes ask it.
with := . scripts/environment.sh;
sources := Package.swift Sources Tests

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | sort -t "$$(printf '\t')" -k 1,1 | expand -t 14

deps: ## install system packages and build ggml, whatever is missing
	@scripts/deps.sh

build: ## build the mynah program (release)
	@scripts/build.sh

test: ## build and run every test (release), published clients first; needs no model
	@scripts/test.sh

acceptance: build ## run published clients and a browser against the server
	@scripts/acceptance.sh

load: build ## many clients at once, and workers killed under them, as a table
	@scripts/load_test.py

test-vulkan: ## tests, doctor and speech on an accelerator, with Mesa's software Vulkan driver if need be
	@scripts/test_vulkan.sh

parity: deps ## compare with the reference implementation, for the models that are installed
	@$(with) swift test -c release --filter Parity

bench: build ## measure speed on this machine
	@./mynah bench

format: ## rewrite the sources in the house format
	@swift format --in-place --parallel --recursive $(sources)

lint: ## refuse what the formatter or its rules would change
	@swift format lint --strict --parallel --recursive $(sources)
	@for script in mynah .ci/run scripts/*.sh; do bash -n "$$script"; done

docs: deps ## build the documentation, warnings being errors
	@scripts/docs.sh

check: lint test ## what must pass before a change is sent

clean: ## remove what was built, but not the dependencies in .deps
	@rm -rf .build .deps/built-from
