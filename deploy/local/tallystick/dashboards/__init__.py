"""The Grafana dashboards of provider operations, as plain JSON that Grafana provisions.

`panels` has the kinds of panel, `dashboard` what every dashboard shares; then each dashboard is a file.
"""
