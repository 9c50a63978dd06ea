-- A group of channels with a wall of its own. A row with deleted_at_us is in the bin, as with devices.
create table favourites (
    id text primary key not null,
    name text not null,
    -- Windows of its wall.
    layout integer not null check (layout between 1 and 64),
    -- Order in lists; gaps are fine.
    position integer not null,
    deleted_at_us integer
) strict;

-- What is in a group. It names the device and not its channel, since a device's channels are written anew when it is
-- edited; a number the device no longer has is not shown.
create table favourite_channels (
    favourite text not null references favourites (id) on delete cascade,
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    -- Order in the group; gaps are fine.
    place integer not null,
    primary key (favourite, device, channel)
) strict, without rowid;

-- Bytes received. No reference: what a removed device cost still counts against the month.
create table traffic (
    device text not null,
    -- YYYY-MM, UTC.
    month text not null,
    metered integer not null check (metered in (0, 1)),
    bytes integer not null check (bytes >= 0),
    primary key (month, device, metered)
) strict, without rowid;

-- The newest small picture of a channel, for lists and for the moment before live pictures come.
create table last_pictures (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    taken_at_us integer not null,
    jpeg blob not null,
    primary key (device, channel)
) strict;
