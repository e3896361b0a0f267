# SPDX-License-Identifier: BSD-3-Clause
# The only door: every way to build, test, show or install teiten is a target here.
BUILD    ?= build
PYTHON   ?= /usr/bin/python3
DESTDIR  ?=
PREFIX   ?= /usr/local
# -march=native for this very machine: make HOST=1
HOST     ?=

MESON_ARGS = --prefix=$(PREFIX) -Dwerror=true $(if $(HOST),-Dhost=true)

.PHONY: all packages debug format lint quick check soak demo bench install docs clean help

all: $(BUILD)/build.ninja ## build the programs
	@ninja -C $(BUILD) --quiet

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' Makefile | expand -t 14

$(BUILD)/build.ninja:
	@meson setup $(BUILD) $(MESON_ARGS) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/setup.log

packages: ## install the Debian packages that are missing
	@sh tools/packages.sh

debug: build-debug/build.ninja ## build with ASan and UBSan, in build-debug
	@ninja -C build-debug --quiet

build-debug/build.ninja:
	@meson setup build-debug -Dwerror=true -Db_sanitize=address,undefined \
		-Dbuildtype=debug -Doptimization=1 -Db_lundef=false >build-debug.log 2>&1 || \
		{ cat build-debug.log; exit 1; }
	@mv build-debug.log build-debug/setup.log

format: ## lay out the C code
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

lint: all ## layout, headers, layering, licence lines, docs
	@$(PYTHON) tools/check.py lint

quick: all ## the everyday check: lint and unit tests, under three minutes
	@$(PYTHON) tools/check.py lint unit smoke

check: packages ## everything that must hold, in half an hour
	@$(PYTHON) tools/check.py all

# ONLY=kill,link chooses suites
soak: packages ## faults by the hundred, all suites under ASan and UBSan, the table of faults: 1.5 hours
	@$(MAKE) --no-print-directory all debug
	@$(PYTHON) tools/check.py soak soak-debug reliability

demo: packages ## two miniature quarters through probe and collector, tables, and the report
	@$(MAKE) --no-print-directory all
	@sh tools/demo.sh $(BUILD)

# ONLY=path,flow chooses among the programs in tools/bench.py, RUNS=N sets how often
bench: packages ## figures, as ratios measured in one run: build/bench.json
	@$(MAKE) --no-print-directory all
	@$(PYTHON) tools/bench.py $(BUILD)

docs: all ## write the generated manuals into docs/
	@$(PYTHON) tools/docs.py $(BUILD)

install: $(BUILD)/build.ninja ## install below DESTDIR and PREFIX
	@meson configure $(BUILD) --prefix=$(PREFIX) && ninja -C $(BUILD) --quiet
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet

clean:
	rm -rf build build-*
