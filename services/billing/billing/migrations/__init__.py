"""Billing's schema, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "progress": "UPDATE",
    "event": "UPDATE",
    "verdict": "UPDATE",
}
