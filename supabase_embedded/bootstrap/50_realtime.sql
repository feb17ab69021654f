-- Schema `realtime`: messages sent from the database, and who may receive and send on a private channel.
--
-- A policy for `select` on realtime.messages decides who receives, one for `insert` who sends. The realtime server checks
-- them with rows that have only a topic and an extension; `realtime.topic()` returns the topic of the channel.

create schema realtime;
grant usage on schema realtime to anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin, dashboard_user;
grant usage on schema realtime to postgres with grant option;

create table realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp without time zone not null default now(),
  inserted_at timestamp without time zone not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at)
) partition by range (inserted_at);

comment on table realtime.messages is
  'Broadcasts from the database; its policies protect private channels. One partition a day, kept three days.';

create index messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private is true;

alter table realtime.messages enable row level security;

create function realtime.topic() returns text
  language sql
  stable
as $$
  select nullif(current_setting('realtime.topic', true), '')
$$;
comment on function realtime.topic() is 'The topic of the channel that is being authorised, or null.';

create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
  language plpgsql
as $$
declare
  v_id uuid := gen_random_uuid();
begin
  if jsonb_typeof(send.payload) <> 'object' then
    raise exception 'the payload must be a JSON object';
  end if;

  -- Policies on realtime.messages read the topic from here.
  perform set_config('realtime.topic', send.topic, true);

  insert into realtime.messages (id, payload, event, topic, private, extension)
  values (
    v_id,
    case when send.payload ? 'id' then send.payload else jsonb_set(send.payload, '{id}', to_jsonb(v_id)) end,
    send.event, send.topic, send.private, 'broadcast'
  );
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;
comment on function realtime.send(jsonb, text, text, boolean) is
  'Broadcast a JSON object to a topic. It never fails: an error becomes a warning. Runs with the caller''s rights.';

create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true) returns void
  language plpgsql
as $$
begin
  perform set_config('realtime.topic', send_binary.topic, true);

  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (send_binary.payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast');
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;
comment on function realtime.send_binary(bytea, text, text, boolean) is
  'Broadcast bytes to a topic. It never fails: an error becomes a warning. Runs with the caller''s rights.';

create function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW'
) returns void
  language plpgsql
as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  elsif operation is null or operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema
    ),
    event_name, topic_name
  );
exception
  when others then
    raise exception 'Failed to process the row: %', sqlerrm;
end;
$$;
comment on function realtime.broadcast_changes(text, text, text, text, text, record, record, text) is
  'For triggers: broadcast a changed row to a topic. Unlike send(), it fails on an unknown operation.';

create function realtime.maintain_partitions(at timestamptz default now()) returns void
  language plpgsql
  set search_path = ''
as $$
declare
  v_today date := (at at time zone 'UTC')::date;
  v_day date;
  v_partition record;
begin
  for v_offset in -1 .. 7 loop
    v_day := v_today + v_offset;
    execute format(
      'create table if not exists realtime.%I partition of realtime.messages for values from (%L) to (%L)',
      'messages_' || to_char(v_day, 'YYYY_MM_DD'), v_day, v_day + 1
    );
  end loop;
  for v_partition in
    select c.relname
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'realtime.messages'::regclass
      and c.relname < 'messages_' || to_char(v_today - 3, 'YYYY_MM_DD')
  loop
    execute format('drop table realtime.%I', v_partition.relname);
  end loop;
end;
$$;
comment on function realtime.maintain_partitions(timestamptz) is
  'Create the partitions of the coming week and drop those of more than three days ago. The stack runs it hourly.';
revoke execute on function realtime.maintain_partitions(timestamptz) from public;

alter table realtime.messages owner to supabase_realtime_admin;
alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.send_binary(bytea, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
  owner to supabase_realtime_admin;

grant select, insert, update on realtime.messages to postgres, anon, authenticated, service_role;
grant all on realtime.messages to dashboard_user;

select realtime.maintain_partitions();

-- The realtime server reads sent messages from this publication, in which the partitions appear as one table.
create publication supabase_realtime_messages_publication
  for table realtime.messages with (publish = 'insert', publish_via_partition_root = true);
