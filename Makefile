# Everything a developer does is a target; `make help` lists them. Plain `make` builds build/asyncrt-check.

BUILD    ?= build
CXX      ?= g++
CXXFLAGS ?= -O2
PREFIX   ?= /usr/local
prefix   ?= $(PREFIX)
bindir   ?= $(prefix)/bin
libdir   ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir  ?= $(prefix)/share
mandir   ?= $(datadir)/man
docdir   ?= $(datadir)/doc/asyncrt-check
bashcompletiondir ?= $(datadir)/bash-completion/completions
zshcompletiondir  ?= $(datadir)/zsh/site-functions
fishcompletiondir ?= $(datadir)/fish/vendor_completions.d

VERSION := $(shell sed -n 's/.*kToolVersion = "\(.*\)".*/\1/p' core/base/version.h)
SONAME  := libasyncrt.so.$(firstword $(subst ., ,$(VERSION)))

FUZZ_SECONDS ?= 60
MUTANTS  ?=
FUZZERS  := json expr schedule report check
PACKAGES := g++ libcli11-dev nlohmann-json3-dev libgtest-dev libbenchmark-dev jq python3

# For make test-packages alone.
PACKAGES_PACKAGING := dpkg-dev lintian pkg-config zsh fish groff-base mandoc man-db

# What the code needs whatever the flags of the caller are. The same objects make the tool and the shared library.
override CXX_NEEDS := -std=c++20 -Wall -Wextra -Wshadow -Wconversion -pthread -fPIC -fvisibility=hidden -I. -ffile-prefix-map=$(CURDIR)=.

