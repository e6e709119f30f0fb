"""The read model's schema, revision by revision."""

# Every other table only grows (`shared.sql.privileges`).
CHANGEABLE = {
    "verdict_progress": "UPDATE",
    "verdict": "UPDATE, DELETE",
}
