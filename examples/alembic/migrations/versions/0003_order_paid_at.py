"""when an order was paid"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column("orders", sa.Column("paid_at", sa.DateTime(timezone=True)))


def downgrade():
    op.drop_column("orders", "paid_at")
