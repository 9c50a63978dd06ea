-- How the key that seals passwords is kept. One row.
create table vault_key (
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
insert into vault_key (only, generation, wrong_tries, ask_after_s) values (1, 1, 0, 0);
