"""What must hold, worked out anew from the raw log. Imports nothing of the services, nor of what they share."""
