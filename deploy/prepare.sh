#!/bin/sh
# Makes what compose.yaml reads: .env, the files under deploy/secrets, the folder for backups.
# What is there stays as it is, so it may run again. Whoever is not root cannot enter deploy/secrets; inside, the files
# are readable, because Compose shows a container the file with the rights that it has here.
set -eu
cd "$(dirname "$0")/.."

secret() { # NAME VALUE
  [ -e "deploy/secrets/$1" ] || { printf '%s' "$2" >"deploy/secrets/$1"; chmod 0444 "deploy/secrets/$1"; }
}
random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

mkdir -p deploy/secrets && chmod 0700 deploy/secrets
secret secret_key "$(random)"
secret postgres_password "$(random)"
secret metrics_token "$(random)"
secret database_url "postgresql://kelaspay:$(cat deploy/secrets/postgres_password)@postgres:5432/kelaspay"
secret duitku_api_key ""
secret thinkific_api_key ""
secret smtp_url ""
mkdir -p backup && chown 10001:10001 backup 2>/dev/null || echo "Not root: run 'chown 10001:10001 backup' before the first backup."
[ -e .env ] || cat >.env <<'ENV'
SITE_ADDRESS=
DUITKU_ENVIRONMENT=sandbox
DUITKU_MERCHANT_CODE=
THINKIFIC_SUBDOMAIN=
MAIL_FROM=
ENV

cat <<'NEXT'
Now fill in
  .env                               SITE_ADDRESS, DUITKU_MERCHANT_CODE, THINKIFIC_SUBDOMAIN
  deploy/secrets/duitku_api_key      from Duitku's dashboard, project
  deploy/secrets/thinkific_api_key   from Thinkific, Settings, Code & Analytics
  deploy/secrets/smtp_url            smtp://user:password@host:587, or leave it empty
and keep a copy of deploy/secrets/secret_key away from this machine: a backup without it has to connect its schools anew.
Then: docker compose up -d --build
NEXT
