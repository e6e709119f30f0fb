#!/bin/sh
# The passwords of PostgreSQL's roles, and the addresses that hold them, are files in deploy/secrets. What exists is kept:
# a database that was made with one password does not open with another.
# Compose reads in .env where they are; so it can say that this script has not been run.
set -eu
cd "$(dirname "$0")/.."
mkdir -p deploy/secrets
chmod 700 deploy/secrets

write() {  # NAME CONTENT
  # Readable by all: the containers' users differ, and the folder keeps out whoever else is on this machine.
  [ -e "deploy/secrets/$1" ] || { printf '%s' "$2" >"deploy/secrets/$1" && chmod 444 "deploy/secrets/$1"; }
}

for role in superuser migrate app readonly; do
  write "${role}_password" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done
for role in migrate app; do
  for database in catalogue sla_monitor billing; do
    password=$(cat "deploy/secrets/${role}_password")
    write "${database}_${role}_url" "postgresql+psycopg://tallystick_$role:$password@postgres/$database"
  done
done

# An Ed25519 key in PKCS 8, whose 16 bytes before the key itself are always these.
signing_key() {
  echo '-----BEGIN PRIVATE KEY-----'
  { printf '\060\056\002\001\000\060\005\006\003\053\145\160\004\042\004\040' && head -c 32 /dev/urandom; } | base64 | tr -d '\n'
  printf '\n-----END PRIVATE KEY-----\n'
}

random() {  # BYTES, as Base64 for addresses
  head -c "$1" /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_'
}

# What access tokens are signed by, and what statements are sealed by.
write signing_key "$(signing_key)"
write sealing_key "$(signing_key)"
# The client of operators' commands, which `python -m catalogue bootstrap` makes.
write operator_client_id "tsc_$(random 12)"
write operator_client_secret "tss_$(random 32)"
# What your OpenID provider gave this installation; people sign in once there is something in it (docs/access.md).
write oidc_client_secret ""
# What the mail server asks billing for; mails are sent once there is a host in .env (docs/closing.md).
write smtp_password ""

grep -qs '^TALLYSTICK_SECRETS=' .env || echo 'TALLYSTICK_SECRETS=./deploy/secrets' >>.env
