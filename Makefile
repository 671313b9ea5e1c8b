# An index of commands: `make help` lists them. What they do is in build/*.sh,
# one short script each, so that it can be read and run without make.

.DEFAULT_GOAL := help
.PHONY: help run test bench server desktop ui types setup lint clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## set up what is missing, build, and start; ARGS="--http :8080" goes to the program
	@build/run.sh $(ARGS)

test: ## set up what is missing and run every check and test
	@build/test.sh

bench: ## print the figures; BENCH=Name runs some of them
	@build/bench.sh

server: ui ## build build/bin/echotv-server: no window, pure Go
	@build/server.sh

desktop: ui ## build build/bin/echotv: the window
	@build/desktop.sh

ui: ## build the pages into frontend/dist
	@build/ui.sh

types: ## write the HTTP contract and its TypeScript types anew
	@build/types.sh

setup: ## install everything that building and testing need
	@build/setup.sh test && build/npm.sh && go mod download

lint: ## formatting and static checks only
	@build/lint.sh

clean: ## delete what was built
	@build/clean.sh
