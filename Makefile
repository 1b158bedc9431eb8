# Stepfleet. `make help` tells the targets.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# In parallel on all cores unless the caller says otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

SAN ?=
WERROR ?= $(CI)
BUILD ?= build$(if $(SAN),-$(SAN))
CC := gcc
V ?=
Q := $(if $(V),,@)
PYTHON ?= /usr/bin/python3
VERSION := 0.1.0

PACKAGES := libmicrohttpd libcurl libcrypto jansson sqlite3
# Flags of the libraries, asked once make deps has had its chance to install them.
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LIBS_WORKER := -lcurl -lcrypto -ljansson -lm
LIBS_SERVER := -lmicrohttpd -lsqlite3 $(LIBS_WORKER)

SANFLAGS_address := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANFLAGS_thread := -fsanitize=thread -fno-omit-frame-pointer
SANFLAGS_fuzz := -fsanitize=fuzzer-no-link $(SANFLAGS_address)
SANFLAGS := $(SANFLAGS_$(SAN))
ifneq ($(SAN),)
ifeq ($(SANFLAGS),)
$(error SAN must be address or thread, not '$(SAN)')
endif
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-align -Wwrite-strings \
	-Wundef -Wvla -Wformat=2 -Wformat-truncation=0 -Wnull-dereference -Wduplicated-cond -Wlogical-op
CFLAGS := -std=c11 -O2 -g $(WARNINGS) $(if $(WERROR),-Werror) $(SANFLAGS) -fno-strict-aliasing \
	-fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CPPFLAGS := -D_GNU_SOURCE -I. -DSTEPFLEET_VERSION='"$(VERSION)"'
LDFLAGS := $(SANFLAGS) -pie -Wl,-z,relro,-z,now -pthread
ifeq ($(SAN),fuzz)
CC := clang
CFLAGS := $(filter-out -Wduplicated-cond -Wlogical-op -Wformat-truncation=0 -Wcast-align,$(CFLAGS))
endif
ifneq ($(SAN),)
CFLAGS := $(filter-out -D_FORTIFY_SOURCE=2 -Wnull-dereference,$(CFLAGS))
endif

