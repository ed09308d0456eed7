# Everything a developer does is a target; `make help` lists them. Plain `make` builds build/asyncrt-check.

BUILD    ?= build
PREFIX   ?= /usr/local
CXX      ?= g++
CXXFLAGS ?= -O2
PACKAGES := g++ libcli11-dev nlohmann-json3-dev libgtest-dev libbenchmark-dev jq python3

# What the code needs whatever the flags of the caller are.
override CXX_NEEDS := -std=c++20 -Wall -Wextra -Wshadow -pthread -I. -ffile-prefix-map=$(CURDIR)=.

ifeq (0,$(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(shell nproc)
endif

CORE_SOURCES  := $(sort $(wildcard core/*.cc core/*/*.cc))
TOOL_SOURCES  := $(sort $(wildcard tool/*.cc))
TEST_SOURCES  := $(sort $(filter-out tests/bench/%,$(wildcard tests/*.cc tests/*/*.cc)))
BENCH_SOURCES := tests/bench/microbench.cc tests/bench/measure.cc

objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))
LIB_OBJECTS := $(call objects,$(CORE_SOURCES) $(filter-out tool/main.cc,$(TOOL_SOURCES)))
ALL_SOURCES := $(CORE_SOURCES) $(TOOL_SOURCES) $(TEST_SOURCES) $(BENCH_SOURCES)

TOUR := $(firstword $(sort $(wildcard scenarios/tour/*.json)))

.PHONY: all help deps demo test bigtest bench microbench asan tidy format golden readme clean install

all: $(BUILD)/asyncrt-check

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
	  printf '  make %-10s  %s\n' "$$target" "$$text"; done

# Asks dpkg first, so that a machine that has everything needs neither root nor a network.
deps: ## install the Debian packages that are missing
	@missing=""; for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
	  echo "installing$$missing"; \
	  $$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi

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
	$(BUILD)/tests --gtest_brief=1
	$(BUILD)/asyncrt-check test scenarios/
	bash tests/cli_test.sh $(BUILD)/asyncrt-check
	bash tests/readme.sh $(BUILD)/asyncrt-check --check
	python3 tests/scenarios_readme.py $(BUILD)/asyncrt-check --check
	python3 -B tests/bench/bench.py $(BUILD)/asyncrt-check $(BUILD)/measure $(BUILD)/bench --agree

bigtest: ## the long tests: sanitizers, and the same bytes for any number of jobs
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests
	ASYNCRT_BIG=1 ORACLE_SCENARIOS=5000 $(BUILD)/tests --gtest_brief=1
	@echo 'the search against the oracle, on 100,000 random scenarios'
	@for first in 100000 150000; do \
	  ORACLE_STATS=1 ORACLE_STATES=3000 ORACLE_SEED=$$first ORACLE_SCENARIOS=50000 $(BUILD)/tests --gtest_brief=1 \
	    --gtest_filter=Oracle.AgreesOnRandomScenarios > $(BUILD)/oracle-$$first.txt 2>&1 & pids="$$pids $$!"; done; \
	status=0; for pid in $$pids; do wait $$pid || status=1; done; tail -n 60 $(BUILD)/oracle-*.txt; exit $$status
	$(BUILD)/asyncrt-check run scenarios/ --fail-on never --jobs 1 > $(BUILD)/jobs-1.json
	$(BUILD)/asyncrt-check run scenarios/ --fail-on never --jobs 7 > $(BUILD)/jobs-7.json
	cmp $(BUILD)/jobs-1.json $(BUILD)/jobs-7.json
	@$(MAKE) --no-print-directory asan

# BENCH=quick measures the small sizes only. Needs the Debian packages spin and gcc, which `make deps` leaves out.
BENCH ?= full
bench_flags = $(if $(filter quick,$(BENCH)),--quick,$(if $(filter full,$(BENCH)),,$(error BENCH is full or quick, not $(BENCH))))
bench: ## measure against SPIN, on Tokio's problems and on small scenarios (BENCH=quick: below 2 minutes)
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/measure
	@command -v python3 > /dev/null || { echo 'bench: needs the Debian package python3' >&2; exit 2; }
	python3 -B tests/bench/bench.py $(BUILD)/asyncrt-check $(BUILD)/measure $(BUILD)/bench $(bench_flags) --json $(BUILD)/bench.json

microbench: ## states per second within one process
	@$(MAKE) --no-print-directory $(BUILD)/microbench
	$(BUILD)/microbench

asan: ## unit tests and scenarios under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan \
	  CXXFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" \
	  LDFLAGS="-fsanitize=address,undefined $(LDFLAGS)" $(BUILD)/asan/asyncrt-check $(BUILD)/asan/tests
	$(BUILD)/asan/tests --gtest_brief=1
	$(BUILD)/asan/asyncrt-check test scenarios/

tidy: ## static analysis
	clang-tidy --quiet $(ALL_SOURCES) -- $(CPPFLAGS) $(CXX_NEEDS)

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

install: $(BUILD)/asyncrt-check ## install into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/asyncrt-check/schema $(DESTDIR)$(PREFIX)/share/doc/asyncrt-check
	install -m 755 $(BUILD)/asyncrt-check $(DESTDIR)$(PREFIX)/bin/asyncrt-check
	install -m 644 README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/asyncrt-check
	for schema in scenario report; do $(BUILD)/asyncrt-check schema $$schema \
	  > $(DESTDIR)$(PREFIX)/share/asyncrt-check/schema/$$schema.json || exit 1; done
	cp -R scenarios $(DESTDIR)$(PREFIX)/share/asyncrt-check/

$(BUILD)/asyncrt-check: $(LIB_OBJECTS) $(call objects,tool/main.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests: $(LIB_OBJECTS) $(call objects,$(TEST_SOURCES))
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ -lgtest -lgtest_main $(LDLIBS)

$(BUILD)/microbench: $(LIB_OBJECTS) $(call objects,tests/bench/microbench.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ -lbenchmark $(LDLIBS)

# $(BUILD)/bench is a folder now; an older build has a program there.
$(BUILD)/measure: $(call objects,tests/bench/measure.cc)
	@test ! -f $(BUILD)/bench || rm $(BUILD)/bench
	$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.cc Makefile
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXX_NEEDS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.cc,$(BUILD)/obj/%.d,$(ALL_SOURCES))
