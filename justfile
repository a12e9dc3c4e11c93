# What is done often, by name: `just` lists it. Needs the environment of CONTRIBUTING.md in .venv.

export PYTHONPATH := justfile_directory()
python := env("PYTHON", justfile_directory() / ".venv/bin/python")

# List the recipes.
default:
    @just --list --justfile {{ justfile() }}

# Run the tests, or those that are named: just test tests/unit
test *paths:
    {{ python }} -m pytest {{ paths }}

# Lint, format, types, layers, and the published schemas.
check:
    {{ python }} -m ruff check .
    {{ python }} -m ruff format --check .
    {{ python }} -m mypy
    {{ python }} -c "from importlinter.cli import lint_imports_command as lint; lint()"
    {{ python }} -m timeline schema check

# Measure the log beside its peers, as docs/performance.md tells; needs the extra `bench`.
bench-log *options:
    {{ python }} -m benchmarks.log {{ options }}