rsources = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
LIB_C := $(call rsources,lib)
SERVER_C := $(filter-out server/main.c,$(call rsources,server))
WORKER_MAINS := workers/task_launcher_main.c workers/task_monitor_main.c workers/s3_copy_task_main.c
WORKER_C := $(filter-out $(WORKER_MAINS),$(call rsources,workers))
TEST_C := $(call rsources,tests/unit)
BENCH_C := $(call rsources,tests/bench)
FUZZ_C := $(call rsources,tests/fuzz)
ALL_C := $(LIB_C) $(SERVER_C) server/main.c $(WORKER_C) $(WORKER_MAINS) $(TEST_C) $(BENCH_C) $(FUZZ_C)
EMBEDDED := $(sort $(wildcard migrations/*.sql infra/statemachines/*.asl.json specs/*.json server/api/*.json))
PAGE_FILES := $(sort $(wildcard static/*))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
EMBED_O := $(BUILD)/obj/embed_table.o
PROGRAMS := $(BUILD)/stepfleet $(BUILD)/task-launcher $(BUILD)/task-monitor $(BUILD)/s3-copy-task

.PHONY: all help deps test unit flow browser faults bench lint run demo clean
all: $(PROGRAMS)

help:
	@printf '%s\n' 'make            build the programs in $(BUILD)/' \
	'make demo       run both patterns end to end on this machine and check the results' \
	'make test       unit, flow and browser tests' \
	'make faults     faults on purpose, 200 rounds with kill -9 (FAULTS="--rounds 200 --seed 1")' \
	'make dist       static workers in dist/bin/, archives of the functions in dist/*.zip' \
	'make images     container images s3-copy-task and stepfleet (docker)' \
	'make test-image build the images and run them, in an engine of their own (root)' \
	'make run        serve in local mode on 127.0.0.1:8080 (data in ./data)' \
	'make fuzz       hostile input for a minute a reader (FUZZ="json ddb" SECONDS=600; clang)' \
	'make bench      measure what is promised: a table of figures and goals (BENCH=name: one)' \
	'make lint       format, clang-tidy, cppcheck, include edges, banned calls' \
	'make deploy     deploy to the AWS account of the environment (PATTERN=1|2|all, docs/deploy.md)' \
	'make destroy    take that down again (DESTROY="--yes --data" with all data, asking nothing)' \
	'make deps       install what is missing (Debian packages, npm packages of the page)' \
	'make clean      remove build folders' \
	'SAN=address or SAN=thread builds and tests with sanitizers in a folder of their own'

# --- dependencies: installed only when something is missing -------------------------------------
DEPS_STAMP := $(BUILD)/.deps
$(DEPS_STAMP): tests/support/deps.sh
	@tests/support/deps.sh build
	@mkdir -p $(@D) && touch $@
deps: $(NPM_STAMP)
	@tests/support/deps.sh

# --- compiling ----------------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.c | $(DEPS_STAMP)
	@mkdir -p $(@D)
	$(if $(V),,@printf '  CC    %s\n' $<)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# What a folder holds is a prerequisite too: a file that is gone must leave what was made of it.
# Written while make reads this file, and only when it has changed, so that nothing is built in vain.
CONTENTS := $(BUILD)/.contents
$(shell mkdir -p $(BUILD) && echo '$(LIB_C) $(SERVER_C) $(WORKER_C) $(EMBEDDED) $(PAGE_FILES)' | cmp -s - $(CONTENTS) \
	|| echo '$(LIB_C) $(SERVER_C) $(WORKER_C) $(EMBEDDED) $(PAGE_FILES)' >$(CONTENTS))

# The page's npm packages, for this machine's kind; what the tests need of them is not for images.
NPM_STAMP := node_modules/.installed-$(shell uname -sm | tr ' ' -)
$(NPM_STAMP): package-lock.json package.json | $(DEPS_STAMP)
	@tests/support/deps.sh npm
	@printf '  NPM   %s\n' $<
	$(Q)npm ci --no-progress $(NPM_FLAGS) >/dev/null && touch $@

$(BUILD)/page/index.html: server/embed/page.mjs $(PAGE_FILES) $(NPM_STAMP) $(CONTENTS)
	@mkdir -p $(@D)
	$(if $(V),,@printf '  PAGE  %s\n' $(@D))
	$(Q)node server/embed/page.mjs $(@D)

$(BUILD)/embed_table.S: server/embed/embed.sh $(BUILD)/page/index.html $(EMBEDDED) $(CONTENTS) Makefile
	@mkdir -p $(@D)
	$(Q)server/embed/embed.sh $@ $(BUILD)/page $(EMBEDDED)
$(EMBED_O): $(BUILD)/embed_table.S | $(DEPS_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@

# Archives, so that a program links only what it uses (workers get no server library).
$(BUILD)/lib.a: $(call obj,$(LIB_C)) $(CONTENTS)
$(BUILD)/server.a: $(call obj,$(SERVER_C)) $(EMBED_O) $(CONTENTS)
$(BUILD)/workers.a: $(call obj,$(WORKER_C)) $(CONTENTS)
$(BUILD)/%.a:
	@mkdir -p $(@D) && rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

$(BUILD)/stepfleet: $(call obj,server/main.c) $(BUILD)/server.a $(BUILD)/lib.a
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_SERVER) -o $@
$(BUILD)/task-launcher: $(call obj,workers/task_launcher_main.c) $(BUILD)/workers.a $(BUILD)/lib.a
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_WORKER) -o $@
$(BUILD)/task-monitor: $(call obj,workers/task_monitor_main.c) $(BUILD)/workers.a $(BUILD)/lib.a
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_WORKER) -o $@
$(BUILD)/s3-copy-task: $(call obj,workers/s3_copy_task_main.c) $(BUILD)/workers.a $(BUILD)/lib.a
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_WORKER) -o $@

$(BUILD)/unit: $(call obj,$(TEST_C)) $(BUILD)/workers.a $(BUILD)/server.a $(BUILD)/lib.a
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_SERVER) -lcriterion -o $@

# Programs of make bench, each from one file. The drivers need none of our code; they get it anyway.
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_C))
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/server.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_SERVER) -o $@

include infra/artifacts/dist.mk
# The images are built without the tests.
include $(wildcard tests/fuzz/fuzz.mk)

-include $(wildcard $(patsubst %.o,%.d,$(call obj,$(ALL_C))))

# --- testing and running ------------------------------------------------------------------------
test:
	@+tests/support/test.sh '$(SAN)' '$(BUILD)' '$(PYTHON)'
unit: $(BUILD)/unit
	$(BUILD)/unit $(UNIT)
flow: all
	STEPFLEET_BUILD=$(BUILD) $(PYTHON) -m tests.flow $(FLOW)

# BENCH="scale-1 http" runs some of them; make dist before gives the workers that are deployed.
bench: all $(BENCHES)
	@$(PYTHON) tests/bench/bench.py --build $(BUILD) $(BENCH)

faults: all
	STEPFLEET_BUILD=$(BUILD) $(PYTHON) -m tests.faults $(FAULTS)

# The page in headless Chromium; BROWSER names the files (default: all).
BROWSER ?= $(sort $(wildcard tests/browser/*.test.mjs))
browser: all
	@tests/support/deps.sh browser
	STEPFLEET_BUILD=$(BUILD) node --test $(BROWSER)

lint: $(DEPS_STAMP)
	@tests/lint/lint.sh $(ALL_C)

run: all
	$(BUILD)/stepfleet serve --local --data ./data
demo: all
	$(BUILD)/stepfleet demo $(DEMO)

clean:
	rm -rf build build-address build-thread build-fuzz dist

# --- an AWS account: PATTERN, STACK_PREFIX, IMAGE ... as infra/deploy.sh --help tells ---------------
.PHONY: deploy destroy
deploy: $(if $(STEPFLEET_DIST),,dist)
	@infra/deploy.sh $(DEPLOY)
destroy:
	@infra/destroy.sh $(DESTROY)
