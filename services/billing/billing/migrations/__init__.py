"""Billing's schema, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "audit_newest": "UPDATE",
    "outbox": "DELETE",
    "progress": "UPDATE",
    "quarantine": "UPDATE",
    "event": "UPDATE",
    "verdict": "UPDATE",
    "month_change": "UPDATE",
    "judged_through": "UPDATE",
    "recomputation": "UPDATE",
    "notice": "UPDATE",
}

# Who sees what of each table (`shared.sql.isolation`).
OPEN = {"progress", "sealing_key", "judged_through"}
SHARED_WITHOUT_COUNCIL = {"definition_version"}
SECRET = {"installation_key"}
