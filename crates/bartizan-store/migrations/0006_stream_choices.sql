-- Which stream of a channel its window plays, where the user chose one; no row: chosen by the size of the window. As with
-- groups it names the device and not its channel, since a device's channels are written anew when it is edited.
create table stream_choices (
    device text not null references devices (id) on delete cascade,
    channel integer not null check (channel between 0 and 65535),
    -- 'custom_…': as 'hd' and 'fluent', after the encoder of that stream was set by hand.
    choice text not null check (choice in ('fluent', 'hd', 'custom_main', 'custom_sub')),
    primary key (device, channel)
) strict, without rowid;
