-- What members think of products, and who changed what.

CREATE TABLE product_reviews (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id   bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    member_id    bigint NOT NULL REFERENCES members ON DELETE CASCADE,
    rating       smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    review       text NOT NULL DEFAULT '' CHECK (length(review) <= 5000),
    published_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, member_id)
);
CREATE INDEX product_reviews_member_idx ON product_reviews (member_id);

CREATE TABLE audit_entries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint REFERENCES users ON DELETE SET NULL,
    action     text NOT NULL,
    subject    text NOT NULL,
    details    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_entries_user_idx ON audit_entries (user_id);
CREATE INDEX audit_entries_created_idx ON audit_entries USING brin (created_at);
