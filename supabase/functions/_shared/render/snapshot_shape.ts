/**
 * The shape of a newsletter's snapshot, so that what the database makes can be held against the types in `input.ts`.
 *
 * The compiler compares the keys here with those of the types, and a test compares them with a newsletter that SQL
 * made: a key that is added, renamed or dropped on one side fails one of the two.
 */

import type { Snapshot, SnapshotMusic, SnapshotPrompt, SnapshotResponse } from "./input.ts";

/** Says what is wrong with a value, each with its path; nothing where it is right. */
type Check = (value: unknown, path: string) => string[];

/** A check for each key of a type, optional ones included. */
type Shape<T> = { readonly [Key in keyof Required<T>]: Check };

/** Return what is wrong with a snapshot: missing and unknown keys, and values of another type. */
export function problemsOf(snapshot: unknown): string[] {
  return SNAPSHOT(snapshot, "content");
}

const text: Check = (value, path) => typeof value === "string" ? [] : [`${path} is not a text`];

const number: Check = (value, path) => typeof value === "number" ? [] : [`${path} is not a number`];

function orNull(check: Check): Check {
  return (value, path) => value === null ? [] : check(value, path);
}

/** For a key that the database leaves out where there is nothing to say. */
function orAbsent(check: Check): Check {
  const optional: Check = (value, path) => value === undefined ? [] : check(value, path);
  ABSENT.add(optional);
  return optional;
}

const ABSENT = new WeakSet<Check>();

function listOf(check: Check): Check {
  return (value, path) =>
    Array.isArray(value)
      ? value.flatMap((one, index) => check(one, `${path}[${index}]`))
      : [`${path} is not a list`];
}

function object<T>(shape: Shape<T>): Check {
  const checks = Object.entries<Check>(shape);
  return (value, path) => {
    if (typeof value !== "object" || value === null) return [`${path} is not an object`];
    const given = value as Record<string, unknown>;
    return [
      ...Object.keys(given).filter((key) => !(key in shape)).map((key) => `${path}.${key} is unknown`),
      ...checks.flatMap(([key, check]) =>
        key in given || ABSENT.has(check)
          ? check(given[key], `${path}.${key}`)
          : [`${path}.${key} is missing`]
      ),
    ];
  };
}

const MUSIC = object<SnapshotMusic>({
  url: text,
  provider: orAbsent(orNull(text)),
  title: orAbsent(orNull(text)),
  artist: orAbsent(orNull(text)),
});

const RESPONSE = object<SnapshotResponse>({
  id: text,
  author: object<SnapshotResponse["author"]>({
    id: orNull(text),
    display_name: text,
    username: orNull(text),
    avatar_path: orNull(text),
  }),
  content: orNull(text),
  image_path: orNull(text),
  image_caption: orNull(text),
  music: orNull(MUSIC),
  published_at: orNull(text),
});

const PROMPT = object<SnapshotPrompt>({
  id: text,
  order: number,
  question: text,
  responses: listOf(RESPONSE),
});

const SNAPSHOT = object<Snapshot>({
  space: object<Snapshot["space"]>({
    id: text,
    name: text,
    description: orNull(text),
    cover_path: orNull(text),
    language: orNull(text),
  }),
  week_number: number,
  curator: orNull(object<NonNullable<Snapshot["curator"]>>({ id: orNull(text), display_name: text })),
  prompts: listOf(PROMPT),
});
