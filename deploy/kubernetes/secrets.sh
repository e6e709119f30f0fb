#!/bin/sh
# The Secrets of a trial on one node, as YAML: deploy/kubernetes/secrets.sh | kubectl apply -f -
# Their passwords are those of deploy/secrets.sh, which generates them once. Kafka and Redis have none there; in
# production all have, and another tool makes these Secrets (docs/kubernetes.md lists their keys).
set -eu
cd "$(dirname "$0")/../.."
deploy/secrets.sh
kafka=${TALLYSTICK_KAFKA:-tallystick-kafka-bootstrap.tallystick-data:9092}
redis=${TALLYSTICK_REDIS:-redis.tallystick-data:6379}
postgres=${TALLYSTICK_POSTGRES:-postgres-rw.tallystick-data:5432}

secret() {  # NAME KEY=VALUE…
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: tallystick}\nstringData:\n' "$1"
  shift
  for pair; do printf '  %s: "%s"\n' "${pair%%=*}" "$(printf '%s' "${pair#*=}" | awk '{printf "%s%s", sep, $0; sep = "\\n"}')"; done
}

database() {  # ROLE NAME
  printf 'postgresql+psycopg://tallystick_%s:%s@%s/%s' "$1" "$(cat "deploy/secrets/$1_password")" "$postgres" "$2"
}

secret topics "BUS_URL=kafka://$kafka"
secret catalogue "BUS_URL=kafka://$kafka" "DATABASE_URL=$(database app catalogue)" \
  "SIGNING_KEY=$(cat deploy/secrets/signing_key)" "LIMITS_URL=redis://$redis/1" \
  "OIDC_CLIENT_SECRET=$(cat deploy/secrets/oidc_client_secret)"
secret billing "BUS_URL=kafka://$kafka" "DATABASE_URL=$(database app billing)" \
  "SEALING_KEY=$(cat deploy/secrets/sealing_key)"
secret sla-monitor "BUS_URL=kafka://$kafka" "DATABASE_URL=$(database app sla_monitor)" "STATE_URL=redis://$redis/0"
secret catalogue-migrate "DATABASE_URL=$(database migrate catalogue)"
secret billing-migrate "DATABASE_URL=$(database migrate billing)"
secret sla-monitor-migrate "DATABASE_URL=$(database migrate sla_monitor)"
