#!/bin/sh
# Applies each file of db/migrations that the database does not have, in one transaction with its row in
# schema_migrations. psql takes the database from PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE.
set -eu
export PGOPTIONS='-c client_min_messages=warning'
run() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }

run --command 'create table if not exists schema_migrations (version varchar(128) primary key)'
applied=$(run --command 'select version from schema_migrations')
for file in db/migrations/*.sql; do
  name=${file##*/}
  version=${name%%_*}
  if printf '%s\n' "$applied" | grep --quiet --fixed-strings --line-regexp "$version"; then
    continue
  fi
  echo "Applying $name"
  run --single-transaction --file "$file" --command "insert into schema_migrations values ('$version')"
done
