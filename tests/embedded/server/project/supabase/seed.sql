-- A user as seeds make them: a row with a ready bcrypt hash (of "seed-password") and no call of the API.

insert into auth.users (
  id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token, email_change,
  email_change_token_new, raw_app_meta_data, raw_user_meta_data
) values (
  '5eed0000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'seeded@example.test',
  '$2a$10$cZMwwtMmBpLZDCWEDY1dFO4Hy1eLlkW9bZGZJXAa1teNUc4rJtWwy', now(), '', '', '', '',
  '{"provider": "email", "providers": ["email"]}', '{"name": "Seeded"}'
) on conflict (id) do nothing;
insert into auth.identities (id, provider, provider_id, user_id, identity_data) values (
  '5eed0000-0000-4000-8000-000000000001', 'email', '5eed0000-0000-4000-8000-000000000001',
  '5eed0000-0000-4000-8000-000000000001',
  '{"sub": "5eed0000-0000-4000-8000-000000000001", "email": "seeded@example.test"}'
) on conflict (id) do nothing;
