from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("create table customers (id int)")
