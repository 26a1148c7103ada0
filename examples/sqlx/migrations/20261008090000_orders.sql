create table orders (
  id bigint generated always as identity primary key,
  email text not null,
  placed_at timestamptz not null default now()
);
create table order_lines (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders on delete cascade,
  product_id bigint not null references products,
  quantity integer not null
);
