#!/usr/bin/env python3
"""Runs one rule of rules.py or pages.py: check.py RULE ROOT. Prints its complaints; exit status 1 if there are any."""

import sys

import pages
import rules

complaints = (getattr(rules, sys.argv[1], None) or getattr(pages, sys.argv[1]))(sys.argv[2])
for complaint in complaints:
    print(complaint)
sys.exit(1 if complaints else 0)
