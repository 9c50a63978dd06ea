-- The whole path where it holds a login, sealed by the vault; `path` then has the login blanked.
alter table streams add column path_cipher blob;
