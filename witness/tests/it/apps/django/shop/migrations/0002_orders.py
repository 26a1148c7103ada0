from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_customers")]
    operations = [migrations.RunSQL("create table orders (id int)")]
