-- Denials are read in pages, in the order of their transactions; one transaction may have recorded a million.

create index denials_position on auth_agent.denials (transaction_id, id);
drop index auth_agent.denials_transaction_id;

insert into auth_agent.schema_migrations (name) values ('20261125000001_denials_in_pages');
