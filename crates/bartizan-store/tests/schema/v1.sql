CREATE TABLE channels (
    device text not null references devices (id) on delete cascade,
    number integer not null check (number between 0 and 65535),
    name text not null,
    primary key (device, number)
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
CREATE TABLE streams (
    device text not null,
    channel integer not null,
    profile text not null check (profile in ('main', 'sub')),
    path text not null,
    codec text,
    width integer,
    height integer,
    primary key (device, channel, profile),
    foreign key (device, channel) references channels (device, number) on delete cascade
) strict, without rowid;
