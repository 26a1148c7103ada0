create table customers (id int);
