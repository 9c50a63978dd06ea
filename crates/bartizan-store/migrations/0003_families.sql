-- What a device said of itself and what the user said of it. Devices of older versions have no row: plain RTSP.
create table device_facts (
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

-- Ways to reach a device, best first. Place 0 has the host and the RTSP port that devices repeats. A null port is the
-- usual one.
create table routes (
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
