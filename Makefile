# hclimg: what a person types. `make help` lists the targets.
#
# Everything is installed on first use: system packages by apt (only those that are missing), Python packages into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# What building the quickstart needs.
PACKAGES := mmdebstrap qemu-system-x86 qemu-utils e2fsprogs fdisk grub-common grub-pc-bin openssh-client
# What the tests need besides: the real servers and the peer that hclimg is compared with.
TEST_PACKAGES := $(PACKAGES) iproute2 openssh-server openssl ovmf packer swtpm xorriso mtools tmux pigz zstd lz4 xz-utils bzip2 puppet-agent vagrant rpm
# Container engines, and a registry for them.
TEST_PACKAGES += docker.io podman runc crun docker-registry busybox-static
# A Windows of sorts.
TEST_PACKAGES += wine wine64
# govmomi's vCenter simulator, which the tests build; libvirt reads VMX files.
TEST_PACKAGES += golang-go golang-github-vmware-govmomi-dev libvirt-clients

# A whole OpenStack with its database.
TEST_PACKAGES += keystone glance-api placement-api nova-api nova-conductor nova-scheduler nova-compute neutron-server \
	cinder-api cinder-scheduler cinder-volume rabbitmq-server mariadb-server-core mariadb-client-core python3-pymysql

# A checkout is on the path of every command here; bytecode is kept, as it is for any installed program.
unexport PYTHONDONTWRITEBYTECODE

# The rootfs builder installs packages into a directory, which needs root.
ROOT := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: help quickstart test check bench lint install clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | column -t -s '	'

quickstart: install ## Build the example image: Debian 12 with redis, as a bootable qcow2
	@.ci/packages $(PACKAGES)
	$(ROOT) $(BIN)/hclimg apply -force examples/quickstart
	@$(BIN)/python examples/quickstart/next_steps.py

test: $(VENV)/.dev $(VENV)/.salt ## Lint, types, import contracts and all tests, with the real servers that they need
	@.ci/packages $(TEST_PACKAGES)
	$(BIN)/pytest -n 3 --dist loadfile

check: $(VENV)/.dev ## The quick part of the tests, for the inner loop
	$(BIN)/pytest -m "not slow" -n 4 --dist loadfile

lint: $(VENV)/.dev ## Lint, types and import contracts only
	$(BIN)/pytest tests/test_project.py

bench: $(VENV)/.dev ## Compare with Packer 1.6.6 on this machine
	@.ci/packages $(TEST_PACKAGES)
	for b in tests/benchmarks/bench_*.py; do $(BIN)/python $$b || exit 1; done

install: $(VENV)/.user ## Install hclimg into .venv

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# pip before 25.1 does not know dependency groups, so that list is read from pyproject.toml here.
$(VENV)/.dev: pyproject.toml $(VENV)/.user
	$(BIN)/python .ci/dev_requirements.py > $(VENV)/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $(VENV)/dev.txt
	@touch $@

# Salt runs on machines of the tests, not here: a directory of its own, which can be copied to one.
$(VENV)/.salt: tests/servers/salt.txt tests/servers/salt-call | $(VENV)/.dev
	rm -rf $(VENV)/salt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-compile --target $(VENV)/salt --requirement tests/servers/salt.txt
	cp tests/servers/salt-call $(VENV)/salt/
	@touch $@

clean: ## Remove what the targets made, but not built images
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
