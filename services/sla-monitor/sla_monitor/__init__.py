"""The SLA monitor: judges every ticket and work item against each council's targets, and says why."""
