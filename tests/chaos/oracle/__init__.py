"""What must hold, worked out again from the raw log. Imports nothing of the services, nor of what they share."""
