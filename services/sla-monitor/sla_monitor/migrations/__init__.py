"""The read model's schema, revision by revision."""

# Every other table only grows (`shared.sql.migrate`).
CHANGEABLE = {
    "verdict_progress": "UPDATE",
    "verdict": "UPDATE, DELETE",
}
