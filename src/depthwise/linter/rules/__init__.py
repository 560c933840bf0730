"""The rules, one a file; `linter/base.py` says what a file holds."""
