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

PACKAGES := g++ libcli11-dev nlohmann-json3-dev libgtest-dev libbenchmark-dev jq python3

# For make test-packages alone.
PACKAGES_PACKAGING := dpkg-dev lintian pkg-config zsh fish groff-base mandoc man-db

# What the code needs whatever the flags of the caller are. The same objects make the tool and the shared library.
override CXX_NEEDS := -std=c++20 -Wall -Wextra -Wshadow -pthread -fPIC -fvisibility=hidden -I. -ffile-prefix-map=$(CURDIR)=.

ifeq (0,$(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(shell nproc)
endif

CORE_SOURCES  := $(sort $(wildcard core/*.cc core/*/*.cc))
TOOL_SOURCES  := $(sort $(wildcard tool/*.cc))
TEST_SOURCES  := $(sort $(filter-out tests/bench/%,$(wildcard tests/*.cc tests/*/*.cc)))
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.cc))

objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))
LIB_OBJECTS := $(call objects,$(CORE_SOURCES) $(filter-out tool/main.cc,$(TOOL_SOURCES)))
ALL_SOURCES := $(CORE_SOURCES) $(TOOL_SOURCES) $(TEST_SOURCES) $(BENCH_SOURCES)

TOUR := $(firstword $(sort $(wildcard scenarios/tour/*.json)))

.PHONY: all help lib deps deps-packaging demo test bigtest test-packages bench asan tidy format golden readme clean install \
  uninstall deb

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
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests
	$(BUILD)/tests --gtest_brief=1
	$(BUILD)/asyncrt-check test scenarios/
	bash tests/cli_test.sh $(BUILD)/asyncrt-check
	python3 tests/typos.py $(BUILD)/asyncrt-check scenarios/tour/*.json
	bash tests/readme.sh $(BUILD)/asyncrt-check --check
	bash tests/readme_recipes.sh $(BUILD)/asyncrt-check
	python3 tests/scenarios_readme.py $(BUILD)/asyncrt-check --check

bigtest: ## the long tests: sanitizers, and the same bytes for any number of jobs
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check $(BUILD)/tests
	ASYNCRT_BIG=1 ORACLE_SCENARIOS=100000 $(BUILD)/tests --gtest_brief=1
	$(BUILD)/asyncrt-check run scenarios/ --fail-on never --jobs 1 > $(BUILD)/jobs-1.json
	$(BUILD)/asyncrt-check run scenarios/ --fail-on never --jobs 7 > $(BUILD)/jobs-7.json
	cmp $(BUILD)/jobs-1.json $(BUILD)/jobs-7.json
	python3 tests/typos.py $(BUILD)/asyncrt-check scenarios/patterns/*.json scenarios/reports/*.json
	@$(MAKE) --no-print-directory asan

test-packages: ## install, compile against the library, build the Debian packages, install and remove them
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory deps-packaging
	@$(MAKE) --no-print-directory $(BUILD)/asyncrt-check lib
	+bash tests/packages.sh $(BUILD)

bench: ## states per second
	@$(MAKE) --no-print-directory $(BUILD)/bench
	$(BUILD)/bench

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
	$(BUILD)/asyncrt-check completions bash > $(DESTDIR)$(bashcompletiondir)/asyncrt-check
	$(BUILD)/asyncrt-check completions zsh > $(DESTDIR)$(zshcompletiondir)/_asyncrt-check
	$(BUILD)/asyncrt-check completions fish > $(DESTDIR)$(fishcompletiondir)/asyncrt-check.fish
	for schema in scenario report; do $(BUILD)/asyncrt-check schema $$schema \
	  > $(DESTDIR)$(datadir)/asyncrt-check/schema/$$schema.json || exit 1; done
	install -m 644 README.md LICENSE $(DESTDIR)$(docdir)
	cp -R scenarios $(DESTDIR)$(datadir)/asyncrt-check/
	chmod -R u+w,a+rX $(DESTDIR)$(datadir)/asyncrt-check

uninstall: ## remove what install has put there
	rm -f $(addprefix $(DESTDIR),$(bindir)/asyncrt-check $(libdir)/libasyncrt.a $(libdir)/libasyncrt.so $(libdir)/$(SONAME) \
	  $(libdir)/libasyncrt.so.$(VERSION) $(includedir)/asyncrt.h $(libdir)/pkgconfig/asyncrt.pc \
	  $(mandir)/man1/asyncrt-check.1 $(mandir)/man5/asyncrt-scenario.5 $(bashcompletiondir)/asyncrt-check \
	  $(zshcompletiondir)/_asyncrt-check $(fishcompletiondir)/asyncrt-check.fish $(docdir)/README.md $(docdir)/LICENSE)
	rm -rf $(DESTDIR)$(datadir)/asyncrt-check
	rmdir $(DESTDIR)$(docdir) 2> /dev/null || true

deb: $(BUILD)/asyncrt-check lib ## build the Debian packages in $(BUILD)/deb
	+bash .debian/build.sh $(BUILD) $(VERSION)

$(BUILD)/asyncrt-check: $(LIB_OBJECTS) $(call objects,tool/main.cc)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libasyncrt.a: $(call objects,$(CORE_SOURCES))
	rm -f $@
	$(AR) rcsD $@ $^

$(BUILD)/$(SONAME): $(call objects,$(CORE_SOURCES)) core/api/asyncrt.map
	$(CXX) -shared -pthread -Wl,-soname,$(SONAME) -Wl,--no-undefined -Wl,--version-script=core/api/asyncrt.map $(LDFLAGS) \
	  -o $@ $(filter %.o,$^) $(LDLIBS)

$(BUILD)/tests: $(LIB_OBJECTS) $(call objects,$(TEST_SOURCES))
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ -lgtest -lgtest_main $(LDLIBS)

$(BUILD)/bench: $(LIB_OBJECTS) $(call objects,$(BENCH_SOURCES))
	$(CXX) -pthread $(LDFLAGS) -o $@ $^ -lbenchmark $(LDLIBS)

$(BUILD)/obj/%.o: %.cc Makefile
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXX_NEEDS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.cc,$(BUILD)/obj/%.d,$(ALL_SOURCES))
