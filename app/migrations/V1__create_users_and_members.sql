-- Who may sign in, and who buys. A member is a user with a customer's data; staff are users without.

CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL CHECK (email LIKE '_%@_%' AND length(email) <= 254),
    password_hash text,
    is_active     boolean NOT NULL DEFAULT true,
    last_login_at timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
-- Addresses are kept as typed and compared without case.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE TRIGGER users_updated_at BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE roles (
    code        text PRIMARY KEY CHECK (code ~ '^[a-z_]{1,40}$'),
    description text NOT NULL
);

CREATE TABLE user_roles (
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    role_code  text NOT NULL REFERENCES roles,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, role_code)
);
CREATE INDEX user_roles_role_idx ON user_roles (role_code);

CREATE TABLE sessions (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    CHECK (expires_at > created_at)
);
CREATE INDEX sessions_user_idx ON sessions (user_id);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

CREATE TABLE password_resets (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX password_resets_user_idx ON password_resets (user_id);

CREATE TABLE email_verifications (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    email        text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    verified_at  timestamptz
);
CREATE INDEX email_verifications_user_idx ON email_verifications (user_id);

CREATE TABLE members (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id               bigint NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    display_name          text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 150),
    newsletter_subscribed boolean NOT NULL DEFAULT false,
    unsubscribe_token     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER members_updated_at BEFORE UPDATE ON members FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE member_addresses (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id    bigint NOT NULL REFERENCES members ON DELETE CASCADE,
    label        text NOT NULL DEFAULT 'home',
    recipient    text NOT NULL,
    line1        text NOT NULL,
    line2        text,
    city         text NOT NULL,
    region       text,
    postal_code  text NOT NULL,
    country_code text NOT NULL CHECK (country_code ~ '^[A-Z]{2}$'),
    is_default   boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX member_addresses_member_idx ON member_addresses (member_id);
CREATE UNIQUE INDEX member_addresses_one_default ON member_addresses (member_id) WHERE is_default;
CREATE TRIGGER member_addresses_updated_at BEFORE UPDATE ON member_addresses FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE terms_of_use_versions (
    version      text PRIMARY KEY,
    notes        text NOT NULL,
    published_at timestamptz NOT NULL
);

CREATE TABLE member_terms_of_use_agreements (
    member_id            bigint NOT NULL REFERENCES members ON DELETE CASCADE,
    terms_of_use_version text NOT NULL REFERENCES terms_of_use_versions,
    agreed_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (member_id, terms_of_use_version)
);
CREATE INDEX member_terms_of_use_agreements_version_idx ON member_terms_of_use_agreements (terms_of_use_version);

INSERT INTO roles (code, description) VALUES
    ('administrator', 'Everything, including other people''s roles'),
    ('merchandiser', 'Products, prices and stock'),
    ('support', 'Orders, refunds and members');
INSERT INTO terms_of_use_versions (version, notes, published_at) VALUES
    ('1', 'First version', '2025-01-01 00:00:00+00');
