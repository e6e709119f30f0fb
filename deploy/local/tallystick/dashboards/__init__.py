"""The Grafana dashboards of provider operations, as plain JSON that Grafana provisions.

`panels` and `tables` have the kinds of panel, `queries` the words in which they ask Prometheus, `dashboard` what every
dashboard shares; then each dashboard is a file.
"""
