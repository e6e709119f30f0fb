#!/bin/sh
# The roles and databases of a new PostgreSQL server, for a psql that runs elsewhere as a superuser. The passwords are those
# of deploy/secrets.sh; they go through the pipe, so that no list of processes shows them:
#   deploy/kubernetes/databases.sh | kubectl exec --stdin --namespace tallystick-data postgres-1 --container postgres -- psql
set -eu
cd "$(dirname "$0")/../.."
deploy/secrets.sh
for role in migrate app readonly; do
  name=$(printf 'TALLYSTICK_%s_PASSWORD' "$role" | tr '[:lower:]' '[:upper:]')
  printf '\\setenv %s %s\n' "$name" "$(cat "deploy/secrets/${role}_password")"
done
cat deploy/postgres/init.sql
