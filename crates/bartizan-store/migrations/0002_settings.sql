-- Settings of this installation; value is JSON text.
create table settings (
    key text primary key not null,
    value text not null
) strict, without rowid;
