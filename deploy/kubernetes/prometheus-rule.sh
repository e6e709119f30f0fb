#!/bin/sh
# deploy/prometheus/alerts.yml as the Prometheus operator reads it. After a change of that file:
#   deploy/kubernetes/prometheus-rule.sh > deploy/kubernetes/components/prometheus-operator/prometheus-rule.yaml
set -eu
cat <<'EOS'
# Made from deploy/prometheus/alerts.yml by deploy/kubernetes/prometheus-rule.sh. Change that file, and make this one again.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tallystick
  namespace: tallystick
spec:
EOS
sed 's/^./  &/' "$(dirname "$0")/../prometheus/alerts.yml"
