-- How a channel's picture is shown here: turned, mirrored, brighter, straightened. What it says is the page's matter.
create table looks (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    -- A JSON object.
    look text not null,
    primary key (device, channel)
) strict, without rowid;

-- Last pictures show what a camera sees, so they are sealed as passwords are. Those that lie here in clear go: each
-- channel has a new one within a minute of being watched.
drop table last_pictures;
create table last_pictures (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    taken_at_us integer not null,
    -- Sealed by the vault with 'picture DEVICE CHANNEL' as associated data.
    jpeg_cipher blob not null,
    primary key (device, channel)
) strict;
