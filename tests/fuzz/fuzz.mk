# Hostile input for everything that reads what others wrote. Part of the Makefile; `make fuzz` builds all
# of it once more, with clang, in build-fuzz/. Seeds are in tests/fuzz/seeds: a file for each driver,
# inputs between lines of "%%". What was found interesting is kept in build-fuzz/corpus.

FUZZERS := $(filter-out fuzz place,$(basename $(notdir $(FUZZ_C))))
FUZZ ?= $(FUZZERS)
SECONDS ?= 60

.PHONY: fuzz fuzzers
fuzz:
	@tests/support/deps.sh fuzz
	@+$(MAKE) --no-print-directory SAN=fuzz BUILD=build-fuzz fuzzers
	@tests/fuzz/fuzz.sh build-fuzz $(SECONDS) $(FUZZ)

ifeq ($(SAN),fuzz)
fuzzers: $(FUZZERS:%=$(BUILD)/fuzz/%)
.SECONDARY: $(call obj,$(FUZZ_C))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/fuzz.o $(BUILD)/obj/tests/fuzz/place.o \
		$(BUILD)/workers.a $(BUILD)/server.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(if $(V),,@printf '  LINK  %s\n' $@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LIBS_SERVER) -o $@
endif
