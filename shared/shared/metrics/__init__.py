"""What every service measures of itself; a service's own figures are in its adapters/metrics.py."""
