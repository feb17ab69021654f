-- Live updates. On the private channel space:{space_id} members receive what happens in the space. Only the database
-- sends there, so what comes from it is true. On room:{space_id} members receive and send: presence, and small talk
-- such as "is writing"; there anybody can claim anything. user:{user_id} is a person's own.
--
-- For people who use plain Postgres Changes, three tables are in the platform's publication; row level security holds
-- there too.

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.can_hear_topic(topic text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select case
    when can_hear_topic.topic like 'space:%' then
      private.try_uuid(substr(can_hear_topic.topic, 7)) = any (array(select private.my_space_ids()))
    when can_hear_topic.topic like 'room:%' then
      private.try_uuid(substr(can_hear_topic.topic, 6)) = any (array(select private.my_space_ids()))
    when can_hear_topic.topic like 'user:%' then substr(can_hear_topic.topic, 6) = (select auth.uid())::text
    else false
  end;
$$;
comment on function private.can_hear_topic(text) is
  'Return true if the caller may join a private channel: those of a space for its members, a person''s own. Definer '
  'to look into memberships; safe because it looks at the caller only.';
grant execute on function private.can_hear_topic(text) to anon, authenticated, service_role;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Monogram: members receive on the channels of their spaces" on realtime.messages
  for select to authenticated using (
    extension in ('broadcast', 'presence') and (select private.can_hear_topic((select realtime.topic())))
  );

create policy "Monogram: members send in the rooms of their spaces" on realtime.messages
  for insert to authenticated with check (
    extension in ('broadcast', 'presence')
    and (select realtime.topic()) not like 'space:%'
    and (select private.can_hear_topic((select realtime.topic())))
  );

alter publication supabase_realtime add table public.prompts, public.responses, public.newsletters;
