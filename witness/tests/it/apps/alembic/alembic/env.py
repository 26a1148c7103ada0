import os

from alembic import context
from sqlalchemy import URL, create_engine

engine = create_engine(URL.create("postgresql+psycopg", database=os.environ["PGDATABASE"]))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
