"""Trying a target: a document with calendars, targets and what happened, judged by the monitor's own rules."""
