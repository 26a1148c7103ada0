-- What we send: templates, what was sent to whom, and the people who asked to hear from us.

CREATE TABLE email_templates (
    code       text PRIMARY KEY CHECK (code ~ '^[a-z_]+$'),
    subject    text NOT NULL,
    body_text  text NOT NULL,
    body_html  text,
    is_active  boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER email_templates_updated_at BEFORE UPDATE ON email_templates FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE prospects (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email             text NOT NULL CHECK (email LIKE '_%@_%' AND length(email) <= 254),
    first_heard_from  text,
    unsubscribe_token uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    unsubscribed_at   timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX prospects_email_key ON prospects (lower(email));

CREATE TABLE emails_sent (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_code text NOT NULL REFERENCES email_templates,
    member_id     bigint REFERENCES members ON DELETE SET NULL,
    prospect_id   bigint REFERENCES prospects ON DELETE SET NULL,
    order_id      uuid REFERENCES orders ON DELETE SET NULL,
    sent_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX emails_sent_template_idx ON emails_sent (template_code, sent_at);
CREATE INDEX emails_sent_member_idx ON emails_sent (member_id);
CREATE INDEX emails_sent_prospect_idx ON emails_sent (prospect_id);
CREATE INDEX emails_sent_order_idx ON emails_sent (order_id);

INSERT INTO email_templates (code, subject, body_text) VALUES
    ('order_placed', 'We have your order {order_number}', 'Thank you. We write again when it is on its way.'),
    ('order_shipped', 'Your order {order_number} is on its way', 'Follow it here: {tracking_url}'),
    ('password_reset', 'A new password', 'Choose one here, within the hour: {reset_url}'),
    ('verify_email', 'Is this address yours?', 'If so, follow this link: {verify_url}');
