-- What browsers tell us: pages seen, buttons pressed, links followed, requests that failed.

CREATE TABLE client_visits (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    member_id   bigint REFERENCES members ON DELETE SET NULL,
    user_agent  text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 1000),
    referrer    text CHECK (length(referrer) <= 2000),
    started_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX client_visits_member_idx ON client_visits (member_id);
CREATE INDEX client_visits_started_idx ON client_visits USING brin (started_at);

CREATE TABLE page_views (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id   uuid NOT NULL REFERENCES client_visits ON DELETE CASCADE,
    url        text NOT NULL CHECK (length(url) <= 2000),
    width      integer CHECK (width > 0),
    height     integer CHECK (height > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX page_views_visit_idx ON page_views (visit_id);
CREATE INDEX page_views_created_idx ON page_views USING brin (created_at);

CREATE TABLE button_clicks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id   uuid NOT NULL REFERENCES client_visits ON DELETE CASCADE,
    url        text NOT NULL CHECK (length(url) <= 2000),
    button     text NOT NULL CHECK (length(button) <= 200),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX button_clicks_visit_idx ON button_clicks (visit_id);

CREATE TABLE link_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id   uuid NOT NULL REFERENCES client_visits ON DELETE CASCADE,
    url        text NOT NULL CHECK (length(url) <= 2000),
    target_url text NOT NULL CHECK (length(target_url) <= 2000),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX link_events_visit_idx ON link_events (visit_id);

CREATE TABLE request_errors (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id   uuid NOT NULL REFERENCES client_visits ON DELETE CASCADE,
    url        text NOT NULL CHECK (length(url) <= 2000),
    status     integer,
    message    text NOT NULL CHECK (length(message) <= 4000),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX request_errors_visit_idx ON request_errors (visit_id);
