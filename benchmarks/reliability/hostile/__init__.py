"""Hostile files, made small on disk: one file of cases for each kind."""
