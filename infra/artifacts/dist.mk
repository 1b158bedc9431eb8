# What is deployed: worker programs linked statically, the functions' archives, container images.
# Part of the Makefile. Plain `make` needs none of it.

DIST_PROGRAMS := dist/bin/task-launcher dist/bin/task-monitor dist/bin/s3-copy-task
DIST_ZIPS := dist/task-launcher.zip dist/task-monitor.zip
STATIC_CURL := build/static/curl
DIST_STAMP := build/.deps-dist
DOCKER ?= docker

# Fully static: Lambda's provided.al2023 has an older glibc than Debian 12, the task image none. No
# PIE: it would cost 0.6 MB and 0.2 ms of every start. The linker's warnings are about names and
# NSS modules, which lib/http_client/http_system.c deals with.
DIST_LDFLAGS := -static -s -pthread -Wl,--gc-sections,-z,relro,-z,now,--no-warnings
DIST_LIBS := $(STATIC_CURL)/lib/libcurl.a -lssl -lcrypto -ljansson -lm

.PHONY: dist images test-image FORCE
ifneq ($(SAN),)
dist test-image:
	@echo 'make $@ makes what is deployed: run it without SAN' >&2; exit 1
else
dist: $(DIST_ZIPS) $(DIST_PROGRAMS) dist/bin/stepfleet
	@wc -c $(DIST_ZIPS) dist/bin/s3-copy-task | sed '$$d'

$(DIST_STAMP): tests/support/deps.sh
	@tests/support/deps.sh build dist
	@mkdir -p $(@D) && touch $@

# The script knows by version and flags whether there is anything to do.
$(STATIC_CURL)/lib/libcurl.a: FORCE | $(DIST_STAMP)
	@infra/artifacts/static-curl.sh $(STATIC_CURL)

# Behind the usual program, so that local mode, which takes these where it finds them below its
# workers, sees which was built last.
dist/bin/%: $(BUILD)/% $(BUILD)/workers.a $(BUILD)/lib.a $(STATIC_CURL)/lib/libcurl.a infra/artifacts/dist.mk
	@mkdir -p $(@D)
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(DIST_LDFLAGS) $(filter %.o,$^) $(BUILD)/workers.a $(BUILD)/lib.a $(DIST_LIBS) -o $@
	$(Q)ln -f $@ $(BUILD)/static/$(@F)
dist/bin/task-launcher: $(call obj,workers/task_launcher_main.c)
dist/bin/task-monitor: $(call obj,workers/task_monitor_main.c)
dist/bin/s3-copy-task: $(call obj,workers/s3_copy_task_main.c)

# The server keeps Debian's shared libraries: its image has them, and their security updates.
dist/bin/stepfleet: $(BUILD)/stepfleet | $(DIST_STAMP)
	@mkdir -p $(@D)
	$(Q)strip -o $@ $<

dist/%.zip: dist/bin/% infra/artifacts/function-zip.sh
	$(if $(V),,@printf '  ZIP   %s\n' $@)
	$(Q)infra/artifacts/function-zip.sh $< $@

images:
	$(DOCKER) build $(BASE:%=--build-arg BASE=%) --target s3-copy-task -t s3-copy-task .
	$(DOCKER) build $(BASE:%=--build-arg BASE=%) --target stepfleet -t stepfleet .

test-image: all
	@tests/image/test-image.sh '$(PYTHON)'
endif
