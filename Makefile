# Every command of the project. Each one sets up what it needs in .venv, from a bare
# machine with Python and Rust on it; a second call finds it there and starts at once.
#
#   make PYTHON=python3.12 test     another interpreter; .venv is made anew for it
#   make demo ARGS=--20news         arguments for the demo
#   make test ARGS="-k merging"     arguments for pytest
#   make bench ARGS=--quick         arguments for the benchmark

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check
CREATED := $(VENV)/.created-by-$(subst /,-,$(PYTHON))

# What the wheel is made of; a change in any of it means a new wheel.
SOURCES := pyproject.toml Cargo.toml Cargo.lock README.md LICENSE \
    $(shell find rust python/shardfit -name '*.rs' -o -name '*.toml' -o -name '*.py' -o -name '*.pyi')

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python sanitize lint format bench bench-core bench-partitioned wheel clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## train on this machine's Python sources, beside scikit-learn (ARGS=--20news)
	$(BIN)/python examples/demo.py $(ARGS)

test: test-rust test-python  ## all tests: Rust, Python, examples in the documentation, layers, stub

test-rust:  ## the tests of the core, which need no Python
	cargo test --locked --package shardfit-core

# Tests run against the installed wheel, never against the source tree. pytest comes
# last, so that its closing line is the closing line of `make test`.
test-python: $(VENV)/.installed  ## the tests of the installed wheel (ARGS for pytest)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m mypy.stubtest shardfit._rust --mypy-config-file pyproject.toml
	$(BIN)/pytest --doctest-modules --pyargs shardfit tests/ $(ARGS)

# The kernels read and write by address; what checked builds cannot see, this sees. Lists
# of a length that cannot be had are asked for on purpose.
sanitize:  ## the tests of the core under AddressSanitizer, which takes a nightly Rust
	@cargo +nightly --version >/dev/null 2>&1 || { echo "AddressSanitizer needs a nightly Rust, and there is none; try: rustup toolchain install nightly --profile minimal" >&2; exit 1; }
	RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=allocator_may_return_null=1 cargo +nightly test \
	    --locked --package shardfit-core --lib --tests \
	    --target "$$(rustc +nightly --version --verbose | sed -n 's/^host: //p')" $(ARGS)

lint: $(VENV)/.installed  ## formatting, clippy, ruff, mypy, layers
	cargo fmt --all --check
	PYO3_PYTHON="$(abspath $(BIN)/python)" cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed  ## format Rust and Python
	cargo fmt --all
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.installed  ## speed beside scikit-learn: tables, a plot, the change since last time (ARGS=--help)
	$(BIN)/python -m benches.speed $(ARGS)

bench-core:  ## MB/s of each step of the core, by kernel and class of input (ARGS="-- avx2")
	cargo bench --locked --bench hashing $(ARGS)

bench-partitioned: $(VENV)/.installed  ## accuracy and time by number of partitions (ARGS=--data=FOLDER)
	$(BIN)/python -m benches.partitioned $(ARGS)

wheel: $(VENV)/.installed  ## build a release wheel into dist/
	mkdir -p dist
	cp $(VENV)/wheel/*.whl dist/

clean:  ## remove what these commands made
	cargo clean
	rm -rf $(VENV) dist .demo .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache

# The environment. Its tools change with pyproject.toml only, the wheel with any source;
# a stamp file that is newer than all of these says that nothing is left to do.
$(CREATED):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "shardfit needs Python 3.11 or newer, but $(PYTHON) is %d.%d.%d; try: make PYTHON=python3.12" % v[:3])'
	@cargo --version >/dev/null 2>&1 || { echo "shardfit needs a Rust toolchain, but there is no cargo on the PATH; see https://rustup.rs" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.installed: $(CREATED) $(SOURCES)
	rm -rf $(VENV)/wheel
	$(PIP) wheel --quiet --no-deps --wheel-dir $(VENV)/wheel .
	$(PIP) install --quiet --group test --group lint "$$(echo $(VENV)/wheel/*.whl)[all]"
	$(PIP) install --quiet --no-deps --force-reinstall $(VENV)/wheel/*.whl
	@touch $@
