#!/bin/sh
# deploy/prometheus/rules as the Prometheus operator reads them. After a change there:
#   deploy/kubernetes/prometheus-rule.sh > deploy/kubernetes/components/prometheus-operator/prometheus-rule.yaml
set -eu
cat <<'EOS'
# Made from deploy/prometheus/rules by deploy/kubernetes/prometheus-rule.sh. Change those files, and make this one again.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tallystick
  namespace: tallystick
spec:
  groups:
EOS
cd "$(dirname "$0")/../prometheus/rules"
for file in recording councils statements pipeline; do
  sed '1,/^groups:/d; s/^./  &/' "$file.yml"
done
