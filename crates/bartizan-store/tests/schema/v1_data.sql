insert into devices values ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'Attic', 'attic.example', 554, '', null, 'tcp', 5, 2, null);
insert into devices values ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'Yard', '192.0.2.7', 8554, 'viewer', x'0100', 'udp', 1700000000000001, 1, null);
insert into devices values ('cccccccccccccccccccccccccccccccc', 'Gone', '192.0.2.8', 554, 'viewer', null, 'tcp', 7, 3, 99);
insert into channels values ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 1, 'Door'), ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 2, 'Gate');
insert into streams values ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 1, 'main', '/1/main', 'avc1.64001f', 1920, 1080);
insert into streams values ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 1, 'sub', '/1/sub', null, null, null);