ifeq (0,$(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(shell nproc)
endif

CORE_SOURCES  := $(sort $(wildcard core/*.cc core/*/*.cc))
TOOL_SOURCES  := $(sort $(wildcard tool/*.cc))
TEST_SOURCES  := $(sort $(filter-out tests/bench/% tests/fuzz/% tests/fidelity/%,$(wildcard tests/*.cc tests/*/*.cc)))
BENCH_SOURCES := tests/bench/microbench.cc tests/bench/measure.cc
GENERATOR_SOURCES := tests/oracle/generator.cc $(sort $(wildcard tests/oracle/writer_*.cc))
FUZZ_TARGETS  := $(patsubst %,tests/fuzz/%_fuzz.cc,$(FUZZERS))
FUZZ_SOURCES  := $(FUZZ_TARGETS) tests/fuzz/check_mutator.cc

objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))
LIB_OBJECTS := $(call objects,$(CORE_SOURCES) $(filter-out tool/main.cc,$(TOOL_SOURCES)))
ALL_SOURCES := $(CORE_SOURCES) $(TOOL_SOURCES) $(TEST_SOURCES) $(BENCH_SOURCES) $(FUZZ_SOURCES) $(sort $(wildcard tests/fidelity/*.cc))

TOUR := $(firstword $(sort $(wildcard scenarios/tour/*.json)))

.PHONY: all help lib deps deps-bench deps-browser deps-packaging deps-rust demo test test-browser test-packages bigtest \
  bench microbench stress asan tsan fidelity fidelity-sample confirm fuzz fuzzers mutants sanitized tidy format golden readme clean install uninstall deb
.SECONDARY: $(call objects,$(FUZZ_SOURCES))

all: $(BUILD)/asyncrt-check lib

lib: $(BUILD)/libasyncrt.a $(BUILD)/$(SONAME) ## build libasyncrt, static and shared

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
	  printf '  make %-14s  %s\n' "$$target" "$$text"; done

# Asks dpkg first, so that a machine that has everything needs neither root nor a network.
define install_missing
	@missing=""; for package in $(1); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
	  echo "installing$$missing"; \
	  $$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi
endef

deps: ## install the Debian packages that are missing
	$(call install_missing,$(PACKAGES))

deps-packaging: ## the same for what only `make test-packages` needs
	$(call install_missing,$(PACKAGES_PACKAGING))

demo: ## check a first scenario, as text and through jq
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check
	@echo; echo '$$ asyncrt-check run $(TOUR) --format text'
	@$(BUILD)/asyncrt-check run $(TOUR) --format text || test $$? = 1
	@echo; echo "\$$ asyncrt-check run $(TOUR) | jq -c '.scenarios[].findings[] | {rule, line: .locations[0].line, message}'"
	@status=0; $(BUILD)/asyncrt-check run $(TOUR) > $(BUILD)/demo.json || status=$$?; test $$status -le 1
	@jq -c '.scenarios[].findings[] | {rule, line: .locations[0].line, message}' $(BUILD)/demo.json

test: ## unit tests, every scenario against its expectation, the command line
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests $(BUILD)/measure
	@$(MAKE) --no-print-directory --output-sync=target $(CHECKS)

# What `test` runs once all is built; none of them needs another one. The long ones come first.
CHECKS := $(addprefix check-,units faults cli hostile typos recipes limits checkpoint spin scenarios orders lists)
.PHONY: $(CHECKS)
check-units:
	$(BUILD)/tests --gtest_brief=1
check-scenarios:
	$(BUILD)/asyncrt-check test scenarios/
check-orders:
	bash tests/orders.sh $(BUILD)/asyncrt-check 1 2
check-cli:
	bash tests/cli_test.sh $(BUILD)/asyncrt-check
check-typos:
	python3 tests/typos.py $(BUILD)/asyncrt-check scenarios/tour/*.json
check-faults:
	bash tests/faults.sh $(BUILD)/asyncrt-check
check-hostile:
	python3 tests/hostile.py $(BUILD)/asyncrt-check
check-checkpoint:
	python3 -B tests/checkpoint.py $(BUILD)/asyncrt-check
check-limits:
	python3 -B tests/limits.py $(BUILD)/asyncrt-check
check-recipes:
	bash tests/readme_recipes.sh $(BUILD)/asyncrt-check
check-spin:
	python3 -B tests/bench/bench.py $(BUILD)/asyncrt-check $(BUILD)/measure $(BUILD)/bench --agree
check-lists:
	bash tests/readme.sh $(BUILD)/asyncrt-check --check
	python3 tests/confirmed.py --check $(BUILD)/asyncrt-check
	python3 tests/scenarios_readme.py $(BUILD)/asyncrt-check --check
	python3 tests/mutants/mutants.py $(BUILD) --check

# Node comes with npm or without; a machine that has both from elsewhere keeps its own.
deps-browser: ## install what test-browser needs: Chromium, Node and some of its packages
	@missing=""; command -v chromium >/dev/null || missing="chromium"; command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
	  $$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi
	@mkdir -p $(BUILD)/browser && cp tests/browser/package.json tests/browser/.npmrc tests/browser/*.mjs $(BUILD)/browser/
	@cd $(BUILD)/browser && npm install --silent --no-audit --no-fund

test-browser: ## the HTML report in headless Chromium, every report against its JSON Schema, SARIF
	@$(MAKE) --no-print-directory deps-browser $(BUILD)/asyncrt-check
	node $(BUILD)/browser/html_report_test.mjs $(BUILD)/asyncrt-check $(BUILD)/browser/pages
	node $(BUILD)/browser/schema_test.mjs $(BUILD)/asyncrt-check
	node $(BUILD)/browser/sarif_test.mjs $(BUILD)/asyncrt-check

bigtest: ## the long tests: 20,000 random scenarios, some of them on real Tokio, sanitizers, fuzzers, the same report for any jobs, order and compiler
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory deps-rust
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests $(BUILD)/possible-outcomes $(BUILD)/write-scenarios
	@$(MAKE) --no-print-directory sanitized
	bash tests/confirm.sh $(BUILD)/asyncrt-check
	@$(MAKE) --no-print-directory fidelity-sample
	@$(MAKE) --no-print-directory --output-sync=target $(BIG_CHECKS)

# What `bigtest` runs side by side once all is built, the long ones first. Programs on real Tokio want the machine for themselves.
BIG_CHECKS := big-random fuzz-all asan-units determinism asan-scenarios big-typos
.PHONY: $(BIG_CHECKS)
big-random:
	ORACLE_SCENARIOS=20000 $(BUILD)/tests --gtest_brief=1 --gtest_filter='Oracle*'
big-typos:
	python3 tests/typos.py $(BUILD)/asyncrt-check scenarios/patterns/*.json
determinism:
	bash tests/determinism.sh $(BUILD)/asyncrt-check $(SANITIZED)/asyncrt-check
	bash tests/orders.sh $(BUILD)/asyncrt-check 3 4 5 6 7 8

stress: ## what takes longest: 100,000 other random scenarios, races of the tool, kills at every moment, limits of a GiB
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests
	ORACLE_SEED=1000001 ORACLE_SCENARIOS=100000 $(BUILD)/tests --gtest_brief=1 --gtest_filter='Oracle*'
	@$(MAKE) --no-print-directory tsan
	python3 -B tests/checkpoint.py $(BUILD)/asyncrt-check --big
	python3 -B tests/limits.py $(BUILD)/asyncrt-check --big

test-packages: ## install, compile against the library, build the Debian packages, install and remove them
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory deps-packaging
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check lib
	+bash tests/packages.sh $(BUILD)

deps-bench: ## install what `bench` needs: SPIN, and gcc for its verifiers
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) spin gcc"

# BENCH=quick measures the small sizes only.
BENCH ?= full
bench_flags = $(if $(filter quick,$(BENCH)),--quick,$(if $(filter full,$(BENCH)),,$(error BENCH is full or quick, not $(BENCH))))
bench: ## measure against SPIN, on Tokio's problems and on small scenarios (BENCH=quick: below 2 minutes)
	@$(MAKE) --no-print-directory deps-bench
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/measure
	python3 -B tests/bench/bench.py $(BUILD)/asyncrt-check $(BUILD)/measure $(BUILD)/bench $(bench_flags) --json $(BUILD)/bench.json

microbench: ## states per second within one process
	@$(MAKE) --no-print-directory $(BUILD)/microbench
	$(BUILD)/microbench

# Cargo as Debian has it, unless there is another one.
RUST_PACKAGES := librust-tokio-dev librust-futures-dev librust-tokio-util-dev
deps-rust: ## install what `fidelity` and `confirm` need: Debian's Tokio, and cargo if there is none
	@$(MAKE) --no-print-directory deps PACKAGES="$(RUST_PACKAGES) $$(command -v cargo > /dev/null || echo cargo)"

FIDELITY_RUNS ?= 20
FIDELITY_SCENARIOS ?= 2000
FIDELITY_SEED ?= 1
# TOKIO: 1.24 is Debian 12's, 1.43 is Debian 13's. TOKIO_PATH: the source of another one; tests/fidelity/registry.sh says which.
TOKIO ?= 1.24
TOKIO_PATH ?=
FIDELITY = python3 tests/fidelity/exported.py $(BUILD)/asyncrt-check $(BUILD)/possible-outcomes
fidelity: ## scenarios, and random ones, as Rust programs on real Tokio, many times with random delays
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/possible-outcomes $(BUILD)/write-scenarios
	@$(MAKE) --no-print-directory deps-rust
	rm -rf $(BUILD)/fidelity/random && mkdir -p $(BUILD)/fidelity/random
	$(BUILD)/write-scenarios $(BUILD)/fidelity/random $(FIDELITY_SEED) $(FIDELITY_SCENARIOS)
	@registry=/usr/share/cargo/registry; case "$(TOKIO)" in 1.24*) ;; *) registry=$$(bash tests/fidelity/registry.sh $(BUILD)/fidelity/debian-13) || exit 1;; esac; \
	$(FIDELITY) scenarios/ $(BUILD)/fidelity/random --runs $(FIDELITY_RUNS) --build $(BUILD)/fidelity --shrink \
	  --tokio $(TOKIO) --registry $$registry $(if $(TOKIO_PATH),--tokio-path $(TOKIO_PATH))

# A smaller one for `bigtest`, always the same.
fidelity-sample: $(BUILD)/asyncrt-check $(BUILD)/possible-outcomes $(BUILD)/write-scenarios
	@rm -rf $(BUILD)/fidelity/sample && mkdir -p $(BUILD)/fidelity/sample
	@$(BUILD)/write-scenarios $(BUILD)/fidelity/sample 100001 200
	$(FIDELITY) scenarios/fidelity scenarios/versions $(BUILD)/fidelity/sample --runs 6 --build $(BUILD)/fidelity

# Every finding of the scenarios by the rules of the Tokio that Debian has.
CONFIRM_TOKIO ?= 1.24
confirm: ## try the findings of the scenarios on real Tokio, and write which ones it shows
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check
	@$(MAKE) --no-print-directory deps-rust
	$(BUILD)/asyncrt-check run scenarios/ --tokio $(CONFIRM_TOKIO) --fail-on never --output $(BUILD)/report.json > /dev/null
	$(BUILD)/asyncrt-check confirm $(BUILD)/report.json --build $(BUILD)/confirm --output $(BUILD)/confirmed.json || test $$? = 1
	python3 tests/confirmed.py --write $(BUILD)/confirmed.json
	python3 tests/scenarios_readme.py $(BUILD)/asyncrt-check

# One build by the other compiler, for `asan`, for the fuzzers, and for the comparison of both compilers in `bigtest`.
SANITIZED ?= $(BUILD)/sanitized
SANITIZE_CXX ?= clang++
SANITIZE ?= -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SANITIZE_LINK := -fsanitize=address,undefined
FUZZ_LINK ?= -fsanitize=fuzzer,address,undefined
sanitize = $(MAKE) --no-print-directory BUILD=$(SANITIZED) CXX="$(SANITIZE_CXX)" CXXFLAGS="$(SANITIZE)"
fuzzers:
	@$(MAKE) --no-print-directory deps PACKAGES="clang $(PACKAGES)"
	+@$(sanitize) LDFLAGS="$(FUZZ_LINK) $(LDFLAGS)" $(patsubst %,$(SANITIZED)/%_fuzz,$(FUZZERS))
sanitized: fuzzers
	+@$(sanitize) LDFLAGS="$(SANITIZE_LINK) $(LDFLAGS)" $(SANITIZED)/asyncrt-check $(SANITIZED)/tests

asan: sanitized ## unit tests and scenarios under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory asan-units asan-scenarios
asan-units:
	ORACLE_SCENARIOS=300 $(SANITIZED)/tests --gtest_brief=1
asan-scenarios:
	$(SANITIZED)/asyncrt-check test scenarios/

tsan: ## every parallel path under the thread sanitizer
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CXXFLAGS="-O1 -g -fsanitize=thread" \
	  LDFLAGS="-fsanitize=thread $(LDFLAGS)" $(BUILD)/tsan/asyncrt-check
	bash tests/tsan.sh $(BUILD)/tsan/asyncrt-check

# What each fuzzer learns stays in the build directory; an input that ends one is left beside it. Two run at a time.
# Without sanitizers some ten times as many inputs are tried:
# make fuzz SANITIZED=build/unsanitized SANITIZE="-O2 -fsanitize=fuzzer-no-link" FUZZ_LINK=-fsanitize=fuzzer
fuzz: fuzzers ## random inputs to every reader and to the whole check, FUZZ_SECONDS each
	@$(MAKE) --no-print-directory fuzz-all
fuzz-all:
	@printf '%s\n' $(FUZZERS) | xargs -P 2 -I FUZZER bash tests/fuzz/run.sh $(SANITIZED) FUZZER $(FUZZ_SECONDS)

# MUTANTS: flags of the script, such as `--only lifo` or `--sample 20 --seed 7`.
mutants: ## break one rule at a time, and see whether the tests notice
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests
	@printf '%s\n' $(sort $(LIB_OBJECTS) $(call objects,tool/main.cc $(TEST_SOURCES) $(FUZZ_TARGETS))) > $(BUILD)/objects.txt
	CXX="$(CXX)" python3 tests/mutants/mutants.py $(BUILD) $(MUTANTS)

tidy: $(BUILD)/obj/core/export/rust.o ## static analysis
	@printf '%s\n' $(ALL_SOURCES) | xargs -P $$(nproc) -I SOURCE clang-tidy --quiet SOURCE -- $(CPPFLAGS) $(CXX_NEEDS) -I$(BUILD)/gen

format: ## rewrite the code in the project's style
	clang-format -i $(sort $(ALL_SOURCES) $(wildcard core/*.h core/*/*.h tool/*.h tests/*.h))

golden: ## rewrite the expected outputs of the tests
	@$(MAKE) --no-print-directory $(BUILD)/tests
	ASYNCRT_GOLDEN=write $(BUILD)/tests --gtest_brief=1 --gtest_filter='Golden*'

readme: $(BUILD)/asyncrt-check ## rewrite the report in README.md
	bash tests/readme.sh $(BUILD)/asyncrt-check
	python3 tests/scenarios_readme.py $(BUILD)/asyncrt-check

clean: ## remove everything that was built
	rm -rf $(BUILD)

# What is installed for this machine is found by programs at once; a package or another root does that itself.
update_loader = test -n "$(DESTDIR)" || test "$$(id -u)" != 0 || ldconfig

install: $(BUILD)/asyncrt-check lib ## install into $(DESTDIR)$(prefix)
	install -d $(addprefix $(DESTDIR),$(bindir) $(libdir)/pkgconfig $(includedir) $(mandir)/man1 $(mandir)/man5 $(docdir) \
	  $(bashcompletiondir) $(zshcompletiondir) $(fishcompletiondir) $(datadir)/asyncrt-check/schema)
	install -m 755 $(BUILD)/asyncrt-check $(DESTDIR)$(bindir)/asyncrt-check
	install -m 644 $(BUILD)/libasyncrt.a $(DESTDIR)$(libdir)/libasyncrt.a
	install -m 644 $(BUILD)/$(SONAME) $(DESTDIR)$(libdir)/libasyncrt.so.$(VERSION)
	ln -sf libasyncrt.so.$(VERSION) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libasyncrt.so
	install -m 644 core/api/asyncrt.h $(DESTDIR)$(includedir)/asyncrt.h
	printf '%s\n' 'prefix=$(prefix)' 'includedir=$(includedir)' 'libdir=$(libdir)' '' 'Name: asyncrt' \
	  'Description: finds deadlocks, starvation and ownership errors in scenarios of threads and Tokio tasks' \
	  'Version: $(VERSION)' 'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lasyncrt' 'Libs.private: -lstdc++ -lm -pthread' \
	  > $(DESTDIR)$(libdir)/pkgconfig/asyncrt.pc
	$(BUILD)/asyncrt-check man 1 > $(DESTDIR)$(mandir)/man1/asyncrt-check.1
	$(BUILD)/asyncrt-check man 5 > $(DESTDIR)$(mandir)/man5/asyncrt-scenario.5
	$(BUILD)/asyncrt-check completion bash > $(DESTDIR)$(bashcompletiondir)/asyncrt-check
	$(BUILD)/asyncrt-check completion zsh > $(DESTDIR)$(zshcompletiondir)/_asyncrt-check
	$(BUILD)/asyncrt-check completion fish > $(DESTDIR)$(fishcompletiondir)/asyncrt-check.fish
	for schema in scenario report; do $(BUILD)/asyncrt-check schema $$schema \
	  > $(DESTDIR)$(datadir)/asyncrt-check/schema/$$schema.json || exit 1; done
	install -m 644 README.md LICENSE $(DESTDIR)$(docdir)
	cp -R scenarios $(DESTDIR)$(datadir)/asyncrt-check/
	chmod -R u+w,a+rX $(DESTDIR)$(datadir)/asyncrt-check
	$(update_loader)

uninstall: ## remove what install has put there
	rm -f $(addprefix $(DESTDIR),$(bindir)/asyncrt-check $(libdir)/libasyncrt.a $(libdir)/libasyncrt.so $(libdir)/$(SONAME) \
	  $(libdir)/libasyncrt.so.$(VERSION) $(includedir)/asyncrt.h $(libdir)/pkgconfig/asyncrt.pc \
	  $(mandir)/man1/asyncrt-check.1 $(mandir)/man5/asyncrt-scenario.5 $(bashcompletiondir)/asyncrt-check \
	  $(zshcompletiondir)/_asyncrt-check $(fishcompletiondir)/asyncrt-check.fish $(docdir)/README.md $(docdir)/LICENSE)
	rm -rf $(DESTDIR)$(datadir)/asyncrt-check
	rmdir $(DESTDIR)$(docdir) 2> /dev/null || true
	$(update_loader)

deb: $(BUILD)/asyncrt-check lib ## build the Debian packages in $(BUILD)/deb
	$(call install_missing,dpkg-dev)
	+bash .debian/build.sh $(BUILD) $(VERSION)

$(BUILD)/asyncrt-check: $(LIB_OBJECTS) $(call objects,tool/main.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libasyncrt.a: $(call objects,$(CORE_SOURCES))
	rm -f $@
	$(AR) rcsD $@ $^

$(BUILD)/$(SONAME): $(call objects,$(CORE_SOURCES)) core/api/asyncrt.map
	$(CXX) -shared -pthread -Wl,-soname,$(SONAME) -Wl,--no-undefined -Wl,--version-script=core/api/asyncrt.map $(LDFLAGS) \
	  -o $@ $(filter %.o,$^) $(LDLIBS)

$(BUILD)/tests: $(LIB_OBJECTS) $(call objects,$(TEST_SOURCES) $(FUZZ_TARGETS))
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ -lgtest -lgtest_main $(LDLIBS)

$(BUILD)/microbench: $(LIB_OBJECTS) $(call objects,tests/bench/microbench.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ -lbenchmark $(LDLIBS)

# The text that exported Rust projects share, as strings.
$(BUILD)/gen/%_rs.inc: core/export/%.rs
	@mkdir -p $(@D)
	(printf 'R"rust('; cat $<; printf ')rust"\n') > $@

$(BUILD)/obj/core/export/rust.o: $(patsubst core/export/%.rs,$(BUILD)/gen/%_rs.inc,$(wildcard core/export/*.rs))
# Tests run once for each build; only what compares thousands of scenarios is worth the time to make it fast.
$(call objects,$(filter-out tests/oracle/%,$(TEST_SOURCES))): LIGHTER := -O1
# Not CXXFLAGS: what a caller gives for that on the command line stands instead.
$(BUILD)/obj/core/export/rust.o: override CXX_NEEDS += -I$(BUILD)/gen

$(BUILD)/write-scenarios: $(LIB_OBJECTS) $(call objects,$(GENERATOR_SOURCES) tests/fidelity/write_scenarios.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/possible-outcomes: $(LIB_OBJECTS) $(call objects,tests/fidelity/possible_outcomes.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ $(LDLIBS)

# From an archive, so that a fuzzer holds what it tries and nothing else: all counters are looked at after each input.
$(BUILD)/fuzzed.a: $(LIB_OBJECTS) $(call objects,$(GENERATOR_SOURCES))
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/check_fuzz: $(BUILD)/obj/tests/fuzz/check_mutator.o
$(BUILD)/%_fuzz: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(BUILD)/fuzzed.a
	$(CXX) -pthread $(LDFLAGS) -Wl,--defsym=LLVMFuzzerTestOneInput=fuzz_$* -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

# $(BUILD)/bench is a folder now; an older build has a program there.
$(BUILD)/measure: $(call objects,tests/bench/measure.cc)
	@test ! -f $(BUILD)/bench || rm $(BUILD)/bench
	$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.cc Makefile
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXX_NEEDS) $(CXXFLAGS) $(LIGHTER) -MMD -MP -c -o $@ $<

-include $(patsubst %.cc,$(BUILD)/obj/%.d,$(ALL_SOURCES))
