"""Layouts, memory and step time of a configured model: measured tables, fitted constants, search and its text."""
