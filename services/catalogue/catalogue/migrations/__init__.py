"""The catalogue's tables, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "outbox": "DELETE",
    "recording_lock": "UPDATE",
}
