CREATE TABLE channels (
    device text not null references devices (id) on delete cascade,
    number integer not null check (number between 0 and 65535),
    name text not null,
    primary key (device, number)
) strict, without rowid;
CREATE TABLE device_facts (
    device text primary key not null references devices (id) on delete cascade,
    family text not null,
    class text not null,
    maker text not null,
    model text not null,
    firmware text not null,
    serial text not null,
    mac text not null,
    own_name text not null,
    added_by text not null,
    -- 1: stored while out of reach, its streams were never asked for.
    unverified integer not null check (unverified in (0, 1))
) strict, without rowid;
CREATE TABLE devices (
    id text primary key not null,
    name text not null,
    host text not null,
    port integer not null check (port between 1 and 65535),
    user text not null,
    -- Sealed by the vault with the id as associated data; null: none stored.
    password_cipher blob,
    transport text not null,
    added_at_us integer not null,
    -- Order in lists; gaps are fine.
    position integer not null,
    deleted_at_us integer
) strict;
CREATE TABLE favourite_channels (
    favourite text not null references favourites (id) on delete cascade,
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    -- Order in the group; gaps are fine.
    place integer not null,
    primary key (favourite, device, channel)
) strict, without rowid;
CREATE TABLE favourites (
    id text primary key not null,
    name text not null,
    -- Windows of its wall.
    layout integer not null check (layout between 1 and 64),
    -- Order in lists; gaps are fine.
    position integer not null,
    deleted_at_us integer
) strict;
CREATE TABLE last_pictures (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    taken_at_us integer not null,
    -- Sealed by the vault with 'picture DEVICE CHANNEL' as associated data.
    jpeg_cipher blob not null,
    primary key (device, channel)
) strict;
CREATE TABLE looks (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    -- A JSON object.
    look text not null,
    primary key (device, channel)
) strict, without rowid;
CREATE TABLE routes (
    device text not null references devices (id) on delete cascade,
    place integer not null,
    host text not null,
    http integer,
    https integer,
    rtsp integer,
    server integer,
    -- SHA-256 of the accepted certificate, 32 bytes.
    pin blob,
    primary key (device, place)
) strict, without rowid;
CREATE TABLE settings (
    key text primary key not null,
    value text not null
) strict, without rowid;
CREATE TABLE stream_choices (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    -- 'custom_…': as 'hd' and 'fluent', after the encoder of that stream was set by hand.
    choice text not null check (choice in ('fluent', 'hd', 'custom_main', 'custom_sub')),
    primary key (device, channel)
) strict, without rowid;
CREATE TABLE streams (
    device text not null,
    channel integer not null,
    profile text not null check (profile in ('main', 'sub')),
    path text not null,
    codec text,
    width integer,
    height integer, path_cipher blob,
    primary key (device, channel, profile),
    foreign key (device, channel) references channels (device, number) on delete cascade
) strict, without rowid;
CREATE TABLE traffic (
    device text not null,
    -- YYYY-MM, UTC.
    month text not null,
    metered integer not null check (metered in (0, 1)),
    bytes integer not null check (bytes >= 0),
    primary key (month, device, metered)
) strict, without rowid;
CREATE TABLE vault_key (
    only integer primary key not null check (only = 1),
    -- Grows with every new key, so that another process that still holds the old one notices.
    generation integer not null,
    -- All null: the key lies in the keychain or in the key file. Else it lies here, encrypted with a key that Argon2id
    -- makes of the app's PIN or password.
    kind text check (kind in ('pin', 'password')),
    memory_kib integer,
    passes integer,
    lanes integer,
    salt blob,
    wrapped blob,
    -- Wrong tries since the last right one.
    wrong_tries integer not null,
    -- How long the app may be away before it asks again.
    ask_after_s integer not null,
    check ((kind is null) = (wrapped is null) and (salt is null) = (wrapped is null))
) strict;
